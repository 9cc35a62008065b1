import Testing

@testable import Proxy

/// How one is chosen, by each algorithm.
@Suite struct BalancerChoiceTests {
  @Test func `the fewest exchanges for its weight, and turns among equals`() {
    var balancer = BalancerTests.balancer([1, 1, 2], .leastConnections)
    var counts = [0, 0, 0]
    for _ in 0..<40 {
      guard let pick = BalancerTests.pick(&balancer) else { return }
      counts[pick] += 1
      balancer.began(pick)
    }
    #expect(counts == [10, 10, 20])
    for _ in 0..<5 { balancer.ended(1) }
    for _ in 0..<5 {
      #expect(BalancerTests.pick(&balancer) == 1)
      balancer.began(1)
    }
    var idle = BalancerTests.balancer([1, 1, 1], .leastConnections)
    let turns = (0..<6).map { _ in BalancerTests.pick(&idle) }
    #expect(Set(turns[0..<3]).count == 3 && Set(turns[3..<6]).count == 3)
  }

  @Test func `random keeps to the weights`() {
    var balancer = BalancerTests.balancer([1, 3, 0], .random)
    var counts = [0, 0, 0]
    for _ in 0..<8000 { counts[BalancerTests.pick(&balancer) ?? 2] += 1 }
    #expect((1800...2200).contains(counts[0]) && counts[2] == 0)
  }

  @Test func `the slower of two gets few, and is tried again after a while`() {
    var balancer = BalancerTests.balancer([1, 1], .latency)
    func share(at now: Int64) -> Int {
      var slow = 0
      for _ in 0..<1000 {
        guard let pick = BalancerTests.pick(&balancer, .init(now: now)) else { continue }
        balancer.succeeded(pick, at: now, micros: pick == 0 ? 50_000 : 1000)
        if pick == 0 { slow += 1 }
      }
      return slow
    }
    #expect(share(at: 0) < 30)
    // Its old latency is forgotten by and by, else nobody would see that it became quick.
    #expect(share(at: 120_000) > 0)
  }

  @Test func `a server that fails fast draws nobody`() {
    var balancer = BalancerTests.balancer([1, 1], .latency)
    balancer.succeeded(1, at: 0, micros: 20_000)
    balancer.failed(0, at: 0)
    let picks = (0..<100).map { _ in BalancerTests.pick(&balancer) }
    #expect(picks.allSatisfy { $0 == 1 })
  }

  @Test func `a key keeps its server, and only the keys of one that goes move`() {
    var balancer = BalancerTests.balancer([1, 1, 1, 1], .hash(.address))
    func place(_ key: UInt64) -> Int? {
      BalancerTests.pick(&balancer, .init(key: Hashing.mix(key)))
    }
    let before = (0..<4000).map { place(UInt64($0)) }
    #expect(before == (0..<4000).map { place(UInt64($0)) })
    for server in 0..<4 {
      let count = before.count { $0 == server }
      #expect((850...1150).contains(count), "\(count)")
    }
    balancer.stand(2, ServerStanding(isHealthy: false), at: 0)
    let after = (0..<4000).map { place(UInt64($0)) }
    for (old, new) in zip(before, after) { #expect(old == 2 ? new != 2 : new == old) }
    balancer.stand(2, ServerStanding(), at: 0)
    #expect(before == (0..<4000).map { place(UInt64($0)) })
  }

  @Test func `hashing keeps to the weights, and takes turns without a key`() {
    var balancer = BalancerTests.balancer([1, 3], .hash(.header("X-User")))
    let heavy = (0..<4000).count {
      BalancerTests.pick(&balancer, .init(key: Hashing.mix(UInt64($0)))) == 1
    }
    #expect((2850...3150).contains(heavy))
    #expect((0..<4).map { _ in BalancerTests.pick(&balancer) }.filter { $0 == 1 }.count == 3)
  }
}
