import Testing

@testable import Proxy

@Suite struct ProxyProtocolTests {
  private func parse(_ bytes: [UInt8]) -> ProxyProtocol.Outcome { ProxyProtocol.parse(bytes.span) }
  private func parse(_ text: String) -> ProxyProtocol.Outcome { parse(Array(text.utf8)) }

  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
  private static let binary4: [UInt8] =
    signature + [0x21, 0x11, 0, 12, 203, 0, 113, 9, 192, 0, 2, 1, 0x13, 0x88, 0x01, 0xbb]

  @Test func `a line names the client`() {
    let text = "PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n"
    #expect(
      parse(text + "GET / ") == .client(.ipv4(0xcb00_7109), port: 5000, byteCount: text.utf8.count))
    let six = "PROXY TCP6 2001:db8::7 2001:db8::1 5000 443\r\n"
    let address = UInt128(0x2001_0db8) << 96 | 7
    #expect(parse(six) == .client(.ipv6(address), port: 5000, byteCount: six.utf8.count))
  }

  @Test func `a mapped address is the IPv4 one, so that no rule is missed`() {
    let text = "PROXY TCP6 ::ffff:203.0.113.9 ::1 5000 443\r\n"
    #expect(parse(text) == .client(.ipv4(0xcb00_7109), port: 5000, byteCount: text.utf8.count))
  }

  @Test func `the binary form names the client, and its other fields are skipped`() {
    #expect(parse(Self.binary4) == .client(.ipv4(0xcb00_7109), port: 5000, byteCount: 28))
    var longer = Self.binary4
    longer[15] = 15
    #expect(
      parse(longer + [4, 0, 0, 9, 9]) == .client(.ipv4(0xcb00_7109), port: 5000, byteCount: 31))
    let six =
      Self.signature + [0x21, 0x21, 0, 36] + Array(repeating: 0, count: 31) + [1, 0, 80, 1, 187]
    #expect(parse(six) == .client(.ipv6(0), port: 80, byteCount: 52))
  }

  @Test(arguments: [
    "PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
  ])
  func `an unknown client is the balancer itself`(_ text: String) {
    #expect(parse(text) == .local(byteCount: text.utf8.count))
  }

  @Test func `a balancer's own check is its own`() {
    #expect(parse(Self.signature + [0x20, 0, 0, 0]) == .local(byteCount: 16))
    #expect(parse(Self.signature + [0x21, 0, 0, 2, 9, 9]) == .local(byteCount: 18))
    let paths = [UInt8](repeating: 0x2f, count: 216)
    #expect(parse(Self.signature + [0x21, 0x31, 0, 216] + paths) == .local(byteCount: 232))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\n", "PROXY \n", "PROXY TCP4 203.0.113.9 192.0.2.1 5000\r\n",
    "PROXY TCP4 203.0.113.9 192.0.2.1 5000 443 1\r\n", "PROXY TCP4 2001:db8::7 ::1 5000 443\r\n",
    "PROXY TCP4 203.0.113.09 192.0.2.1 5000 443\r\n",
    "PROXY TCP4 203.0.113.9 192.0.2.1 05000 443\r\n",
    "PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n",
    "PROXY TCP4  203.0.113.9 192.0.2.1 5000 443\r\n", "PROXX TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
    "PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\n",
    "PROXY UNKNOWN " + String(repeating: "a", count: 100) + "\r\n",
  ])
  func `what is no header is refused`(_ text: String) {
    #expect(parse(text) == .malformed)
  }

  @Test(
    arguments: [
      [0x11, 0x11, 0, 12], [0x22, 0x11, 0, 12], [0x21, 0x12, 0, 12], [0x21, 0x31, 0, 12],
      [0x21, 0x11, 0, 11], [0x21, 0x21, 0, 35], [0x21, 0x11, 0xff, 0xff],
    ] as [[UInt8]])
  func `what is no binary header is refused`(_ head: [UInt8]) {
    #expect(parse(Self.signature + head + Array(repeating: 0, count: 40)) == .malformed)
  }

  @Test(arguments: [
    binary4, Array("PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n".utf8),
    Array("PROXY UNKNOWN\r\n".utf8),
  ])
  func `a part of a header waits for the rest`(_ whole: [UInt8]) {
    for count in 0..<whole.count { #expect(parse(Array(whole[..<count])) == .needsMore) }
  }

  @Test(arguments: [ProxyProtocol.Version.text, .binary])
  func `what is written is read back`(_ version: ProxyProtocol.Version) {
    let four = IPAddress.ipv4(0xcb00_7109)
    let six = IPAddress.ipv6(.max)
    for (client, target) in [(four, four), (six, six), (four, six), (six, four)] {
      let buffer = ByteBuffer(capacity: ProxyProtocol.writtenLimit)
      defer { buffer.free() }
      var output = buffer.output(at: 0)
      ProxyProtocol.write(version, client: client, 65535, target: target, 443, into: &output)
      let count = output.count
      #expect(
        ProxyProtocol.parse(buffer.bytes(0..<count))
          == .client(client, port: 65535, byteCount: count))
    }
  }

  @Test func `no bytes trap`() {
    var random = SeededGenerator(state: 7)
    for _ in 0..<20_000 {
      var bytes =
        Bool.random(using: &random) ? Self.binary4 : Array("PROXY TCP6 ::1 ::1 1 2\r\n".utf8)
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      if case .client(_, _, let count) = parse(bytes) { #expect(count <= bytes.count) }
    }
  }
}
