import Glibc
import Testing

@testable import Firewall

@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct LocalSocketsTests {
  @Test func `root: peers are listed by the port they use, as the family they came with`() throws {
    let meeting = try Meeting()
    let peers = try meeting.link.server.inside {
      // No capability is needed to look.
      try NetworkNamespace.dropCapabilities()
      return try [[UInt16(80)], [81], [79, 82], []].map { ports in
        let peers = try LocalSockets.peers(ports: ports.map { .init(.tcp, $0) })
        return Set(peers.map { "\($0.address) \($0.port)" })
      }
    }
    #expect(peers[0] == ["10.9.0.3 80", "127.0.0.1 80"])
    #expect(
      peers[1] == ["10.9.0.3 81", "10.9.0.9 81", "fd09::3 81", "fd09::9 81", "10.9.0.1 81"])
    #expect(peers[2].isEmpty)
    #expect(peers[3].isEmpty)
    let ranges = try meeting.link.server.inside {
      try [FirewallPolicy.Port(.tcp, 79, 82), .init(.udp, 1, 65535)].map {
        try LocalSockets.peers(ports: [$0]).count
      }
    }
    #expect(ranges == [7, 0])
  }

  @Test func `root: both ends of an unwanted connection are told within a second`() throws {
    let meeting = try Meeting()
    let unwanted = [Address(parsing: "10.9.0.3"), Address(parsing: "fd09::3")]
    let isOver = ContinuousClock.now + .seconds(1)
    let count = try meeting.link.server.inside {
      try LocalSockets.close { peer, _ in unwanted.contains(peer.address) }
    }
    #expect(count == 3)
    let expected = [
      "client 10.9.0.3 ECONNRESET", "client 10.9.0.3 ECONNRESET", "client fd09::3 ECONNRESET",
      "server 10.9.0.3 ECONNABORTED", "server 10.9.0.3 ECONNABORTED",
      "server fd09::3 ECONNABORTED",
    ]
    while try meeting.told().count < expected.count, ContinuousClock.now < isOver {
      usleep(5_000)
    }
    #expect(try meeting.told() == expected)
    let left = try meeting.link.server.inside {
      Set(try LocalSockets.peers(ports: [.init(.tcp, 80, 81)]).map { "\($0.address) \($0.port)" })
    }
    #expect(left == ["127.0.0.1 80", "10.9.0.9 81", "fd09::9 81", "10.9.0.1 81"])
  }

  @Test func `root: by port, and never within the machine nor a listener`() throws {
    let meeting = try Meeting()
    let counts = try meeting.link.server.inside {
      [
        try LocalSockets.close { peer, _ in peer.port == 79 },
        try LocalSockets.close { peer, _ in peer.port == 80 },
        try LocalSockets.close { _, _ in true },
        try LocalSockets.close { _, _ in true },
      ]
    }
    #expect(counts == [0, 1, 4, 0])
    let left = try meeting.link.server.inside {
      try LocalSockets.peers(ports: [.init(.tcp, 80, 81)]).count
    }
    #expect(left == 2)
    // Both still listen.
    let dialer = try meeting.link.client.daemon(
      python: TrafficScript.dialAndTell(meeting.path, ["10.9.0.3 80", "fd09::3 81"]))
    withExtendedLifetime(dialer) {}
  }

  @Test func `root: without the capability the error names it, and nothing is closed`() throws {
    let meeting = try Meeting()
    let error = #expect(throws: FirewallKernelError.self) {
      try meeting.link.server.inside {
        try NetworkNamespace.dropCapabilities()
        _ = try LocalSockets.close { _, _ in true }
      }
    }
    guard case .socket(_, EPERM) = try #require(error) else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect("\(try #require(error))".contains("CAP_NET_ADMIN"))
    let left = try meeting.link.server.inside {
      try LocalSockets.peers(ports: [.init(.tcp, 80, 81)]).count
    }
    #expect(left == 7)
  }

  @Test func `root: a thousand connections end at once`() throws {
    let link = try Link()
    let daemon = try link.server.daemon(
      python: """
        import os, resource, socket, threading
        resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
        s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True,
          backlog=2000)
        print(os.getpid(), flush=True)
        kept = []
        while True: kept.append(s.accept()[0])
        """)
    let dialer = try link.client.daemon(
      python: """
        import os, resource, socket, time
        resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
        kept = [socket.create_connection(("10.9.0.1", 80)) for _ in range(1000)]
        print(os.getpid(), flush=True)
        time.sleep(1000)
        """)
    let (count, left) = try link.server.inside {
      let count = try LocalSockets.close { peer, _ in peer.port == 80 }
      return (count, try LocalSockets.peers(ports: [.init(.tcp, 80)]).count)
    }
    withExtendedLifetime((daemon, dialer)) {}
    #expect(count == 1000)
    #expect(left == 0)
  }
}

