import Testing

@testable import Proxy

/// Passive health: who fails under his clients' eyes gets nothing for a growing time.
@Suite struct EjectionTests {
  private static func rule(_ change: (inout ProxyConfiguration.Passive) -> Void = { _ in })
    -> ProxyConfiguration.Passive
  {
    var rule = ProxyConfiguration.Passive()
    change(&rule)
    return rule
  }

  @Test func `failures in a row eject, for longer each time, up to the longest`() {
    let rule = Self.rule { $0.longest = .seconds(25) }
    var balancer = BalancerTests.balancer([1, 1], passive: rule)
    var now: Int64 = 0
    var spans: [Int64] = []
    for _ in 0..<4 {
      var span: Int64?
      for _ in 0..<5 {
        #expect(span == nil)
        span = balancer.failed(0, at: now, reason: "status 500")
      }
      spans.append(span ?? 0)
      #expect(balancer.isEjected(0, at: now + (span ?? 0) - 1))
      #expect(
        balancer.members[0].ejection.reason == "5 failures in a row: status 500")
      now += span ?? 0
      #expect(!balancer.isEjected(0, at: now))
    }
    #expect(spans == [10_000, 20_000, 25_000, 25_000])
    // It does well for as long as it was out: then all is forgiven.
    now += 25_000
    var span: Int64?
    for _ in 0..<5 { span = balancer.failed(0, at: now, reason: "status 500") }
    #expect(span == 10_000)
  }

  @Test func `an answer in between ends a row`() {
    var balancer = BalancerTests.balancer([1, 1], passive: Self.rule { $0.errorShare = 0 })
    for _ in 0..<20 {
      for _ in 0..<4 { #expect(balancer.failed(0, at: 0, reason: "") == nil) }
      balancer.succeeded(0, at: 0, micros: nil)
    }
  }

  @Test func `a share of failures ejects, once there were enough requests within the window`() {
    var balancer = BalancerTests.balancer([1, 1], passive: Self.rule { $0.failures = 1000 })
    for index in 0..<9 {
      #expect(balancer.failed(0, at: 0, reason: "") == nil, "\(index)")
      balancer.succeeded(0, at: 0, micros: nil)
    }
    balancer.succeeded(0, at: 0, micros: nil)
    #expect(balancer.failed(0, at: 0, reason: "status 502") == 10_000)
    #expect(balancer.members[0].ejection.reason == "10 of 20 requests failed: status 502")
    var slow = BalancerTests.balancer([1, 1], passive: Self.rule { $0.failures = 1000 })
    for index in 0..<100 {
      #expect(slow.failed(0, at: Int64(index) * 1000, reason: "") == nil)
    }
  }

  @Test(arguments: [(2, 50, 1), (3, 50, 1), (4, 50, 2), (1, 50, 0), (3, 100, 3), (10, 30, 3)])
  func `never more than the configured share is out`(
    _ servers: Int, _ atMost: Int, _ expected: Int
  ) {
    let rule = Self.rule { $0.atMost = atMost }
    var balancer = BalancerTests.balancer(.init(repeating: 1, count: servers), passive: rule)
    for index in 0..<servers {
      for _ in 0..<50 { _ = balancer.failed(index, at: 0, reason: "") }
    }
    #expect((0..<servers).count { balancer.isEjected($0, at: 1) } == expected)
  }
}
