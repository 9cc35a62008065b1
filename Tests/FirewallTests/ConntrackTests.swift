import Glibc
import Testing

@testable import Firewall

@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct ConntrackTests {
  @Test func `root: a deleted connection is judged anew and the others go on`() throws {
    let link = try Link()
    var input = Sample.host
    input.deny = AddressSet()
    try link.apply(input)
    let conversation = try Conversation(
      link, ["10.9.0.3 80", "10.9.0.9 8000", "fd09::3 80", "10.9.0.3 443", "fd09::9 8000"])
    #expect(try conversation.round() == "yes yes yes yes yes")
    let before = try link.server.inside { try Conntrack.connections() }
    #expect(
      Set(before.map(Self.text)) == [
        "10.9.0.3 -> 10.9.0.1 6/80", "10.9.0.9 -> 10.9.0.1 6/8000", "fd09::3 -> fd09::1 6/80",
        "10.9.0.3 -> 10.9.0.1 17/443", "fd09::9 -> fd09::1 6/8000",
      ])
    #expect(before.count == 5)
    #expect(before.allSatisfy { $0.sourcePort >= 1024 && !$0.isRedirected })

    input.services[0].allow = AddressSet()
    try link.apply(input)
    // The rules alone leave alone what is established.
    #expect(try conversation.round() == "yes yes yes yes yes")
    // An answer not yet acknowledged would be sent again, and bring its connection back.
    link.settle()
    let four = try #require(Address(parsing: "10.9.0.3"))
    let six = try #require(Address(parsing: "fd09::3"))
    #expect(try link.server.inside { try Conntrack.delete { $0.source == four } } == 2)
    #expect(try conversation.round() == "no yes yes no yes")
    #expect(try link.server.inside { try Conntrack.delete { $0.source == six } } == 1)
    #expect(try link.server.inside { try Conntrack.delete { $0.source == six } } == 0)
    #expect(try conversation.round() == "no yes no no yes")
    let after = try link.server.inside { try Conntrack.connections() }
    #expect(
      Set(after.map(Self.text)) == [
        "10.9.0.9 -> 10.9.0.1 6/8000", "fd09::9 -> fd09::1 6/8000",
      ])
  }

  @Test func `root: what the server still sends brings a connection back unless it is closed`()
    throws
  {
    let link = try Link()
    try link.apply(Sample.host)
    let server = try link.server.daemon(python: TrafficScript.talkOn)
    let client = try link.client.daemon(python: TrafficScript.listenTo("10.9.0.3", 80))
    defer { withExtendedLifetime((server, client)) {} }
    let four = try #require(Address(parsing: "10.9.0.3"))
    let isHis: @Sendable (TrackedConnection) -> Bool = {
      $0.source == four || $0.destination == four
    }
    var input = Sample.host
    input.services[0].allow = AddressSet()
    try link.apply(input)
    #expect(try link.server.inside { try Conntrack.delete(where: isHis) } == 1)
    link.settle()
    let back = try link.server.inside { try Conntrack.connections() }
    #expect(back.map(\.destination) == [four])
    #expect(back.map(\.sourcePort) == [80])
    let counts = try link.server.inside {
      [
        try LocalSockets.close { peer, _ in peer.address == four },
        try Conntrack.delete(where: isHis),
      ]
    }
    #expect(counts == [1, 1])
    link.settle()
    #expect(try link.server.inside { try Conntrack.connections() }.isEmpty)
  }

  @Test func `root: a published connection shows the port it was published at`() throws {
    let link = try Link()
    let backend = try NetworkNamespace("back")
    try link.attach(backend)
    let daemon = try backend.daemon(python: TrafficScript.echoBoth([8080]))
    defer { withExtendedLifetime(daemon) {} }
    try link.server.run("nft add table ip nat")
    try link.server.run(
      "nft add chain ip nat pre { type nat hook prerouting priority -100 \\; }")
    try link.server.run(
      "nft add rule ip nat pre ip daddr 10.9.0.1 tcp dport 80 dnat to 10.8.0.2:8080")
    try link.apply(Sample.published)
    let conversation = try Conversation(link, ["10.9.0.3 80"], serves: false)
    #expect(try conversation.round() == "yes")
    let connections = try link.server.inside { try Conntrack.connections() }
    #expect(connections.map(Self.text) == ["10.9.0.3 -> 10.9.0.1 6/80"])
    #expect(connections.map(\.isRedirected) == [true])
    let count = try link.server.inside { try Conntrack.delete { $0.destinationPort == 80 } }
    #expect(count == 1)
    #expect(try link.server.inside { try Conntrack.connections() }.isEmpty)
  }

  @Test func `root: zones and protocols without ports are told apart and deleted`() throws {
    let link = try Link()
    try link.server.run("nft add table inet zones")
    try link.server.run(
      "nft add chain inet zones pre { type filter hook prerouting priority raw \\; }")
    try link.server.run("nft add rule inet zones pre udp dport 1111 ct zone set 7")
    try link.server.run("nft add rule inet zones pre udp dport 2222 ct original zone set 8")
    try link.server.run("nft add chain inet zones in { type filter hook input priority 0 \\; }")
    try link.server.run("nft add rule inet zones in ct state established accept")
    try link.client.run(
      python: """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.9.0.3", 5000))
        for port in 1111, 2222, 3333: s.sendto(b"x", ("10.9.0.1", port))
        # An echo request each; the kernel fills in the checksum of ICMPv6 alone.
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
        four.sendto(bytes([8, 0, 0xf7, 0xfe, 0, 0, 0, 1]), ("10.9.0.1", 0))
        six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
        six.sendto(bytes([128, 0, 0, 0, 0, 0, 0, 1]), ("fd09::1", 0))
        """)
    link.settle()
    let all = try link.server.inside { try Conntrack.connections() }
    let places = Set(all.map { "\($0.protocolNumber)/\($0.destinationPort)" })
    #expect(places == ["17/1111", "17/2222", "17/3333", "1/0", "58/0"])
    for place in places {
      let count = try link.server.inside {
        try Conntrack.delete { "\($0.protocolNumber)/\($0.destinationPort)" == place }
      }
      #expect(count == 1, "\(place)")
    }
    #expect(try link.server.inside { try Conntrack.connections() }.isEmpty)
  }

  @Test func `root: tens of thousands are listed once each and deleted in part`() throws {
    let namespace = try NetworkNamespace("many")
    try namespace.run("nft add table inet t")
    try namespace.run("nft add chain inet t in { type filter hook input priority 0 \\; }")
    try namespace.run("nft add rule inet t in ct state established accept")
    try namespace.run(
      python: """
        import socket
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.2", 5000))
        for port in range(20000, 40000): s.sendto(b"x", ("127.0.0.1", port))
        """)
    let (all, deleted, left) = try namespace.inside {
      let all = try Conntrack.connections()
      let deleted = try Conntrack.delete { $0.destinationPort % 2 == 1 }
      return (all, deleted, try Conntrack.connections())
    }
    #expect(Set(all).count == 20_000)
    #expect(all.count == 20_000)
    #expect(deleted == 10_000)
    #expect(left.count == 10_000)
    #expect(left.allSatisfy { $0.destinationPort % 2 == 0 })
  }

  @Test func `root: without the capability the error names it`() throws {
    let namespace = try NetworkNamespace("bare")
    let error = #expect(throws: FirewallKernelError.self) {
      try namespace.inside {
        try NetworkNamespace.dropCapabilities()
        _ = try Conntrack.connections()
      }
    }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("list the tracked connections (nf_conntrack_netlink): Operation not"))
    #expect(text.contains("CAP_NET_ADMIN"))
  }

  private static func text(_ connection: TrackedConnection) -> String {
    "\(connection.source) -> \(connection.destination) "
      + "\(connection.protocolNumber)/\(connection.destinationPort)"
  }
}

