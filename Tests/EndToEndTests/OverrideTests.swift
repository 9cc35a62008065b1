import Foundation
import Glibc
import Testing

@Suite struct OverrideTests {
  private func list(_ gate: Gate) throws -> Output {
    try gate.command("overrides", "list", "--socket", gate.socket)
  }

  @Test func `an override ends by itself, and a restart does not make it longer`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    _ = try gate.command(
      "server", "set", "web/s1", "--weight", "9", "--for", "4s", "--reason", "a test",
      "--socket", gate.socket)
    let first = try list(gate).standardOutput
    #expect(first.contains("web/s1.weight  1           9           9          "))
    #expect(first.contains("a test"))
    try gate.restart()
    #expect(try list(gate).standardOutput.contains("web/s1.weight"))
    #expect(gate.waitForLog("override web/s1.weight has ended"))
    #expect(try list(gate).standardOutput == "no overrides: all is as the file says\n")
    #expect(try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""weight" : 1"#))
    let kept = gate.folder.url.appendingPathComponent("state/overrides.json")
    #expect(try String(contentsOf: kept, encoding: .utf8).contains(#""overrides" : [""#) == false)
  }

  @Test func `a file that contradicts is a conflict, which stays until it is resolved`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    _ = try gate.command("server", "set", "web/s1", "--weight", "9", "--socket", gate.socket)
    #expect(try list(gate).status == 0)
    try gate.rewrite {
      $0.replacing(/(s1: \{ address: "[^"]*")/) { "\($0.output.1), weight: 5" }
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(gate.waitForLog("CONFLICT: override web/s1.weight = 9 stays"))
    let conflict = try list(gate)
    #expect(conflict.status == 1)
    #expect(conflict.standardOutput.contains("the file said 1, now 5"))
    let status = try gate.command("status", "--socket", gate.socket)
    #expect(status.status == 1)
    #expect(
      status.standardOutput.contains(
        /^DEGRADED since [0-9:]{5} – CONFLICT: web\/s1.weight is 9 by/))
    #expect(try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""weight" : 9"#))
    // A restart forgets neither the override nor the conflict.
    try gate.restart()
    #expect(try list(gate).standardOutput.contains("the file said 1, now 5"))
    _ = try gate.command("overrides", "clear", "web/s1.weight", "--socket", gate.socket)
    #expect(try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""weight" : 5"#))
    #expect(
      try gate.command("status", "--socket", gate.socket).standardOutput.hasPrefix("OK since "))
  }

  @Test func `an override of a server that the file lost is kept as an orphan`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    _ = try gate.command("server", "set", "web/s2", "--state", "drain", "--socket", gate.socket)
    let good = try String(contentsOfFile: gate.path, encoding: .utf8)
    try gate.rewrite { $0.replacing(/\ +s2: .*\n/, with: "") }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try list(gate).standardOutput.contains("orphan: the file has no such server"))
    try gate.rewrite { _ in good }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try gate.admin("GET", "/v1/servers/web/s2").body.contains(#""state" : "drain""#))
  }

  @Test func `damaged overrides are not trusted, and that is said loudly`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    _ = try gate.command("server", "set", "web/s1", "--weight", "9", "--socket", gate.socket)
    let kept = gate.folder.url.appendingPathComponent("state/overrides.json")
    let good = try Data(contentsOf: kept)
    try good.prefix(good.count / 2).write(to: kept)
    try gate.restart()
    #expect(gate.log.contains("overrides.json is damaged"))
    #expect(try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""weight" : 1"#))
    let status = try gate.command("status", "--socket", gate.socket)
    #expect(status.standardOutput.hasPrefix("DEGRADED since "))
    #expect(status.standardOutput.contains("overrides.json is damaged"))
    #expect(try Data(contentsOf: kept) == good.prefix(good.count / 2))
    _ = try gate.command("overrides", "clear", "--all", "--socket", gate.socket)
    #expect(
      try gate.command("status", "--socket", gate.socket).standardOutput.hasPrefix("OK since "))
    #expect(FileManager.default.fileExists(atPath: kept.path + ".damaged"))
  }

  @Test func `without a folder to keep them in, it warns and goes on`() throws {
    let gate = try Gate(
      [.named("s1")], edit: { $0.replacing("state: state", with: "state: /proc/nothing") })
    #expect(gate.log.contains("the state folder /proc/nothing can't be made"))
    let set = try gate.command("server", "set", "web/s1", "--weight", "9", "--socket", gate.socket)
    #expect(set.status == 0)
    #expect(try list(gate).standardOutput.contains("web/s1.weight"))
  }

  @Test func `two processes do not share a folder`() throws {
    let gate = try Gate([.named("s1")])
    let state = gate.folder.url.appendingPathComponent("state").path
    let other = try Gate(
      [.named("s1")], edit: { $0.replacing("state: state", with: "state: \(state)") })
    #expect(other.log.contains("is in use by another process"))
  }
}

@Suite struct OverrideSaveTests {
  @Test func `what was overridden is written into the file, and then cleared`() throws {
    let third = Origin.named("s3")
    let gate = try Gate(
      [.named("s1"), .named("s2")], edit: { $0.replacing("routes:", with: "# a comment\nroutes:") })
    let socket = ["--socket", gate.socket]
    for words in [
      ["set", "web/s1", "--weight", "7"], ["set", "web/s2", "--weight", "300%"],
      ["add", "web/s4", "127.0.0.1:\(third.port)", "--weight", "2"],
    ] { #expect(try run(Place.gatehouse, ["server"] + words + socket).status == 0) }
    let before = try String(contentsOfFile: gate.path, encoding: .utf8)
    let shown = try run(Place.gatehouse, ["overrides", "save"] + socket)
    #expect(shown.status == 0, "\(shown.standardError)")
    #expect(shown.standardOutput.contains("weight: 7"))
    #expect(try String(contentsOfFile: gate.path, encoding: .utf8) == before)
    let written = try run(Place.gatehouse, ["overrides", "save", "--write"] + socket)
    #expect(written.status == 0, "\(written.standardError)")
    #expect(written.standardOutput.contains("as it was: "))
    let after = try String(contentsOfFile: gate.path, encoding: .utf8)
    #expect(after.contains("# a comment\n") && after.contains("weight: 7"))
    let folder = try FileManager.default.contentsOfDirectory(atPath: gate.folder.url.path)
    let backup = try #require(folder.first { $0.hasPrefix("gatehouse.yaml.2") })
    let kept = gate.folder.url.appendingPathComponent(backup)
    #expect(try String(contentsOf: kept, encoding: .utf8) == before)
    #expect(try run(Place.gatehouse, ["apply"] + socket).status == 0)
    #expect(
      try run(Place.gatehouse, ["overrides", "list"] + socket).standardOutput
        == "no overrides: all is as the file says\n")
    let list = try gate.admin("GET", "/v1/servers").body
    for weight in [7, 3, 2] { #expect(list.contains("\"weight\" : \(weight)")) }
    // A state is none of the file's business.
    _ = try run(Place.gatehouse, ["drain", "web/s1"] + socket)
    let rest = try run(Place.gatehouse, ["overrides", "save"] + socket)
    #expect(rest.status == 1 && rest.standardOutput.contains("a state is no setting of the file"))
  }
}
