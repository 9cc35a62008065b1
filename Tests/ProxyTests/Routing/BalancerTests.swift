import Testing

@testable import Proxy

@Suite struct BalancerTests {
  static func balancer(
    _ weights: [Int], _ balance: ProxyConfiguration.Balance = .roundRobin,
    passive: ProxyConfiguration.Passive? = nil, slowStart: Int64 = 0,
    roles: [ServerRole?] = [], tiers: [Int] = [], limits: [Int] = []
  ) -> Balancer {
    let members = weights.indices.map { index in
      let tier = index < tiers.count ? tiers[index] : 0
      return Balancer.Member(
        standing: ServerStanding(
          weight: weights[index] * 100, isInUse: tier == 0,
          role: index < roles.count ? roles[index] : nil),
        tier: tier, seed: Hashing.mix(UInt64(index)),
        slots: index < limits.count ? ServerSlots(limit: limits[index]) : nil,
        weight: weights[index] * 100)
    }
    return Balancer(members, balance: balance, passive: passive, slowStart: slowStart, seed: 7)
  }

  static func pick(_ balancer: inout Balancer, _ wish: Balancer.Wish = .init()) -> Int? {
    guard case .server(let index) = balancer.choose(wish) else { return nil }
    return index
  }

  private static func picks(
    _ balancer: inout Balancer, _ count: Int, now: Int64 = 0, excluding: Int? = nil
  ) -> [Int?] {
    (0..<count).map { _ in pick(&balancer, .init(now: now, excluded: excluding)) }
  }

  private static func setWeight(_ balancer: inout Balancer, _ index: Int, _ weight: Int) {
    balancer.stand(index, ServerStanding(weight: weight * 100), at: 0)
  }

  @Test(arguments: [
    ([5, 1, 1], [0, 0, 1, 0, 2, 0, 0]), ([1, 1, 1], [0, 1, 2, 0, 1, 2]), ([1], [0, 0, 0]),
    ([3, 2], [0, 1, 0, 1, 0]), ([0, 1], [1, 1, 1]), ([2, 0, 1], [0, 2, 0]), ([256, 1], [0, 0, 0]),
  ])
  func `servers come in turns as smooth as their weights allow`(
    _ weights: [Int], _ expected: [Int]
  ) {
    var balancer = Self.balancer(weights)
    #expect(Self.picks(&balancer, expected.count) == expected)
  }

  @Test(arguments: [[], [0], [0, 0, 0]])
  func `nobody takes what none has a weight for`(_ weights: [Int]) {
    var balancer = Self.balancer(weights)
    #expect(balancer.choose(.init()) == .none)
  }

  @Test func `each round gives every server its weight, never far ahead`() {
    var random = SeededGenerator(state: 8)
    for _ in 0..<200 {
      let weights = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        Int.random(in: 0...20, using: &random)
      }
      let sum = weights.reduce(0, +)
      var balancer = Self.balancer(weights)
      var counts = weights.map { _ in 0 }
      for turn in 0..<(3 * sum) {
        guard let pick = Self.pick(&balancer) else {
          Issue.record("no server for \(weights)")
          break
        }
        counts[pick] += 1
        for (weight, count) in zip(weights, counts) {
          let share = Double(weight) * Double(turn + 1) / Double(sum)
          #expect(abs(share - Double(count)) < Double(weights.count), "\(weights)")
        }
      }
      #expect(counts == weights.map { 3 * $0 })
    }
  }

  @Test func `a changed weight holds from the next turn on, without old debts`() {
    var balancer = Self.balancer([5, 1, 1])
    _ = Self.picks(&balancer, 3)
    Self.setWeight(&balancer, 0, 0)
    #expect(Self.picks(&balancer, 4) == [1, 2, 1, 2])
    Self.setWeight(&balancer, 0, 2)
    #expect(Self.picks(&balancer, 4) == [0, 1, 2, 0])
    Self.setWeight(&balancer, 1, 0)
    Self.setWeight(&balancer, 2, 0)
    #expect(Self.picks(&balancer, 2) == [0, 0])
  }

  @Test func `a server that is set aside gets nothing until its time`() {
    var balancer = Self.balancer([1, 1, 1])
    balancer.putOut(1, until: 100, at: 0, reason: "refused")
    #expect(balancer.isEjected(1, at: 99) && !balancer.isEjected(1, at: 100))
    #expect(!balancer.isEjected(0, at: 0))
    #expect(Self.picks(&balancer, 4, now: 99) == [0, 2, 0, 2])
    #expect(Set(Self.picks(&balancer, 3, now: 100)) == [0, 1, 2])
  }

  @Test func `when all are set aside they are asked all the same, but not without a weight`() {
    var balancer = Self.balancer([1, 1, 0])
    for index in 0..<3 { balancer.putOut(index, until: 100, at: 0, reason: "") }
    #expect(Set(Self.picks(&balancer, 2, now: 50)) == [0, 1])
    Self.setWeight(&balancer, 0, 0)
    Self.setWeight(&balancer, 1, 0)
    #expect(balancer.choose(.init(now: 50)) == .none)
  }

  @Test func `a retry goes to another server, even to one that is set aside`() {
    var balancer = Self.balancer([9, 1, 0])
    #expect(Self.picks(&balancer, 3, excluding: 0) == [1, 1, 1])
    balancer.putOut(1, until: 100, at: 0, reason: "")
    #expect(Self.pick(&balancer, .init(excluded: 0)) == 1)
    #expect(Self.pick(&balancer) == 0)
    var alone = Self.balancer([1])
    #expect(alone.choose(.init(excluded: 0)) == .none)
  }
}
