import Testing

@testable import Proxy

@Suite struct RefusedSourcesTests {
  @Test func `who comes most often stays among many who come once`() {
    var sources = RefusedSources()
    for number in 0..<10_000 {
      sources.note(.ipv4(UInt32(number) + 1000))
      if number.isMultiple(of: 4) { sources.note(.ipv4(7)) }
    }
    #expect(sources.all.count == RefusedSources.limit)
    let most = sources.all.max { $0.count < $1.count }
    #expect(most?.address == .ipv4(7) && (2500...2700).contains(most?.count ?? 0), "\(sources.all)")
  }

  @Test func `an IPv6 client is known by its network`() {
    var sources = RefusedSources()
    for host in 1...5 { sources.note(.ipv6(0x2001_0db8 << 96 | UInt128(host))) }
    #expect(sources.all == [.init(address: .ipv6(0x2001_0db8 << 96), count: 5)])
  }
}
