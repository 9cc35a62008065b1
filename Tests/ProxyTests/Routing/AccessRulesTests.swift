import Testing

@testable import Proxy

@Suite struct AccessRulesTests {
  @Test(arguments: [
    (9, false), (10, true), (20, true), (21, false), (29, false), (30, true), (31, false),
    (40, true), (50, true), (51, false), (0, false), (UInt32.max, true),
  ])
  func `an address within an interval is allowed`(_ bits: UInt32, _ isAllowed: Bool) {
    let rules = AccessRules(
      ipv4: [
        .init(first: 10, last: 20), .init(first: 30, last: 30),
        .init(first: 40, last: 50, until: 8), .init(first: .max, last: .max),
      ],
      ipv6: [.init(first: 10, last: 20), .init(first: .max, last: .max)])
    #expect(rules.allows(.ipv4(bits), at: 7) == isAllowed)
    // The other family has rules of its own.
    #expect(rules.allows(.ipv6(UInt128(bits)), at: 7) == (10...20).contains(bits))
    #expect(rules.allows(.ipv6(.max), at: 7))
  }

  @Test func `an interval ends by itself`() {
    let rules = AccessRules(
      ipv4: [.init(first: 0, last: 5, until: 100), .init(first: 6, last: 9)], ipv6: [])
    #expect(rules.allows(.ipv4(5), at: 99))
    #expect(!rules.allows(.ipv4(5), at: 100))
    #expect(rules.allows(.ipv4(6), at: 100))
  }

  @Test func `no rules allow nobody`() {
    let rules = AccessRules(ipv4: [], ipv6: [])
    for bits in [0, 1, UInt32.max] { #expect(!rules.allows(.ipv4(bits), at: 0)) }
    #expect(!rules.allows(.ipv6(0), at: 0))
  }

  @Test func `intervals agree with counting`() {
    var random = SeededGenerator(state: 9)
    for _ in 0..<500 {
      let ends = Set((0..<10).map { _ in UInt32.random(in: 0..<256, using: &random) }).sorted()
      let intervals = stride(from: 0, to: ends.count - 1, by: 2).map {
        AccessRules.Interval(
          first: ends[$0], last: ends[$0 + 1], until: $0 % 4 == 0 ? nil : Int64($0))
      }
      let rules = AccessRules(ipv4: intervals, ipv6: [])
      for bits in UInt32(0)..<256 {
        let isCovered = intervals.contains {
          $0.first <= bits && bits <= $0.last && $0.until.map { $0 > 4 } ?? true
        }
        #expect(rules.allows(.ipv4(bits), at: 4) == isCovered)
      }
    }
  }
}
