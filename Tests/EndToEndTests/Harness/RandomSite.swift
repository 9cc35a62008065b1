import Foundation

/// SplitMix64: the same numbers from the same seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

  mutating func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &self) }

  mutating func one<Item>(of items: [Item]) -> Item {
    items[Int.random(in: 0..<items.count, using: &self)]
  }

  mutating func some<Item>(of items: [Item], atMost limit: Int) -> [Item] {
    Array(items.shuffled(using: &self).prefix(number(1...max(1, limit))))
  }
}

/// A configuration and policies drawn at random, on the server's end of a `Cable`.
struct RandomSite {
  struct Server {
    var backend: String
    var name: String
    var port: Int
    var isUp: Bool
  }

  static let hosts = [
    "www.test", "a.wild.test", "b.wild.test", "x.y.wild.test", "other.test", "WWW.Test",
    "www.test.",
    "10.77.0.1",
  ]
  static let paths = [
    "/", "/x", "/x/y", "/admin", "/admin/z", "/old/1?a=b", "/api/v1?q=1", "/%61dmin/z", "/a//b",
    "/a/../b", "/a%2fb", "/big", "/x/", "/%zz", "/admin;a/z", "/x%3bv", "/;/admin/z",
  ]

  /// Of the clients, on their end of the cable.
  static let sources =
    (2...9).map { "10.77.0.\($0)" } + (1...40).map { "10.77.1.\($0)" }
    + (2...9).map { "fd77::\($0)" }

  var random: Seeded
  private(set) var servers: [Server] = []
  private(set) var file = ""

  /// `takesAllHosts`: what no route names is not 404.
  init(seed: UInt64, takesAllHosts: Bool) {
    random = Seeded(state: seed)
    let backends = ["web", "api", "keyed", "solo", "spare", "flow"].map { backend($0) }
    let bind = { (port: Int) in "bind: [\"10.77.0.1:\(port)\", \"[fd77::1]:\(port)\"]" }
    let certificate = takesAllHosts && random.chance(70) ? ", default_certificate: site" : ""
    file = """
      listeners:
        https: { \(bind(443)), certificates: certs\(certificate) }
        http: { \(bind(80)), redirect: https }
        plain: { \(bind(8080)) }
        night: { \(bind(8090)) }
        bytes: { \(bind(9000)), backend: flow }
      backends:
      \(backends.joined(separator: "\n"))
      routes:
      \(routes(takesAllHosts: takesAllHosts))
      policy: policy.yaml
      workers: 2
      admin: { socket: admin.sock }
      state: state

      """
  }

  private mutating func backend(_ name: String) -> String {
    let balance =
      name == "keyed"
      ? "{ hash: address }"
      : random.one(of: ["round-robin", "least-connections", "random", "latency"])
    let isSplit = name == "spare" && random.chance(50)
    let lines = (1...random.number(1...3)).map { number -> String in
      let server = Server(
        backend: name, name: "s\(number)", port: 9100 + servers.count, isUp: random.chance(70))
      servers.append(server)
      var facts = ["address: \"127.0.0.1:\(server.port)\""]
      if random.chance(30) { facts.append("weight: \(random.number(0...3))") }
      if random.chance(30) { facts.append("tier: \(random.number(0...1))") }
      if isSplit { facts.append("role: \(number == 1 ? "primary" : "replica")") }
      return "      \(server.name): { \(facts.joined(separator: ", ")) }"
    }
    return """
        \(name):
          balance: \(balance)
          health: { tcp: true, interval: 300ms, fast_interval: 100ms, rise: 1, fall: 1 }
      \(isSplit ? "    split: { read: [GET, HEAD] }\n" : "")    servers:
      \(lines.joined(separator: "\n"))
      """
  }