/// Five clients, some at a socket for IPv4 alone and some at one for both; and two of the server's
/// own connections with itself.
private struct Meeting {
  let link: Link
  let path: String
  private let daemons: [Daemon]
  private let traces: Traces

  /// What the test leaves behind.
  private final class Traces {
    let path: String
    init(_ path: String) { self.path = path }
    deinit { unsafe unlink(path) }
  }

  init() throws {
    link = try Link()
    path = "/tmp/\(link.server.name).told"
    traces = Traces(path)
    let lines = ["10.9.0.3 80", "10.9.0.3 81", "10.9.0.9 81", "fd09::3 81", "fd09::9 81"]
    daemons = [
      try link.server.daemon(python: TrafficScript.acceptAndTell(path)),
      try link.client.daemon(python: TrafficScript.dialAndTell(path, lines)),
    ]
    try Golden.write("", to: path)
  }

  /// Whose connection ended, and how; sorted.
  func told() throws -> [String] {
    try Golden.read(path).split(separator: "\n").map(String.init).sorted()
  }
}

/// No byte of the kernel's leads to a trap.
struct LocalSocketDecodingTests {
  @Test func `a socket is read, and asked for by what identifies it`() throws {
    let socket = try #require(LocalSocket(reading: Self.sample(AF_INET)[...]))
    #expect(socket.local == .ipv4(0x0102_0304))
    #expect(socket.remote == .ipv4(0x1112_1314))
    #expect(socket.localPort == 0x1234)
    let six = try #require(LocalSocket(reading: Self.sample(AF_INET6)[...]))
    #expect(six.remote == .ipv6(0x1112_1314_1516_1718_191a_1b1c_1d1e_1f20))
    let request = try #require(NetlinkMessage.all(in: six.destruction[...]).first)
    #expect(request.type == 21)
    #expect(Array(request.payload) == [10, 6, 0, 0, 0, 0, 0, 0] + Self.sample(AF_INET6)[4..<52])
  }

  @Test func `a mapped address is the IPv4 address it maps`() throws {
    #expect(Address.ipv6(0xffff_0a09_0003).unmapped == .ipv4(0x0a09_0003))
    #expect(Address.ipv6(0x1_ffff_0a09_0003).unmapped == .ipv6(0x1_ffff_0a09_0003))
    #expect(Address.ipv4(0x7fff_ffff).isLoopback)
    #expect(Address.ipv6(1).isLoopback)
    #expect(!Address.ipv6(0x7f00_0001).isLoopback)
    #expect(!Address.ipv4(0x0a00_0001).isLoopback)
  }

  @Test func `cut off anywhere it is nil`() {
    for family in [AF_INET, AF_INET6] {
      let bytes = Self.sample(family)
      for count in 0..<bytes.count { #expect(LocalSocket(reading: bytes[..<count]) == nil) }
      for start in 1...bytes.count { #expect(LocalSocket(reading: bytes[start...]) == nil) }
    }
  }

  @Test func `any byte may be any other`() {
    let bytes = Self.sample(AF_INET6)
    for index in bytes.indices {
      for value in 0...UInt8.max {
        var mutated = bytes
        mutated[index] = value
        #expect(LocalSocket(reading: mutated[...])?.destruction.count == 72)
      }
    }
  }

  /// An `inet_diag_msg`: the header's four bytes, ports, two addresses, interface, cookie, counts.
  private static func sample(_ family: Int32) -> [UInt8] {
    [UInt8(family), 1, 0, 0, 0x12, 0x34, 0x56, 0x78] + (1...16) + (0x11...0x20)
      + [UInt8](repeating: 0, count: 4) + (1...8) + [UInt8](repeating: 0, count: 20)
  }
}
