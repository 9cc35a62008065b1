import Testing

@testable import Control
@testable import Firewall

struct PolicyChangesTests {
  private typealias Port = FirewallPolicy.Port

  private static let now: Int64 = 1_800_000_000
  private let nothing = "~ the rules change, and nobody gains or loses by it"
  private static let place = SourcePlace(file: "p.yaml", line: 1, column: 1)

  /// Groups, networks, or any.
  private func references(_ names: [String]) throws -> [FirewallPolicy.Reference] {
    try names.map { name in
      if name == "any" { return FirewallPolicy.Reference(.any, place: Self.place) }
      guard name.contains(".") || name.contains(":") else {
        return FirewallPolicy.Reference(.group(name), place: Self.place)
      }
      return FirewallPolicy.Reference(.network(try Network(parsing: name)), place: Self.place)
    }
  }

  private func service(
    _ name: String = "web", _ ports: [FirewallPolicy.Port] = [.init(.tcp, 80)],
    allow: [String] = ["any"]
  ) throws -> FirewallPolicy.Service {
    FirewallPolicy.Service(
      name: name, listen: ports, allow: try references(allow), place: Self.place)
  }

  /// With management from 10.9.0.0/16 to tcp/22.
  private func policy(_ services: FirewallPolicy.Service...) throws -> FirewallPolicy {
    var policy = FirewallPolicy()
    policy.management = FirewallPolicy.Management(
      from: try references(["10.9.0.0/16"]), to: [.init(.tcp, 22)], place: Self.place)
    policy.services = services
    return policy
  }

  private func group(_ name: String, _ network: String, until: Int64?) throws
    -> FirewallPolicy.Group
  {
    FirewallPolicy.Group(
      name: name,
      entries: [
        FirewallPolicy.Entry(
          network: try Network(parsing: network), until: until, place: Self.place)
      ], place: Self.place)
  }

  private func changes(
    _ old: FirewallPolicy?, _ new: FirewallPolicy, connections: [TrackedConnection] = [],
    counters: [String: LiveRuleset.Count] = [:]
  ) -> PolicyChanges {
    PolicyChanges(
      from: old.map { CompiledPolicy($0, at: Self.now) }, to: CompiledPolicy(new, at: Self.now),
      connections: connections, counters: counters)
  }

  private func lines(_ old: FirewallPolicy?, _ new: FirewallPolicy) -> [String] {
    let changes = changes(old, new)
    let gainsAndLosses = changes.changes.map { change in
      "\(change.isGain ? "+" : "-") \(change.service) \(change.ports.text) \(change.sources.text)"
    }
    return gainsAndLosses + changes.others.map { "~ \($0)" }
  }

