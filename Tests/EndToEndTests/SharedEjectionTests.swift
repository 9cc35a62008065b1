import Foundation
import Testing

/// What one worker learns of a server, all of them know.
@Suite struct SharedEjectionTests {
  private static func gate(
    _ origins: [Origin], workers: Int = 4, _ settings: String
  ) throws -> Gate {
    try Gate(
      origins,
      edit: {
        $0.replacing("workers: 1", with: "workers: \(workers)\ntimeouts: { set_aside: 60s }")
          .replacing("  web:\n", with: "  web:\n    \(settings)\n")
      })
  }

  /// Answers 500, always.
  private static func failing() -> Origin {
    Origin { connection, _ in
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        connection.send("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nbad\n")
      }
    }
  }

  /// Each over a connection of its own, so that all workers get some.
  private static func ask(_ gate: Gate, _ count: Int) throws -> [String] {
    try (0..<count).map { _ in
      try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    }
  }

  @Test func `four workers need no more failures than one`() throws {
    let gate = try Self.gate(
      [Self.failing(), .named("s2")], "health: { passive: { failures: 4, eject: 60s } }")
    let answers = try Self.ask(gate, 200)
    // And what was on its way when the fourth had failed.
    let bad = answers.count { $0.hasPrefix("HTTP/1.1 500") }
    #expect((4...10).contains(bad))
    #expect(gate.waitForLog("web/s1 is set aside: 4 failures in a row: status 500"))
    #expect(gate.log.ranges(of: "web/s1 is set aside").count == 1, "\(gate.log)")
  }

  @Test func `a server that fails for some is not ejected while it answers others`() throws {
    let count = Counter()
    let half = Origin { connection, _ in
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        count.add()
        let status = count.count % 3 == 0 ? "500 No" : "200 OK"
        connection.send("HTTP/1.1 \(status)\r\nContent-Length: 3\r\n\r\ns1\n")
      }
    }
    let gate = try Self.gate(
      [half, .named("s2")], "health: { passive: { failures: 3, error_share: 50%, eject: 60s } }")
    let answers = try Self.ask(gate, 300)
    // Which of the two comes first is each worker's own.
    #expect((45...55).contains(answers.count { $0.hasPrefix("HTTP/1.1 500") }))
    #expect(try gate.status().backends[0].servers[0].state == "up")
    #expect(!gate.log.contains("is set aside"), "\(gate.log)")
  }

  @Test func `a share of failures is that of all workers together`() throws {
    let count = Counter()
    let half = Origin { connection, _ in
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        count.add()
        let status = count.count % 2 == 0 ? "500 No" : "200 OK"
        connection.send("HTTP/1.1 \(status)\r\nContent-Length: 3\r\n\r\ns1\n")
      }
    }
    let gate = try Self.gate(
      [half, .named("s2")],
      "health: { passive: { failures: 100, error_share: 40%, requests: 24, window: 60s, eject: 60s } }"
    )
    let answers = try Self.ask(gate, 200)
    #expect((12...30).contains(answers.count { $0.hasPrefix("HTTP/1.1 500") }))
    #expect(gate.waitForLog("web/s1 is set aside: "))
    #expect(gate.log.contains(/web\/s1 is set aside: \d+ of \d+ requests failed/), "\(gate.log)")
  }

  @Test func `never more than the share of a backend is out, over all workers together`() throws {
    let gate = try Self.gate(
      (0..<4).map { _ in Self.failing() },
      "health: { passive: { failures: 2, at_most: 50%, eject: 60s } }")
    _ = try Self.ask(gate, 400)
    #expect(gate.waits { gate.log.ranges(of: "is set aside").count == 2 })
    let out = try gate.status().backends[0].servers.filter { $0.state == "set aside" }
    #expect(out.count == 2, "\(gate.log)")
  }

  @Test func `a server that cannot be reached costs one attempt, not one for each worker`() throws {
    let closed = RawSocket.quietPort()
    let gate = try Self.gate([.named("s1"), .named("s2")], workers: 8, "balance: round-robin")
    try gate.rewrite {
      $0.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)\(closed)" }
    }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(try Self.ask(gate, 100).allSatisfy { $0.hasSuffix("s2\n") })
    let metrics = try gate.admin("GET", "/metrics").body
    let failures = metrics.firstMatch(
      of: /server_connect_failures_total\{backend="web",server="s1"\} (\d+)/)
    #expect(failures.flatMap { Int($0.1) }.map { (1...4).contains($0) } == true, "\(metrics)")
  }
}
