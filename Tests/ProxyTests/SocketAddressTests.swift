import Testing

@testable import Proxy

@Suite struct SocketAddressTests {
  private static let addresses: [(UInt128, String)] = [
    (0, "::"), (1, "::1"), (1 << 112, "1::"), (0xfe80 << 112 | 0xabcd, "fe80::abcd"),
    // The longest run is shortened, the first of several, and never a single group
    // (RFC 5952, section 4.2).
    (0x2001_0db8_0000_0000_0001_0000_0000_0001, "2001:db8::1:0:0:1"),
    (0x2001_0db8_0000_0001_0001_0001_0001_0001, "2001:db8:0:1:1:1:1:1"),
    (0x2001_0000_0000_0001_0000_0000_0000_0001, "2001:0:0:1::1"),
    (0x0001_0002_0003_0004_0005_0006_0007_0008, "1:2:3:4:5:6:7:8"),
    (0x0001_0002_0003_0004_0005_0006_0000_0000, "1:2:3:4:5:6::"),
    (0x0000_0000_0003_0004_0005_0006_0007_0008, "::3:4:5:6:7:8"),
    (UInt128.max, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    (0x0010_0100_1000_000a_00a0_0a00_a000_0000, "10:100:1000:a:a0:a00:a000:0"),
  ]

  @Test(arguments: addresses)
  func `an IPv6 address is written as RFC 5952 says`(_ bits: UInt128, _ text: String) {
    let address = IPAddress.ipv6(bits)
    #expect(address.description == text)
    #expect(written { address.write(into: &$0) } == text)
    #expect(address.urlText == "[\(text)]")
    #expect("\(SocketAddress.ipv6(bits, port: 443))" == "[\(text)]:443")
  }

  @Test(arguments: [
    (0, "0.0.0.0"), (0x7f00_0001, "127.0.0.1"), (UInt32.max, "255.255.255.255"),
    (0x0a64_0900, "10.100.9.0"),
  ])
  func `an IPv4 address is written as four numbers`(_ bits: UInt32, _ text: String) {
    let address = IPAddress.ipv4(bits)
    #expect(address.description == text)
    #expect(written { address.write(into: &$0) } == text)
    #expect(address.urlText == text)
    #expect("\(SocketAddress.ipv4(bits, port: 80))" == "\(text):80")
  }

  @Test func `both ways of writing an address agree, within 39 bytes`() {
    var random = SeededGenerator(state: 13)
    for _ in 0..<5000 {
      var bits: UInt128 = 0
      for _ in 0..<8 {
        let group = UInt16.random(in: .min ... .max, using: &random)
        bits = bits << 16 | UInt128(Bool.random(using: &random) ? 0 : group)
      }
      let address = IPAddress.ipv6(bits)
      #expect(written(capacity: 39) { address.write(into: &$0) } == address.description)
    }
  }

  @Test func `a Unix socket has a path and no port`() {
    let address = SocketAddress.unix(path: "run/admin.sock")
    #expect("\(address)" == "unix:run/admin.sock")
    #expect(address.port == 0)
    #expect(SocketAddress.ipv6(0, port: 8443).port == 8443)
  }
}
