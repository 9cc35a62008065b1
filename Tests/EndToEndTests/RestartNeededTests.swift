import Foundation
import Testing

/// Settings that an apply can't put to work.
@Suite struct RestartNeededTests {
  @Test func `an apply names what needs a restart, and the status as long as it does`() throws {
    let gate = try Gate([.named("s1")])
    let before = try String(contentsOfFile: gate.path, encoding: .utf8)
    try gate.rewrite {
      $0.replacing("workers: 1", with: "workers: 2").replacing(
        "admin: { socket: admin.sock }",
        with: "admin: { socket: other.sock, group: nogroup, haproxy_socket: h.sock }")
    }
    let told = try gate.command("apply", "--socket", gate.socket)
    #expect(told.status == 1, "\(told)")
    #expect(told.standardOutput.contains("generation 2"))
    let line = "workers: 1 -> 2 needs a restart: systemctl restart gatehouse"
    #expect(told.standardOutput.contains("warning: \(line)"))
    for setting in ["admin.socket", "admin.group", "admin.haproxy_socket"] {
      #expect(told.standardOutput.contains("warning: \(setting): "), "\(setting)")
    }
    #expect(gate.log.contains("warning \(line)"))
    let status = try gate.command("status", "--socket", gate.socket)
    #expect(status.status == 0 && status.standardOutput.contains("note: \(line)"))
    #expect(try gate.status().restartNeeded.count == 4)
    let json = try gate.command("apply", "--json", "--socket", gate.socket)
    #expect(json.status == 1 && json.standardOutput.contains("\"\(line)\""))

    try gate.rewrite { _ in before }
    let back = try gate.command("apply", "--socket", gate.socket)
    #expect(back.status == 0 && !back.standardOutput.contains("needs a restart"))
    #expect(try gate.status().restartNeeded.isEmpty)
  }

  @Test func `a broken file keeps nobody from asking the process by its socket`() throws {
    let gate = try Gate([.named("s1")])
    try gate.rewrite { _ in "listeners: [\n" }
    let told = try gate.command("status", "-c", gate.path)
    #expect(told.status == 2 && told.standardError.contains("--socket "), "\(told)")
    #expect(try gate.command("status", "--socket", gate.socket).status == 0)
  }
}
