import Foundation
import Testing

/// A policy's rules for requests, as the proxy enforces them.
@Suite struct RequestPolicyTests {
  private static func policy(_ port: UInt16, _ more: String = "") -> String {
    """
    version: 1
    groups: { staff: [127.0.0.3], machine: [127.0.0.0/8] }
    management: { from: [127.0.0.99], to: [tcp/22] }
    services:
      web:
        listen: [tcp/\(port)]
        allow: [machine]
        trusted_proxies: [127.0.0.2]
        http:
          - { host: www.test, path: /admin/**, allow: [staff] }
          - { host: www.test, path: /admin/keys, allow: [127.0.0.4] }
    \(more)
    """
  }

  private func gate(_ more: String = "", extra: String = "") throws -> Gate {
    try Gate(
      [.named("s1")], extra: extra, policy: { Self.policy($0, more) },
      // No policy is for the other port.
      edit: { $0.replacing(#/ *http: \{ bind.*\n/#, with: "") })
  }

  private func status(
    _ gate: Gate, from source: String, _ path: String, _ headers: String...
  ) throws -> String {
    let output = try run(
      "curl",
      [
        "-sS", "--path-as-is", "--max-time", "10", "--cacert", gate.ca, "--interface", source,
        "--resolve", "www.test:\(gate.https):127.0.0.1", "-o", "/dev/null", "-w", "%{http_code}",
      ] + headers.flatMap { ["-H", $0] } + ["https://www.test:\(gate.https)\(path)"])
    return output.standardOutput
  }

  @Test func `a request is allowed by all rules that match it, however its path is written`() throws
  {
    let gate = try gate()
    for (source, path, expected) in [
      ("127.0.0.1", "/", "200"), ("127.0.0.1", "/adminx", "200"),
      ("127.0.0.1", "/admin", "403"), ("127.0.0.1", "/admin/x?y", "403"),
      ("127.0.0.1", "/x/../admin/", "400"), ("127.0.0.1", "/%61dmin", "403"),
      ("127.0.0.1", "/./admin", "400"), ("127.0.0.3", "/admin/x", "200"),
      ("127.0.0.1", "/admin;a=b/x", "403"), ("127.0.0.1", "/;/admin/x", "403"),
      ("127.0.0.1", "/admin%3bx", "403"), ("127.0.0.3", "/admin;x/y", "200"),
      ("127.0.0.4", "/admin;x", "403"), ("127.0.0.1", "/administrator;x/", "200"),
      // Both rules match: neither is more specific, and nobody is in both.
      ("127.0.0.3", "/admin/keys", "403"), ("127.0.0.4", "/admin/keys", "403"),
    ] {
      #expect(try status(gate, from: source, path) == expected, "\(source) \(path)")
    }
  }

  @Test func `who stands behind a trusted proxy is told by it, and by nobody else`() throws {
    let gate = try gate()
    for (source, forwarded, expected) in [
      ("127.0.0.2", "127.0.0.3", "200"), ("127.0.0.2", "203.0.113.9", "403"),
      ("127.0.0.2", "127.0.0.3, 203.0.113.9", "403"),
      ("127.0.0.2", "203.0.113.9, 127.0.0.3", "200"),
      ("127.0.0.2", "127.0.0.3, 127.0.0.2", "200"), ("127.0.0.2", "[::ffff:127.0.0.3]", "200"),
      ("127.0.0.2", "127.0.0.3:4711", "200"), ("127.0.0.2", "unknown", "403"),
      ("127.0.0.2", "127.0.0.3, garbage", "403"), ("127.0.0.1", "127.0.0.3", "403"),
    ] {
      #expect(
        try status(gate, from: source, "/admin/x", "X-Forwarded-For: \(forwarded)") == expected,
        "\(source) \(forwarded)")
    }
    // Who is not in the policy is nobody's friend on other paths either.
    #expect(try status(gate, from: "127.0.0.2", "/", "X-Forwarded-For: 203.0.113.9") == "403")
  }

  @Test func `a connection that is open obeys the rules of a new generation`() throws {
    let gate = try gate()
    let script = """
      import http.client, ssl, sys
      connection = http.client.HTTPSConnection("127.0.0.1", \(gate.https), timeout=10,
        context=ssl._create_unverified_context(), source_address=("127.0.0.3", 0))
      connection._context.check_hostname = False
      def ask():
        connection.request("GET", "/admin/x", headers={"Host": "www.test"})
        answer = connection.getresponse(); answer.read(); print(answer.status, flush=True)
      ask(); own = connection.sock
      input(); ask(); print(connection.sock is own, flush=True)
      """
    let client = try Companion(["python3", "-u", "-c", script])
    #expect(client.says("200\n"), "\(client.text)")
    _ = try gate.folder.write(
      "policy.yaml",
      Self.policy(gate.https).replacing("staff: [127.0.0.3]", with: "staff: [127.0.0.7]"))
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    (client.process.standardInput as? Pipe)?.fileHandleForWriting.write(Data("\n".utf8))
    #expect(client.says("403\nTrue"), "\(client.text)")
  }

  @Test func `a client whose requests are refused too often is banned, until a hand lifts it`()
    throws
  {
    let gate = try gate("    ban: { when: refused 3 times in 1m, for: 1h }\n")
    for _ in 0..<3 { #expect(try status(gate, from: "127.0.0.5", "/admin/x") == "403") }
    #expect(gate.waitForLog("banned 127.0.0.5 for 3600 s"))
    #expect(try status(gate, from: "127.0.0.5", "/") == "000")
    #expect(try status(gate, from: "127.0.0.6", "/") == "200")
    let lifted = try gate.command(
      "ban", "del", "127.0.0.5", "--socket", gate.socket, "--state", "\(gate.folder.url.path)/state"
    )
    #expect(lifted.status == 0, "\(lifted.standardError)")
    #expect(try status(gate, from: "127.0.0.5", "/") == "200")
  }

  @Test func `a client behind a trusted proxy is banned alone, and the proxy never`() throws {
    let gate = try gate("    ban: { when: refused 3 times in 1m, for: 1h }\n")
    for _ in 0..<5 {
      #expect(
        try status(gate, from: "127.0.0.2", "/admin/x", "X-Forwarded-For: 127.0.0.5") == "403")
      #expect(try status(gate, from: "127.0.0.2", "/admin/x") == "403")
    }
    #expect(gate.waitForLog("banned 127.0.0.5"))
    #expect(try status(gate, from: "127.0.0.2", "/", "X-Forwarded-For: 127.0.0.5") == "403")
    #expect(try status(gate, from: "127.0.0.2", "/", "X-Forwarded-For: 127.0.0.6") == "200")
    #expect(!gate.log.contains("banned 127.0.0.2"))
  }

  @Test func `an audit lets every request through, and counts what it would refuse`() throws {
    let gate = try gate("mode: audit\n")
    #expect(try status(gate, from: "127.0.0.1", "/admin/x") == "200")
    let text = try gate.command("status", "--socket", gate.socket, "--json").standardOutput
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    let traffic = try #require(object?["traffic"] as? [String: Any])
    #expect(traffic["would_refuse"] as? Int == 1, "\(text)")
  }

  @Test func `an expectation of a request is tried, too`() throws {
    let folder = try TemporaryFolder()
    let good = """
      expect:
        - { from: 127.0.0.3, to: tcp/443, host: www.test, path: /admin/x, verdict: allow }
        - { from: 127.0.0.1, to: tcp/443, host: www.test, path: /admin/x, verdict: deny }

      """
    let file = try folder.write("good.yaml", Self.policy(443, good))
    #expect(try run(Place.gatehouse, ["policy", "check", file]).status == 0)
    let bad = try folder.write(
      "bad.yaml",
      Self.policy(443, good.replacing("127.0.0.1, to", with: "127.0.0.3, to")))
    let told = try run(Place.gatehouse, ["policy", "check", bad])
    #expect(told.status == 2)
    #expect(
      told.standardError.contains(
        "expected that 127.0.0.3 to tcp/443, www.test/admin/x, is denied, but it is allowed by http"
      ))
  }

  @Test func `outside its hours a service takes management only, in the proxy, too`() throws {
    let weekday = Calendar(identifier: .gregorian).component(.weekday, from: Date())
    let names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    func gate(_ days: [String]) throws -> Gate {
      try Gate(
        [.named("s1")],
        policy: {
          """
          version: 1
          management: { from: [127.0.0.9], to: [tcp/\($0)] }
          services:
            web: { listen: [tcp/\($0)], allow: [any], schedule: { days: [\(days.joined(separator: ","))] } }

          """
        }, edit: { $0.replacing(#/ *http: \{ bind.*\n/#, with: "") })
    }
    let open = try gate(names)
    #expect(try status(open, from: "127.0.0.1", "/") == "200")
    // Neither yesterday, nor today, nor tomorrow.
    let closed = try gate((2...5).map { names[(weekday - 1 + $0) % 7] })
    #expect(try status(closed, from: "127.0.0.1", "/") == "000")
    #expect(try status(closed, from: "127.0.0.9", "/") == "200")
  }

  /// A download that never ends, of a client whom a new generation does not let ask for it.
  @Test func `what is under way for those who are revoked ends`() throws {
    let endless = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
      for _ in 0..<600 {
        connection.send("tick\n")
        usleep(50_000)
      }
    }
    let gate = try Gate(
      [endless], policy: { Self.policy($0) },
      edit: { $0.replacing(#/ *http: \{ bind.*\n/#, with: "") })
    func download(_ source: String, _ more: String...) throws -> Companion {
      let found = try Companion(
        [
          "curl", "-sN", "--max-time", "30", "--cacert", gate.ca, "--interface", source,
          "--resolve", "www.test:\(gate.https):127.0.0.1",
        ] + more + ["https://www.test:\(gate.https)/admin/x"])
      #expect(found.says("tick"), "\(source): \(found.text)")
      return found
    }
    let direct = try download("127.0.0.3")
    let behind = try download("127.0.0.2", "-H", "X-Forwarded-For: 127.0.0.3")
    let file = gate.folder.url.appendingPathComponent("policy.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    _ = try gate.folder.write(
      "policy.yaml", text.replacing("staff: [127.0.0.3]", with: "staff: [127.0.0.7]"))
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    for gone in [direct, behind] {
      for _ in 0..<100 where gone.process.isRunning { usleep(50_000) }
      #expect(!gone.process.isRunning)
    }
  }

  @Test func `a host with an empty label is no host`() throws {
    let gate = try gate()
    for host in ["www.test..", ".www.test", "www..test", "."] {
      #expect(try status(gate, from: "127.0.0.3", "/", "Host: \(host)") == "400", "\(host)")
    }
    #expect(try status(gate, from: "127.0.0.1", "/admin", "Host: www.test.") == "403")
  }
}
