import Foundation
import Testing

/// What `why` and `explain` print, without a process that runs.
@Suite struct WhyCommandTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Gate.makeCertificate(in: folder)
    try run(
      "openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
        "/CN=Staff", "-addext", "basicConstraints=critical,CA:TRUE", "-keyout",
        "\(folder.url.path)/staff.key", "-out", "\(folder.url.path)/staff.pem",
      ])
    _ = try folder.write(
      "policy.yaml",
      """
      version: 1
      groups:
        office: [{ cidr: 198.51.100.0/24, owner: alice, ticket: OPS-1 }]
        cdn: [192.0.2.0/25]
      management: { from: [office], to: [tcp/22] }
      deny: [203.0.113.66]
      services:
        web:
          listen: [tcp/443, tcp/80]
          allow: [any]
          limit: { new_connections: { rate: 50/s, burst: 100 } }
          trusted_proxies: [cdn]
          http: [{ host: www.test, path: /admin/**, allow: [office] }]
        db: { listen: [tcp/3306], allow: [office] }
        old: { listen: [tcp/8080], allow: [office], schedule: { days: [sat], hours: "22:00-22:01" } }

      """)
    _ = try folder.write(
      "gatehouse.yaml",
      """
      listeners:
        https:
          bind: "127.0.0.1:443"
          certificates: certs
          tls: { hosts: { a.wild.test: { client_auth: { ca: staff.pem } } } }
        http: { bind: "127.0.0.1:80", redirect: https }
        mysql: { bind: "127.0.0.1:3306", backend: db }
        free: { bind: "127.0.0.1:8080", proxy_protocol: { from: [192.0.2.0/24] } }
      backends:
        web:
          servers:
            s1: { address: 127.0.0.1:9001, weight: 2 }
            s2: 127.0.0.1:9002
            spare: { address: 127.0.0.1:9003, tier: 1 }
        none: { servers: { s1: { address: 127.0.0.1:9004, weight: 0 } } }
        db: { servers: ["127.0.0.1:9005"] }
      routes:
        - { host: www.test, backend: web, body: 1KiB }
        - { host: www.test, path: /old/**, redirect: "/new", status: 301 }
        - { host: www.test, path: /none, backend: none }
        - { host: "*.wild.test", backend: web }
      policy: policy.yaml
      admin: { socket: admin.sock }
      state: state

      """)
  }

  private func ask(_ command: String, _ arguments: [String]) throws -> Output {
    let told = try run(
      Place.gatehouse,
      [command] + arguments + ["-c", "\(folder.url.path)/gatehouse.yaml", "--state", state],
      environment: ["GATEHOUSE_STATE": state])
    func relative(_ text: String) -> String { text.replacing("\(folder.url.path)/", with: "") }
    return Output(
      status: told.status, standardOutput: relative(told.standardOutput),
      standardError: relative(told.standardError))
  }

  private var state: String { "\(folder.url.path)/firewall" }

  @Test(arguments: [
    ("served", 0, ["198.51.100.7", "https://www.test/admin/x"]),
    ("forbidden", 1, ["203.0.113.9", "https://www.test/%61dmin/x"]),
    ("closed", 1, ["203.0.113.66", "https://www.test/"]),
    ("stream", 1, ["203.0.113.9", "3306"]),
  ])
  func `what why prints is as it was`(_ name: String, _ status: Int, _ words: [String]) throws {
    let told = try ask("why", words)
    #expect(told.status == Int32(status), "\(told)")
    let file = Place.root.appendingPathComponent("Tests/EndToEndTests/Golden/why-\(name).txt")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(told.standardOutput.utf8).write(to: file)
    }
    #expect(told.standardOutput == (try String(contentsOf: file, encoding: .utf8)))
  }

  @Test(arguments: [
    (["198.51.100.7", "http://www.test/a?b"], 0, "SERVED: 308 to https://www.test/a?b"),
    (["198.51.100.7", "https://www.test/old/x"], 0, "SERVED: 301 to /new"),
    (["198.51.100.7", "https://other.test/"], 1, "TLS alert unrecognized_name"),
    (["198.51.100.7", "https://www.test/none"], 1, "503 Service Unavailable: no server behind"),
    (["198.51.100.7", "https://www.test/a/../b"], 1, "400 Bad Request: the path could be read"),
    (["198.51.100.7", "https://www.test/", "--method", "CONNECT"], 1, "405 Method Not Allowed"),
    (
      ["198.51.100.7", "https://www.test/", "--method", "POST", "--body", "2000"], 1, "413 Content"
    ),
    (["198.51.100.7", "443", "http://www.test/"], 1, "the proxy ends the connection at once"),
    (["198.51.100.7", "80", "https://www.test/"], 1, "the listener speaks none"),
    (["198.51.100.7", "3306"], 0, "its bytes go to backend db, server s1"),
    (["198.51.100.7", "tcp://db:3306"], 0, "its bytes go to backend db, server s1"),
    (["198.51.100.7", "8080"], 1, "the proxy ends the connection at once"),
    (["198.51.100.7", "https://a.wild.test/"], 0, "goes to backend web, server s1 or s2"),
    (["203.0.113.9", "https://www.test/admin/", "--via", "192.0.2.7"], 1, "403 Forbidden"),
    (["198.51.100.7", "https://www.test/admin/", "--via", "192.0.2.7"], 0, "backend web"),
    (["::ffff:198.51.100.7", "https://www.test/admin/"], 0, "backend web"),
  ])
  func `the last line is what the client will see`(
    _ words: [String], _ status: Int, _ verdict: String
  ) throws {
    let told = try ask("why", words)
    #expect(told.status == Int32(status), "\(told)")
    let last = told.standardOutput.split(separator: "\n").last ?? ""
    #expect(last.hasPrefix("VERDICT  ") && last.contains(verdict), "\(told.standardOutput)")
    // As an address and a URL, explain says the same.
    #expect(try ask("explain", words.filter { !$0.hasPrefix("--") }).status < 2 || words.count > 2)
  }

  @Test func `a client certificate, hours and a PROXY protocol are told of with their places`()
    throws
  {
    let asked = try ask("why", ["198.51.100.7", "https://a.wild.test/"]).standardOutput
    #expect(asked.contains("the client must show one of staff.pem"), "\(asked)")
    #expect(asked.contains("gatehouse.yaml:5"), "\(asked)")
    let closed = try ask("why", ["198.51.100.7", "8080"]).standardOutput
    #expect(closed.contains("outside the hours of its service"), "\(closed)")
    #expect(closed.contains("closed: open sat 22:00-22:01"), "\(closed)")
  }

  @Test(arguments: [
    (["203.0.113", "443"], "is no address; allowed: 192.0.2.7 or 2001:db8::7"),
    (["203.0.113.9"], "to what? a port, a URL, or both"),
    (["203.0.113.9", "web"], "is no port and no URL; allowed: 443"),
    (["203.0.113.9", "0"], "is no port and no URL"),
    (["203.0.113.9", "ftp://x/"], "is no URL of http, https or tcp"),
    (["203.0.113.9", "https://x:8443/"], "no listener of gatehouse.yaml is bound to port 8443"),
    (["203.0.113.9", "https://x:8443/"], "there are: https (443); http (80); mysql (3306)"),
    (["203.0.113.9", "443", "--listener", "x"], "no listener \"x\""),
    (["203.0.113.9", "443", "--via", "x"], "is no address"),
    (["203.0.113.9", "443", "--method", "G T"], "is no method"),
    (["203.0.113.9", "443", "--body", "-1"], "--body"),
  ])
  func `a question that is none ends with 2 and says what is allowed`(
    _ words: [String], _ text: String
  ) throws {
    let told = try ask("why", words)
    #expect(told.status == 2, "\(told)")
    #expect(told.standardError.contains(text), "\(told)")
  }

  @Test func `as data it has the verdict, the end and every step with its place`() throws {
    let told = try ask("why", ["198.51.100.7", "https://www.test/x", "--json"])
    let object = try JSONSerialization.jsonObject(with: Data(told.standardOutput.utf8))
    let facts = try #require(object as? [String: Any])
    #expect(facts["verdict"] as? String == "served" && facts["end"] as? String == "backend")
    #expect(facts["backend"] as? String == "web" && facts["route"] as? Int == 0)
    #expect(facts["servers"] as? [String] == ["s1", "s2"])
    let steps = try #require(facts["steps"] as? [[String: Any]])
    let route = try #require(steps.first { $0["name"] as? String == "route" })
    #expect(route["place"] as? String == "gatehouse.yaml:18" && route["result"] as? String == "ok")
    let refused = try ask("why", ["203.0.113.66", "443", "--json"])
    #expect(refused.status == 1 && refused.standardOutput.contains(#""end" : "closed""#))
  }
}
