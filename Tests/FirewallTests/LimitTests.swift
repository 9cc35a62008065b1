import Glibc
import Testing

@testable import Firewall

/// Limits, bans by limit, hours and audits, with true packets.
@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct LimitTests {
  /// Sends from each source in turn for two seconds, about a packet a millisecond of each, and prints
  /// how many a bucket for each IPv4 address and IPv6 /64 lets in at the times when they were sent.
  private static let spray = """
    import socket, sys, time
    rate, burst, *sources = sys.argv[1:]
    rate, burst = float(rate), float(burst)
    sockets, buckets, expected = [], {}, 0
    for source in sources:
      s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
      s.bind((source, 0)); s.connect(("fd09::1" if ":" in source else "10.9.0.1", 443))
      sockets.append((s, source.split("::")[0]))
    start = time.monotonic()
    while time.monotonic() - start < 2:
      for s, key in sockets:
        now = time.monotonic()
        level, last = buckets.get(key, (burst, now))
        level = min(burst, level + (now - last) * rate)
        if level >= 1: level -= 1; expected += 1
        buckets[key] = level, now
        try: s.send(b"x")
        except OSError: pass
      time.sleep(0.0005)
    print(expected)
    """

  private static func policy(_ body: (inout ResolvedPolicy) -> Void) -> ResolvedPolicy {
    var policy = Sample.host
    policy.deny = AddressSet()
    policy.services[0].deny = AddressSet()
    policy.services[0].allow = .any
    policy.neverBanned = policy.management?.sources ?? AddressSet()
    body(&policy)
    return policy
  }

  private func counters(_ link: Link) throws -> [String: UInt64] {
    let live = try #require(try link.server.inside { try FirewallKernel.live() })
    return live.counters.mapValues(\.packets)
  }

  /// Whether as many came in as a bucket of 10 lets in that gets 20 a second: within 3 %.
  private func isLimited(_ link: Link, _ sources: String) throws -> Bool {
    let before = try counters(link)["r_web_allow"] ?? 0
    let text = try link.client.run(python: Self.spray, arguments: "20 10 \(sources)")
    let expected = try #require(Double(text.prefix { $0.isNumber }))
    let accepted = try Double((counters(link)["r_web_allow"] ?? 0) - before)
    #expect(expected >= 40, "the sender hardly sent")
    return abs(accepted - expected) <= expected * 0.03 + 2
  }

  @Test func `root: each IPv4 source has its own rate, and an IPv6 64 has one together`() throws {
    let link = try Link()
    try link.apply(
      Self.policy {
        $0.services[0].limit = .init(newConnections: .init(20, per: .second, burst: 10))
      })
    #expect(try isLimited(link, "10.9.0.3"))
    #expect(try isLimited(link, "10.9.0.4 10.9.0.5"))
    #expect(try isLimited(link, "fd09::3 fd09::4 fd09::5"))
    try link.client.run("ip address add fd0a::5/128 dev up0 nodad")
    try link.client.run("ip address add fd0b::5/128 dev up0 nodad")
    #expect(try isLimited(link, "fd0a::5 fd0b::5"))
    #expect(try (counters(link)["r_web_limited"] ?? 0) > 1000)
  }

  @Test func `root: more sources than can be counted share one limit, so none gets in for free`()
    throws
  {
    let link = try Link()
    try link.apply(
      Self.policy {
        $0.services[0].limit = .init(newConnections: .init(1, per: .hour, burst: 1))
      })
    try link.server.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.up0.rp_filter=0")
    let size = 131_072
    let script = """
      import socket, struct
      s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
      s.setsockopt(socket.SOL_SOCKET, 32, 1 << 24)
      udp = struct.pack("!HHHH", 4000, 443, 9, 0) + b"x"
      to = socket.inet_aton("10.9.0.1")
      for number in range(\(size) + 5000):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 29, 1, 0, 64, 17, 0)
        s.sendto(head + struct.pack("!I", (20 << 24) + number) + to + udp, ("10.9.0.1", 0))
      """
    try link.client.run(python: script)
    link.settle()
    let counts = try counters(link)
    // The shared bucket lets one more in.
    #expect(counts["r_web_allow"] == UInt64(size) + 1)
    #expect(counts["r_web_overflow"] == 5000)
    #expect(counts["r_web_limited"] == 4999)
  }

  @Test func `root: so many connections at a time, and room again when one closes`() throws {
    let link = try Link()
    try link.apply(Self.policy { $0.services[0].limit = .init(concurrent: 3) })
    let daemon = try link.server.daemon(python: TrafficScript.echoBoth([80]))
    defer { withExtendedLifetime(daemon) {} }
    let script = """
      import socket, time
      def dial(source, to):
        s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
        s.settimeout(0.7); s.bind((source, 0))
        try: s.connect((to, 80)); return s
        except OSError: return None
      for source, other, to in ("10.9.0.3", "10.9.0.4", "10.9.0.1"), ("fd09::3", "fd09::4", "fd09::1"):
        held = [dial(source, to) for _ in range(5)]
        words = [bool(s) for s in held]
        held[0].close(); time.sleep(0.3)
        again = dial(source, to)
        print(words, bool(again), bool(dial(other, to)))
      """
    let text = try link.client.run(python: script)
    // The neighbour in the same /64 counts as one with it, the IPv4 one does not.
    #expect(
      text == """
        [True, True, True, False, False] True True
        [True, True, True, False, False] True False

        """)
  }

  @Test func `root: a source that was limited three times is banned everywhere, management never`()
    throws
  {
    let link = try Link()
    try link.apply(
      Self.policy {
        $0.services[0].limit = .init(newConnections: .init(1, per: .hour, burst: 2))
        $0.services[0].ban = .init(.limited, times: 3, withinSeconds: 60, forSeconds: 120)
        $0.services[0].trustedProxies = Sample.sources(["10.9.0.9"])
        $0.neverBanned = $0.neverBanned.union($0.services[0].trustedProxies)
      })
    let daemon = try link.serve(in: link.server, ports: [80, 8000])
    defer { withExtendedLifetime(daemon) {} }
    let attempts = { (source: String, port: Int, count: Int) in
      try link.connect(
        as: (0..<count).map { _ in "\(source) \(port) x" }.joined(separator: "\n"))
    }
    // Two get in, the third and fourth are over the limit and, by their repeated SYNs, banned.
    _ = try attempts("10.9.0.3", 80, 4)
    _ = try attempts("10.9.0.2", 80, 6)
    // This one shares its /64 with management, that one does not.
    try link.client.run("ip address add fd0a::5/128 dev up0 nodad")
    _ = try attempts("fd09::3", 80, 4)
    _ = try attempts("fd0a::5", 80, 4)
    let banned = try link.server.inside { try KernelBans().list() }
    #expect(
      Set(banned.map(\.network.description)) == ["10.9.0.3", "fd0a::/64"], "\(banned)")
    #expect(banned.allSatisfy { $0.secondsLeft > 60 && $0.secondsLeft <= 120 })
    #expect(try attempts("10.9.0.3", 8000, 1) == "10.9.0.3 8000 timeout\n")
    #expect(try attempts("10.9.0.4", 8000, 1) == "10.9.0.4 8000 open\n")
    #expect(
      try attempts("10.9.0.9", 80, 8).split(separator: "\n").allSatisfy { $0.hasSuffix("open") })
    let found = try link.server.inside { try KernelBans().ban(of: .ipv4(0x0a09_0003)) }
    #expect(found?.network == .ipv4(0x0a09_0003, prefix: 32))
    let six = try link.server.inside { try KernelBans().ban(of: .ipv6(0xfd0a << 112 | 77)) }
    #expect(six?.network == .ipv6(0xfd0a << 112, prefix: 64))
    #expect(try link.server.inside { try KernelBans().ban(of: .ipv4(0x0a09_0004)) } == nil)
  }

  @Test func `root: an audit counts what it would deny, and lets it in`() throws {
    let link = try Link()
    var policy = Sample.host
    policy.mode = .audit
    try link.apply(policy)
    let daemon = try link.serve(in: link.server, ports: [22, 80, 9999])
    defer { withExtendedLifetime(daemon) {} }
    let all = """
      10.9.0.3 22 open
      10.9.0.4 80 open
      10.9.0.9 80 open
      10.9.0.9 9999 open

      """
    #expect(try link.connect(as: all) == all)
    let counts = try counters(link)
    #expect(counts["r_deny"] ?? 0 >= 1)
    #expect(counts["r_web_default"] == 1)
    #expect(counts["r_default"] == 2)
  }

  @Test func `root: a service is open in its hours, by the kernel's own clock`() throws {
    let link = try Link()
    let daemon = try link.serve(in: link.server, ports: [80])
    defer { withExtendedLifetime(daemon) {} }
    let now = Int64(time(nil))
    func attempt(_ windows: [Schedule.Window]) throws -> String {
      try link.apply(
        Self.policy { $0.services[0].schedule = Schedule(text: "now", windows: windows) })
      return try link.connect(as: "10.9.0.3 80 x")
    }
    #expect(
      try attempt([
        .init(opens: now - 9000, closes: now - 10), .init(opens: now + 3600, closes: now + 7200),
      ])
        == "10.9.0.3 80 timeout\n")
    #expect(try attempt([.init(opens: now - 60, closes: now + 3600)]) == "10.9.0.3 80 open\n")
    #expect(
      try attempt([.init(opens: now - 60, closes: Int64(time(nil)) + 4)]) == "10.9.0.3 80 open\n")
    sleep(5)
    #expect(try link.connect(as: "10.9.0.3 80 x") == "10.9.0.3 80 timeout\n")
  }
}
