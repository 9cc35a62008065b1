import Foundation
import Testing

/// What balancers and supervisors in front are told.
@Suite struct HealthDoorTests {
  private let port = RawSocket.quietPort()

  private func gate(grace: String = "") throws -> Gate {
    try Gate([.named("s1")], extra: "health: { listen: \"127.0.0.1:\(port)\"\(grace) }")
  }

  private func ask(_ path: String, _ options: String...) throws -> (status: Int, body: String) {
    let output = try run(
      "curl",
      ["-s", "--max-time", "5", "-w", "\n%{http_code}"] + options + [
        "http://127.0.0.1:\(port)\(path)"
      ])
    let lines = output.standardOutput.split(separator: "\n", omittingEmptySubsequences: false)
    return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
  }

  @Test func `three questions are answered, and nothing else`() throws {
    let gate = try gate()
    for path in ["/livez", "/readyz", "/startupz"] {
      #expect(try ask(path) == (200, "ok\n"))
      let json = try ask(path, "-H", "Accept: application/json")
      #expect(json.status == 200 && json.body.contains("\"status\" : \"ok\""))
      #expect(try ask(path, "-X", "POST").status == 404)
      #expect(try ask(path, "-I").status == 200)
    }
    for path in ["/", "/v1/status", "/metrics", "/livez/x", "/LIVEZ", "/%6civez"] {
      #expect(try ask(path).status == 404, "\(path)")
    }
    #expect(try ask("/livez", "-d", "xy").status == 413)
    withExtendedLifetime(gate) {}
  }

  @Test func `not ready while the only server is down, and ready again when it is back`() throws {
    let server = RawSocket.quietPort()
    let gate = try Gate(
      [.named("s1")], extra: "health: { listen: \"127.0.0.1:\(port)\" }",
      edit: {
        $0.replacing(/s1: \{ address: "127.0.0.1:\d+" \}/) { _ in
          "s1: { address: \"127.0.0.1:\(server)\" }"
        }.replacing(
          "  web:\n",
          with: "  web:\n    health: { tcp: true, interval: 200ms, rise: 1, fall: 1 }\n")
      })
    #expect(try gate.waits { try ask("/readyz") == (503, "backend web: no server is up\n") })
    let json = try ask("/readyz", "-H", "Accept: application/json")
    #expect(json.status == 503 && json.body.contains("backend web: no server is up"))
    #expect(try ask("/livez").status == 200)
    let back = try PlainServer("s1", port: server)
    #expect(try gate.waits { try ask("/readyz").status == 200 })
    withExtendedLifetime(back) {}
  }

  @Test func `told to end it is not ready for a while, and serves on meanwhile`() throws {
    let gate = try gate(grace: ", grace: 3s")
    #expect(try ask("/readyz").status == 200)
    gate.signal(SIGTERM)
    #expect(try gate.waits { try ask("/readyz").status == 503 })
    #expect(try ask("/readyz").body.hasPrefix("draining"))
    #expect(try ask("/livez").status == 200)
    #expect(try gate.curl().standardOutput == "s1\n")
    #expect(gate.waits { !gate.isRunning })
    #expect(gate.log.contains("stopped"))
  }

  @Test func `an apply opens it, and closes it`() throws {
    let gate = try Gate([.named("s1")])
    try gate.rewrite { $0 + "health: { listen: \"127.0.0.1:\(port)\" }\n" }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try ask("/readyz").status == 200)
    try gate.rewrite { $0.replacing(/health: .*/) { _ in "" } }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try gate.waits { try ask("/readyz").status == 0 })
  }
}