  @Test func `ranges of ports are cut at each other's borders, and joined again`() throws {
    func found(_ old: [Port], _ new: [Port]) throws -> [String] {
      try lines(policy(service("web", old)), policy(service("web", new)))
    }
    let range = Port(.tcp, 8000, 8010)
    #expect(try found([range], [.init(.tcp, 8000, 8005)]) == ["- web tcp/8006-8010 everybody"])
    #expect(try found([range], [.init(.tcp, 8000, 8020)]) == ["+ web tcp/8011-8020 everybody"])
    #expect(try found([range], [.init(.tcp, 8000, 8004), .init(.tcp, 8005, 8010)]) == [nothing])
    #expect(
      try found([range], [.init(.tcp, 8003, 8004), .init(.tcp, 8006)]) == [
        "- web tcp/8000-8002, tcp/8005, tcp/8007-8010 everybody"
      ])
    #expect(
      try found([.init(.tcp, 80)], [.init(.udp, 80)]) == [
        "- web tcp/80 everybody", "+ web udp/80 everybody",
      ])
  }

  @Test func `the last port is one like all others`() throws {
    let all = try policy(service("web", [.init(.tcp, 1, 65_535)]))
    let last = try policy(service("web", [.init(.tcp, 65_535)]))
    let few = try policy(service("web", [.init(.tcp, 65_000, 65_534)]))
    let most = try policy(service("web", [.init(.tcp, 65_000, 65_535)]))
    #expect(lines(most, few) == ["- web tcp/65535 everybody"])
    #expect(lines(few, most) == ["+ web tcp/65535 everybody"])
    #expect(
      lines(last, all) == [
        "+ web tcp/1-21, tcp/23-65534 everybody", "+ web tcp/22 everybody but 10.9.0.0/16",
      ])
  }

  @Test func `ports that go from one service to another are told, and their gains joined`() throws {
    let old = try policy(
      service("a", [.init(.tcp, 80)], allow: ["10.1.0.0/16"]),
      service("b", [.init(.tcp, 81)], allow: ["10.1.0.0/16"]))
    #expect(
      try lines(old, policy(service("web", [.init(.tcp, 80, 81)]))) == [
        "+ web tcp/80-81 everybody but 10.1.0.0/16", "~ web: is a new service",
        "~ a: is no service any more", "~ b: is no service any more",
        "~ tcp/80: was of service a, is of service web",
        "~ tcp/81: was of service b, is of service web",
      ])
    #expect(
      try lines(old, policy()) == ["- a tcp/80 10.1.0.0/16", "- b tcp/81 10.1.0.0/16"]
        + ["~ a: is no service any more", "~ b: is no service any more"])
  }

  @Test func `an end that moves, comes or goes is told beside a gain`() throws {
    func vendors(until: Int64?, _ more: String...) throws -> FirewallPolicy {
      var policy = try policy(service(allow: ["vendors"] + more))
      policy.groups = [try group("vendors", "203.0.113.0/28", until: until)]
      return policy
    }
    let (soon, later) = (Self.now + 1000, Self.now + 100_000)
    for (one, other, text) in [
      (soon, later, "until \(Moment.text(soon)) becomes until \(Moment.text(later))"),
      (soon, nil, "until \(Moment.text(soon)) becomes without end"),
      (nil, later, "without end becomes until \(Moment.text(later))"),
    ] as [(Int64?, Int64?, String)] {
      #expect(
        try lines(vendors(until: one), vendors(until: other, "198.51.100.7")) == [
          "+ web tcp/80 198.51.100.7", "~ 203.0.113.0/28 in group vendors: \(text)",
        ])
    }
    #expect(try lines(vendors(until: soon), vendors(until: soon)) == [])
    // Both are over.
    #expect(
      try lines(vendors(until: Self.now - 1), vendors(until: Self.now - 2)) == [nothing])
  }

  @Test func `an end that changes by another group is told with its service`() throws {
    func policy(_ name: String) throws -> FirewallPolicy {
      var policy = try self.policy(service(allow: [name]))
      policy.groups = [
        try group("vendors", "203.0.113.0/28", until: Self.now + 1000),
        try group("partners", "203.0.113.0/28", until: nil),
      ]
      return policy
    }
    #expect(
      try lines(policy("vendors"), policy("partners")) == [
        "~ web tcp/80: the ends of 203.0.113.0/28 change"
      ])
  }

  @Test func `an end in a group that nobody names is no change`() throws {
    var old = try policy(service())
    var new = old
    old.groups = [try group("vendors", "203.0.113.0/28", until: nil)]
    new.groups = [try group("vendors", "203.0.113.0/28", until: Self.now + 1000)]
    #expect(lines(old, new) == [])
  }

  @Test func `a trusted proxy is told beside a gain`() throws {
    let old = try policy(service(allow: ["10.2.0.0/16"]))
    var new = try policy(service(allow: ["10.2.0.0/16", "198.51.100.7"]))
    new.services[0].trustedProxies = try references(["10.1.0.0/16"])
    let networks = "10.1.0.0/16, 198.51.100.7"
    #expect(
      lines(old, new) == [
        "+ web tcp/80 \(networks)",
        "~ web: trusted_proxies: + 10.1.0.0/16 "
          + "(believed about who is behind them, free of limits and bans)",
      ])
    #expect(
      lines(new, old) == [
        "- web tcp/80 \(networks)",
        "~ web: trusted_proxies: - 10.1.0.0/16 (believed no more, limits and bans hold for them)",
      ])
  }

  @Test func `who may be banned from now on is told, but not management`() throws {
    var old = try policy(service())
    old.bans.never = try references(["192.0.2.0/24", "10.9.0.0/16"])
    let new = try policy(service("web", [.init(.tcp, 80, 81)]))
    #expect(
      lines(old, new) == [
        "+ web tcp/81 everybody", "~ bans.never: - 192.0.2.0/24 (may be banned)",
      ])
    #expect(lines(new, old).last == "~ bans.never: + 192.0.2.0/24 (never banned)")
  }

  @Test func `every setting that changes is told beside a gain`() throws {
    let cases: [(String, (inout FirewallPolicy) -> Void)] = [
      ("existing_connections: close becomes keep", { $0.existingConnections = .keep }),
      ("on_drift: warn becomes restore", { $0.onDrift = .restore }),
      ("protect: host becomes host+published", { $0.protect = .hostAndPublished }),
      ("bans.default_for: 10m becomes 90s", { $0.bans.defaultSeconds = 90 }),
      ("bans.max_for: 1d becomes 2h", { $0.bans.longestSeconds = 7200 }),
      ("web: log: none becomes denied", { $0.services[0].log = .denied }),
      (
        "mode: enforce becomes audit: everybody gets in, what would be denied is counted",
        { $0.mode = .audit }
      ),
      (
        "web: ban: none becomes limited 5 times in 1m, for bans.default_for",
        { $0.services[0].ban = FirewallPolicy.BanRule(.limited, times: 5, withinSeconds: 60) }
      ),
      (
        "web: schedule: always open becomes mon 08:00-18:00 UTC",
        { $0.services[0].schedule = Schedule(text: "mon 08:00-18:00 UTC") }
      ),
    ]
    let old = try policy(service())
    for (text, change) in cases {
      var new = try policy(service("web", [.init(.tcp, 80, 81)]))
      change(&new)
      #expect(lines(old, new) == ["+ web tcp/81 everybody", "~ \(text)"])
    }
  }

  @Test func `a limit is told as it was and as it becomes`() throws {
    var old = try policy(service())
    var new = old
    old.services[0].limit = FirewallPolicy.Limit(
      newConnections: FirewallPolicy.Rate(50, per: .second, burst: 100))
    new.services[0].limit = FirewallPolicy.Limit(
      newConnections: FirewallPolicy.Rate(20, per: .minute, burst: 20), concurrent: 5)
    new.services[0].limit?.concurrentPer.ipv4 = 24
    #expect(
      lines(old, new) == [
        "~ web: limit: 50 new a second, burst 100, per ipv4/32 and ipv6/64 becomes "
          + "20 new a minute, burst 20, per ipv4/32 and ipv6/64; "
          + "5 at a time per ipv4/24 and ipv6/64"
      ])
  }

  @Test func `rules for requests are told by host and path`() throws {
    func policy(_ path: String?, _ allow: String...) throws -> FirewallPolicy {
      var policy = try self.policy(service())
      policy.services[0].http = [
        .init(
          host: "www.example.com", path: path, allow: try references(allow), place: Self.place)
      ]
      return policy
    }
    let plain = try self.policy(service())
    let rule = "~ web: http www.example.com/admin/**:"
    let admin = try policy("/admin/**", "10.2.0.0/16")
    #expect(lines(admin, plain) == ["\(rule) is removed, allowed 10.2.0.0/16"])
    #expect(lines(plain, admin) == ["\(rule) is new, allows 10.2.0.0/16"])
    #expect(
      try lines(admin, policy("/admin/**", "10.3.0.0/16")) == [
        "\(rule) + 10.3.0.0/16 (allowed); - 10.2.0.0/16 (allowed no more)"
      ])
    #expect(try lines(policy(nil, "any"), policy("/**", "any")) == [])
  }

  @Test func `management that moves is a gain and a loss`() throws {
    let old = try policy(service())
    var new = old
    new.management = FirewallPolicy.Management(
      from: try references(["10.8.0.0/16"]), to: [.init(.tcp, 22), .init(.tcp, 2222)],
      place: Self.place)
    #expect(
      lines(old, new) == [
        "+ management tcp/22, tcp/2222 10.8.0.0/16", "- management tcp/22 10.9.0.0/16",
      ])
    new = old
    new.management?.to.append(.init(.tcp, 80))
    #expect(
      lines(old, new) == [
        "~ management tcp/80: + 10.9.0.0/16 (got in before, too; now beyond deny and bans)"
      ])
    #expect(
      lines(new, old) == [
        "~ management tcp/80: - 10.9.0.0/16 (still gets in, but deny and bans reach it)"
      ])
  }

  @Test func `losses come with their open connections and what their rule has seen`() throws {
    func connection(
      _ source: String, _ port: UInt16, udp: Bool = false, isRedirected: Bool = false
    ) throws -> TrackedConnection {
      TrackedConnection(
        source: try #require(Address(parsing: source)), destination: .ipv4(0xc000_0201),
        protocolNumber: udp ? 17 : 6, sourcePort: 50_000, destinationPort: port,
        isRedirected: isRedirected)
    }
    var old = try policy(service("web", [.init(.tcp, 80, 82)]))
    old.services[0].trustedProxies = try references(["10.1.0.0/16"])
    let new = try policy(service("web", [.init(.tcp, 80)], allow: ["10.2.0.0/16"]))
    let found = try changes(
      old, new,
      connections: [
        connection("192.0.2.1", 80), connection("10.2.0.1", 80), connection("10.2.0.1", 81),
        connection("10.2.0.1", 82), connection("192.0.2.1", 81, udp: true),
        connection("192.0.2.1", 81, isRedirected: true), connection("192.0.2.1", 83),
      ], counters: ["r_web_allow": .init(packets: 7, bytes: 9)]
    ).changes
    #expect(found.map(\.ports.text) == ["tcp/80", "tcp/81-82"])
    #expect(found.map(\.sources.text) == ["everybody but 10.2.0.0/16", "everybody"])
    #expect(found.map(\.openConnections) == [1, 2])
    #expect(found.map(\.hits) == [7, 7])
    #expect(found.allSatisfy { !$0.isGain })
    var proxied = new
    proxied.services[0].trustedProxies = try references(["10.1.0.0/16"])
    proxied.management?.from += try references(["10.8.0.0/16"])
    let lost = changes(
      proxied, new,
      counters: [
        "r_web_trusted": .init(packets: 3, bytes: 9), "r_management": .init(packets: 4, bytes: 9),
      ]
    ).changes
    #expect(lost.map(\.hits) == [3, 4])
  }

  @Test func `where nothing is in force there are only gains`() throws {
    #expect(
      try lines(nil, policy(service())) == [
        "+ web tcp/80 everybody", "+ management tcp/22 10.9.0.0/16",
      ])
  }

  @Test func `what changes for nobody is told so, and a long list is cut`() throws {
    let old = try policy(service(allow: ["10.2.0.0/16"]))
    var new = old
    new.services[0].deny = try references(["192.0.2.1"])
    #expect(lines(old, new) == [nothing])
    func vendors(until: Int64) throws -> FirewallPolicy {
      var policy = try policy(service(allow: ["vendors"]))
      policy.groups = [try group("vendors", "203.0.113.0", until: until)]
      policy.groups[0].entries += try (1..<25).flatMap {
        try group("vendors", "203.0.113.\($0)", until: until).entries
      }
      return policy
    }
    let found = try changes(vendors(until: Self.now + 10), vendors(until: Self.now + 20))
    #expect(found.changes.isEmpty && found.others.count == 25)
    #expect(found.shownOthers.count == 21 && found.shownOthers.last == "and 5 more")
  }
}
