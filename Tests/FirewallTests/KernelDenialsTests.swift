import Glibc
import Testing

@testable import Firewall

/// Whom the kernel denied, with true packets.
@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct KernelDenialsTests {
  /// Each argument `SOURCE PORT COUNT`: so many UDP packets, none of which anybody sends again.
  private static let send = """
    import socket, sys
    for word in sys.argv[1:]:
      source, port, count = word.split(",")
      six = ":" in source
      s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
      s.bind((source, 0))
      for _ in range(int(count)): s.sendto(b"x", ("fd09::1" if six else "10.9.0.1", int(port)))
    """

  /// So many packets, each from a source of its own.
  private static let spray = """
    import socket, struct, sys
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    s.setsockopt(socket.SOL_SOCKET, 32, 1 << 24)
    udp = struct.pack("!HHHH", 4000, 443, 9, 0) + b"x"
    to = socket.inet_aton("10.9.0.1")
    head = struct.pack("!BBHHHBBH", 0x45, 0, 29, 1, 0, 64, 17, 0)
    for number in range(int(sys.argv[1])):
      s.sendto(head + struct.pack("!I", (20 << 24) + number) + to + udp, ("10.9.0.1", 0))
    """

  private func send(_ link: Link, _ words: String) throws {
    try link.client.run(python: Self.send, arguments: words)
  }

  private func denials(_ link: Link) throws -> KernelDenials? {
    try link.server.inside { try KernelDenials.read(most: 1000) }
  }

  /// Packets by source; who asks about the link itself, as a host does when it comes up, aside.
  private func packets(_ link: Link) throws -> [String: UInt64] {
    let sources = try #require(try denials(link)).sources.filter { "\($0.address)" != "::" }
    return Dictionary(sources.map { ("\($0.address)", $0.packets) }) { $0 + $1 }
  }

  /// The counter of what was dropped comes before the note, so it may be waited for.
  private func waits(_ link: Link, _ wanted: [String: UInt64]) throws -> [String: UInt64] {
    for _ in 0..<200 where try packets(link) != wanted { usleep(50_000) }
    return try packets(link)
  }

  @Test func `root: sources that were dropped are noted with their packets, others are not`() throws
  {
    let link = try Link()
    #expect(try denials(link) == nil)
    try link.apply(Sample.host)
    #expect(try packets(link).isEmpty)
    // 10.9.0.4 is in deny, 10.9.0.5 in the service's; nobody serves 9999; 10.9.0.3 and fd09::3 may.
    try send(
      link,
      "10.9.0.4,443,7 10.9.0.5,443,5 10.9.0.9,9999,3 10.9.0.3,443,4 fd09::9,443,2 fd09::5,9999,4 fd09::3,443,8"
    )
    let wanted: [String: UInt64] = ["10.9.0.4": 7, "10.9.0.5": 5, "10.9.0.9": 3, "fd09::": 6]
    #expect(try waits(link, wanted) == wanted)
    let all = try #require(try denials(link))
    #expect(all.sources.first?.packets == 7 && !all.isFull)
    #expect(all.sources.allSatisfy { $0.bytes >= 29 * $0.packets && $0.secondsAgo < 300 })
    let two = try link.server.inside { try KernelDenials.read(most: 2) }
    #expect(two?.sources.map { "\($0.address)" } == ["10.9.0.4", "fd09::"])
    #expect(two?.count == all.count)
    let one = try link.server.inside { try KernelDenials.source(.ipv6(0xfd09 << 112 | 0x77)) }
    #expect(one?.packets == 6 && one?.address == .ipv6(0xfd09 << 112))
    #expect(try link.server.inside { try KernelDenials.source(.ipv4(0x0a09_0003)) } == nil)
  }

  @Test func `root: an apply keeps what was noted, and an audit's sources are nobody's drops`()
    throws
  {
    let link = try Link()
    try link.apply(Sample.host)
    try send(link, "10.9.0.4,443,2")
    #expect(try waits(link, ["10.9.0.4": 2]) == ["10.9.0.4": 2])
    var other = Sample.host
    other.services.removeLast()
    try link.apply(other)
    try send(link, "10.9.0.4,443,3")
    #expect(try waits(link, ["10.9.0.4": 5]) == ["10.9.0.4": 5])
    // It begins anew, and counts those whom it lets in.
    other.mode = .audit
    try link.apply(other)
    #expect(try packets(link).isEmpty)
    let heard = try link.server.daemon(
      python: """
        import os, socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.9.0.1", 443))
        print(os.getpid(), flush=True)
        s.recv(9); open("/tmp/\(link.server.name).heard", "w").close()
        """)
    defer {
      withExtendedLifetime(heard) {}
      unsafe unlink("/tmp/\(link.server.name).heard")
    }
    try send(link, "10.9.0.4,443,1")
    #expect(try waits(link, ["10.9.0.4": 1]) == ["10.9.0.4": 1])
    for _ in 0..<200 where unsafe access("/tmp/\(link.server.name).heard", F_OK) != 0 {
      usleep(50_000)
    }
    #expect(unsafe access("/tmp/\(link.server.name).heard", F_OK) == 0)
    // Panic drops, also in an audit; both are told.
    other.isPanic = true
    try link.apply(other)
    try send(link, "10.9.0.9,9999,2")
    let both: [String: UInt64] = ["10.9.0.4": 1, "10.9.0.9": 2]
    #expect(try waits(link, both) == both)
    try link.apply(Sample.host)
    #expect(try packets(link) == ["10.9.0.9": 2])
  }

  @Test func `root: a full set changes no verdict, and says that it is full`() throws {
    let link = try Link()
    try link.apply(Sample.host)
    try link.server.run("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.up0.rp_filter=0")
    let count = 200_000
    try link.client.run(python: Self.spray, arguments: "\(count)")
    link.settle()
    let live = try #require(try link.server.inside { try FirewallKernel.live() })
    #expect(live.counters["r_web_default"]?.packets == UInt64(count))
    #expect(live.counters["r_web_allow"]?.packets == 0)
    let all = try #require(try denials(link))
    #expect(all.isFull && all.count <= 2 * KernelDenials.sizeLimit, "\(all.count)")
    // Who was noted before still counts, who comes now is dropped all the same.
    try link.client.run(python: Self.spray, arguments: "1")
    let first = try link.server.inside { try KernelDenials.source(.ipv4(20 << 24)) }
    #expect(first?.packets == 2)
    let words = try link.connect(as: "10.9.0.9 80 timeout\n10.9.0.3 80 open")
    #expect(words.hasPrefix("10.9.0.9 80 timeout"))
    let after = try #require(try link.server.inside { try FirewallKernel.live() })
    #expect(after.counters["r_web_allow"]?.packets == 1)
  }

  @Test func `root: whether a limit counts a source, and how many connections of it are open`()
    throws
  {
    let link = try Link()
    var policy = Sample.host
    policy.services[0].limit = .init(
      newConnections: .init(50, per: .minute, burst: 9), concurrent: 5)
    let service = policy.services[0]
    try link.apply(policy)
    let three = Address.ipv4(0x0a09_0003)
    func isMetered() throws -> Bool? {
      try link.server.inside { try KernelDenials.isMetered(three, by: service) }
    }
    func open() throws -> Int {
      try link.server.inside {
        try Conntrack.openConnections { $0.source == three && $0.destinationPort == 80 }
      }
    }
    #expect(try isMetered() == false)
    let server = try link.server.daemon(python: TrafficScript.echoBoth([80]))
    let client = try link.client.daemon(
      python: """
        import os, socket, time
        held = [socket.create_connection(("10.9.0.1", 80), 30, ("10.9.0.3", 0)) for _ in range(3)]
        held.pop().close()
        print(os.getpid(), flush=True)
        time.sleep(600)
        """)
    defer { withExtendedLifetime((server, client)) {} }
    #expect(try isMetered() == true)
    // The one that was closed takes its time.
    for _ in 0..<200 where try open() != 2 { usleep(50_000) }
    #expect(try open() == 2)
    #expect(
      try link.server.inside {
        try KernelDenials.isMetered(three, by: Sample.host.services[1])
      } == nil)
  }
}