/// Connections that stay open over several rounds of a byte each.
private final class Conversation {
  private let server: Daemon?
  private let client: Daemon
  private let path: String
  private var rounds = 0

  init(_ link: Link, _ lines: [String], serves: Bool = true) throws {
    path = "/tmp/\(link.client.name).round"
    server = serves ? try link.server.daemon(python: TrafficScript.echoBoth([80, 8000])) : nil
    client = try link.client.daemon(python: TrafficScript.talkInRounds(path, lines))
  }

  /// For each line whether its byte came back.
  func round() throws -> String {
    let file = "\(path).\(rounds)"
    rounds += 1
    defer { unsafe unlink(file) }
    try Golden.write("", to: file)
    for _ in 0..<500 {
      let answer = try Golden.read(file)
      if !answer.isEmpty { return answer }
      usleep(10_000)
    }
    throw NetworkNamespace.Failure(text: "no answer in \(file)")
  }
}

/// No byte of the kernel's leads to a trap.
struct ConntrackDecodingTests {
  @Test func `a message is read`() throws {
    let connection = TrackedConnection(
      source: .ipv4(0x0a09_0003), destination: .ipv4(0x0a09_0001), protocolNumber: 6,
      sourcePort: 5000, destinationPort: 80, isRedirected: true)
    let message = try #require(NetlinkMessage.all(in: Self.sample[...]).first)
    #expect(TrackedConnection(reading: message.attributes) == connection)
    let deletion = try #require(Conntrack.deletion(of: message.attributes, connection))
    let request = try #require(NetlinkMessage.all(in: deletion[...]).first)
    #expect(request.type == 0x0102)
    #expect(request.family == UInt8(AF_INET))
    #expect(request.attributes.map { $0.type } == [1, 18, 12])
    #expect(request.attributes.first(1) == message.attributes.first(1))
  }