  private mutating func routes(takesAllHosts: Bool) -> String {
    var seen: Set<String> = []
    var lines: [String] = []
    for _ in 0..<random.number(6...14) {
      let host = random.one(of: ["", "www.test", "*.wild.test", "a.wild.test", "other.test"])
      let path = random.one(of: ["", "/", "/x", "/x/**", "/admin/**", "/old/**", "/api/**", "/big"])
      guard seen.insert("\(host) \(path)").inserted else { continue }
      var facts: [String] = []
      if !host.isEmpty { facts.append("host: \"\(host)\"") }
      if !path.isEmpty { facts.append("path: \"\(path)\"") }
      if random.chance(75) {
        facts.append("backend: \(random.one(of: ["web", "api", "keyed", "solo", "spare"]))")
        if random.chance(60) { facts.append("body: 1KiB") }
      } else {
        let target = random.one(of: ["https://www.test{path}", "/new", "http://{host}/moved{path}"])
        facts.append("redirect: \"\(target)\", status: \(random.one(of: [301, 302, 307, 308]))")
      }
      lines.append("  - { \(facts.joined(separator: ", ")) }")
    }
    if takesAllHosts, seen.insert(" ").inserted { lines.append("  - { backend: web }") }
    return lines.joined(separator: "\n")
  }

  // MARK: Policies

  mutating func policy(isAudit: Bool) -> String {
    let entries =
      Self.sources.map { "\"\($0)\"" } + [
        "10.77.1.0/29", "10.77.1.8/29", "10.77.1.16/28", "10.77.0.0/29", "\"fd77::/125\"",
      ]
    let groups = (1...3).map {
      "  g\($0): [\(random.some(of: entries, atMost: 8).joined(separator: ", "))]"
    }
    let services = [
      service("web", "tcp/443, tcp/80", hasRules: true),
      service("plain", "tcp/8080", hasRules: true, mayTrust: true),
      service("night", "tcp/8090", hasRules: false, mayClose: true),
      random.chance(80) ? service("bytes", "tcp/9000", hasRules: false) : "",
    ]
    let deny =
      random.chance(50)
      ? "deny: [\(random.some(of: entries, atMost: 2).joined(separator: ", "))]" : ""
    return """
      version: 1
      \(isAudit ? "mode: audit" : "")
      groups:
      \(groups.joined(separator: "\n"))
      management: { from: [10.77.0.9], to: [tcp/22\(random.chance(50) ? ", tcp/443" : "")] }
      \(deny)
      services:
      \(services.filter { !$0.isEmpty }.joined(separator: "\n"))

      """
  }

  private mutating func sources() -> String {
    random.chance(50)
      ? "any" : random.some(of: ["g1", "g2", "g3"], atMost: 3).joined(separator: ", ")
  }

  private mutating func service(
    _ name: String, _ ports: String, hasRules: Bool, mayTrust: Bool = false, mayClose: Bool = false
  ) -> String {
    var facts = ["listen: [\(ports)]", "allow: [\(sources())]"]
    if random.chance(30) { facts.append("deny: [\(random.one(of: ["g1", "g2", "g3"]))]") }
    if mayTrust, random.chance(50) { facts.append("trusted_proxies: [10.77.1.40]") }
    if mayClose, random.chance(70) {
      // Neither today nor close to it, wherever the clock is.
      let day = Calendar.current.component(.weekday, from: Date())
      let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
      facts.append("schedule: { days: [\(days[(day + 2) % 7])], hours: \"10:00-11:00\" }")
    }
    if hasRules, random.chance(70) {
      let rules = (1...random.number(1...3)).map { _ in
        let host = random.one(of: ["www.test", "*.wild.test", "a.wild.test", "*"])
        let path = random.one(of: ["", ", path: /admin/**", ", path: /x/**", ", path: /x"])
        return "{ host: \"\(host)\"\(path), allow: [\(sources())] }"
      }
      facts.append("http: [\(rules.joined(separator: ", "))]")
    }
    return "  \(name): { \(facts.joined(separator: ", ")) }"
  }
}
