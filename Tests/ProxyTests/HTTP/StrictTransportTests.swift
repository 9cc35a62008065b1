import Testing

@testable import Proxy

struct StrictTransportTests {
  private static let day: Int64 = 86_400

  @Test func `a ramp begins gently and is forgotten soon`() {
    var hsts = ProxyConfiguration.HSTS(maxAge: 365 * Self.day)
    hsts.rampFrom = 1_000 * Self.day
    func age(_ day: Int64) -> Int64? {
      hsts.steps.last { $0.from <= day * Self.day }?.maxAge
    }
    #expect(age(900) == 300)
    #expect(age(1_000) == 300)
    #expect(age(1_001) == Self.day)
    #expect(age(1_007) == Self.day)
    #expect(age(1_008) == 365 * Self.day)
  }

  @Test func `a short age is never made longer`() {
    var hsts = ProxyConfiguration.HSTS(maxAge: 60)
    hsts.rampFrom = 0
    #expect(hsts.steps.map(\.maxAge) == [60, 60, 60])
  }

  @Test func `says what browsers read`() {
    var hsts = ProxyConfiguration.HSTS(maxAge: 31_536_000)
    #expect(hsts.value(31_536_000) == "max-age=31536000")
    hsts.includesSubdomains = true
    hsts.isPreloaded = true
    #expect(hsts.value(300) == "max-age=300; includeSubDomains; preload")
  }
}