  @Test func `nothing is deleted without a tuple and an ID`() {
    let connection = TrackedConnection(
      source: .ipv4(1), destination: .ipv4(2), protocolNumber: 6)
    for attributes in [[], [UInt8(4), 0, 1, 0], [5, 0, 1, 0, 9, 0, 0, 0]] {
      let attributes = NetlinkAttributes(bytes: attributes[...])
      #expect(Conntrack.deletion(of: attributes, connection) == nil)
    }
  }

  @Test func `cut off anywhere it is read without a trap`() {
    for count in 0..<Self.sample.count { Self.read(Self.sample[..<count]) }
    for start in 1..<Self.sample.count { Self.read(Self.sample[start...]) }
  }

  @Test func `any byte may be any other`() {
    for index in Self.sample.indices {
      for value in 0...UInt8.max {
        var bytes = Self.sample
        bytes[index] = value
        Self.read(bytes[...])
      }
    }
  }

  @Test func `noise is read without a trap`() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = Self.sample
      for _ in 0..<Int.random(in: 1...12, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255)
      }
      Self.read(bytes[...])
    }
  }

  private static func read(_ bytes: ArraySlice<UInt8>) {
    for message in NetlinkMessage.all(in: bytes) {
      _ = (message.errorNumber, message.family)
      guard let connection = TrackedConnection(reading: message.attributes) else { continue }
      _ = Conntrack.deletion(of: message.attributes, connection)
    }
  }

  /// As kernel 6.18 sends it, but for what we do not read; with a zone.
  private static let sample: [UInt8] = {
    let nested: UInt32 = 0x8000
    var bytes: [UInt8] = []
    let start = bytes.openMessage(type: 0x0100, flags: 2, sequence: 1, family: UInt8(AF_INET))
    bytes.appendNested(1) {
      $0.appendAttribute(1 | nested, [8, 0, 1, 0, 10, 9, 0, 3, 8, 0, 2, 0, 10, 9, 0, 1])
      $0.appendNested(2) {
        $0.appendAttribute(1, [6])
        $0.appendAttribute(2, [0x13, 0x88])
        $0.appendAttribute(3, [0, 80])
      }
    }
    bytes.appendAttribute(3, number: 0x2e)
    bytes.appendAttribute(12, number: 0x1234_5678)
    bytes.appendAttribute(18, [0, 7])
    bytes.closeMessage(start)
    return bytes
  }()
}
