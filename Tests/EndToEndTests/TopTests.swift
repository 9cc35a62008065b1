import Foundation
import Glibc
import Testing

@Suite struct TopTests {
  private func top(_ gate: Gate, _ keys: String, _ more: String...) throws -> String {
    try run(
      "python3",
      ["-c", PseudoTerminal.script, "1.2", keys, Place.gatehouse, "top", "--every", "0.3"]
        + ["--socket", gate.socket] + more, seconds: 90
    ).standardOutput
  }

  private func server(_ gate: Gate, _ name: String) throws -> String {
    try gate.admin("GET", "/v1/servers/web/\(name)").body
  }

  @Test func `drains and weighs the server that is chosen, and gives the terminal back`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    for _ in 0..<4 { _ = try gate.curl() }
    let screen = try top(gate, "j d @40,120 + ? x q")
    #expect(screen.contains("\u{1b}[?1049h") && screen.contains("\u{1b}[?1049l"), "\(screen)")
    #expect(screen.contains("OK since ") && screen.contains("> web/s2"))
    #expect(screen.contains("web/s2: drain, weight 1"))
    #expect(screen.contains("STATUS 0\nRESTORED"), "\(screen.suffix(300))")
    #expect(try server(gate, "s2").contains(#""state" : "drain""#))
    #expect(try server(gate, "s2").contains(#""weight" : 2"#))
    #expect(try server(gate, "s1").contains(#""state" : "up""#))
    // Nothing is wider than its screen.
    let first = screen.split(separator: "\u{1b}[H").dropFirst().first ?? ""
    for line in first.replacing(/\x1b\[[0-9;?]*[a-zA-Z]/, with: "").split(separator: "\r\n") {
      #expect(line.count <= 80, "\(line)")
    }
  }

  @Test func `asks before the last server of a backend goes, and does nothing without a key`()
    throws
  {
    let gate = try Gate([.named("s1")])
    let screen = try top(gate, "d n ~")
    #expect(screen.contains("web/s1 is the last server of web"))
    #expect(screen.contains("not done"))
    #expect(screen.contains("STATUS 0\nRESTORED"), "\(screen.suffix(300))")
    #expect(try server(gate, "s1").contains(#""state" : "up""#))
    _ = try top(gate, "d y \u{3}")
    #expect(try server(gate, "s1").contains(#""state" : "drain""#))
  }

  @Test func `prints one frame where there is no terminal`() throws {
    let gate = try Gate([.named("s1")])
    let frame = try gate.command("top", "--socket", gate.socket)
    #expect(frame.status == 0 && frame.standardOutput.hasPrefix("OK since "))
    #expect(frame.standardOutput.contains("> web/s1  + up"))
    #expect(!frame.standardOutput.contains("\u{1b}"))
    #expect(try run(Place.gatehouse, ["top", "--socket", "/nonexistent"]).status == 2)
  }
}
