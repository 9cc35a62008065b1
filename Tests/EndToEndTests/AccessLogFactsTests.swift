import Foundation
import Glibc
import Testing

/// What the access log says of the policy's verdict, of how exchanges end, and of a request's trace;
/// and that `explain` reads it.
@Suite struct AccessLogFactsTests {
  /// The last line, once there are so many.
  private func line(_ gate: Gate, _ count: Int) throws -> [String: Any] {
    #expect(gate.waits { AccessLogTests.lines(gate).count == count }, "\(count)")
    return try #require(try AccessLogTests.objects(AccessLogTests.lines(gate)).last)
  }

  private func policed(_ mode: String) throws -> Gate {
    try AccessLogTests.gate(
      [.named("s1")],
      policy: { port in
        """
        version: 1
        mode: \(mode)
        groups: { office: [127.0.0.2] }
        management: { from: [127.0.0.9], to: [tcp/\(port)] }
        services:
          web:
            listen: [tcp/\(port)]
            allow: [any]
            http: [{ host: www.test, path: /admin/**, allow: [office] }]

        """
      }, edit: { $0.replacing(#/ *http: \{ bind.*\n/#, with: "") })
  }

  private func ask(_ gate: Gate, _ path: String) throws {
    _ = try gate.curl("--interface", "127.0.0.3", path: path)
  }

  @Test func `the policy's verdict is told, with the rule that decided and the policy's version`()
    throws
  {
    let gate = try policed("enforce")
    try ask(gate, "/")
    let allowed = try #require(try line(gate, 1)["policy"] as? [String: String])
    #expect(allowed["verdict"] == "allow" && allowed["rule"] == "others", "\(allowed)")
    #expect(allowed["revision"]?.count == 12)
    try ask(gate, "/admin/x")
    let denied = try line(gate, 2)
    let policy = try #require(denied["policy"] as? [String: String])
    #expect(policy["verdict"] == "deny" && policy["rule"] == "www.test/admin/**", "\(policy)")
    #expect(denied["status"] as? Int == 403 && denied["term"] as? String == "PR")
    let audit = try policed("audit")
    try ask(audit, "/admin/x")
    let audited = try line(audit, 1)
    #expect((audited["policy"] as? [String: String])?["verdict"] == "audit", "\(audited)")
    #expect(audited["status"] as? Int == 200)
  }

  @Test(arguments: [
    ("/gone", "SH", 502), ("/nonsense", "PH", 502), ("/half", "SD", 200), ("/late", "CH", 0),
    ("/slow", "CD", 200),
  ])
  func `how an exchange ended is told`(_ path: String, _ term: String, _ status: Int) throws {
    let server = Origin { connection, _ in
      let head = connection.receive(until: "\r\n\r\n")
      if head.contains("/nonsense") { connection.send("nonsense\r\n\r\n") }
      if head.contains("/half") || head.contains("/slow") {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
      }
      if head.contains("/late") || head.contains("/slow") { _ = connection.receiveAll() }
    }
    let gate = try AccessLogTests.gate([server])
    _ = try gate.curl("--max-time", "1", path: path, seconds: 5)
    let line = try line(gate, 1)
    #expect(line["term"] as? String == term && line["status"] as? Int == status, "\(line)")
    #expect(line["server"] as? String == "s1" && line["path"] as? String == path)
  }

  @Test(arguments: [false, true])
  func `a client that leaves in the middle of a head is told of with nothing of others`(
    _ resets: Bool
  ) throws {
    let gate = try AccessLogTests.gate([.named("s1")])
    // One worker: what it last parsed is another client's, and longer.
    _ = try gate.curl(path: "/of-another/" + String(repeating: "x", count: 300))
    do {
      let half = try RawSocket(port: gate.http)
      half.send("GET / HT")
      usleep(300_000)
      if resets { half.reset() }
    }
    let line = try line(gate, 2)
    #expect(line["term"] as? String == "CR" && line["status"] as? Int == 0, "\(line)")
    #expect(line["path"] as? String == "" && line["host"] as? String == "")
    #expect(try gate.curl().standardOutput == "s1\n")
  }

  @Test func `a request that is traced has its trace in the log, and explain finds it there`()
    throws
  {
    let gate = try Gate(
      [.named("s1")],
      extra: """
        log: { to: access.log }
        tracing: { to: "http://127.0.0.1:9/v1/traces" }
        """)
    _ = try gate.curl(path: "/here")
    let line = try line(gate, 1)
    let id = try #require(line["req_id"] as? String)
    #expect(line["trace_id"] as? String == id, "a trace that begins here bears the request's id")
    let told = try gate.command("explain", id, "-c", gate.path)
    #expect(told.status == 0, "\(told)")
    for text in [
      "REQUEST \(id)", "GET https://www.test/here HTTP/1.1", "web/s1", "ENDED  --",
      "VERDICT  SERVED: goes to backend web, server s1",
    ] { #expect(told.standardOutput.contains(text), "\(text) in:\n\(told.standardOutput)") }
  }
}
