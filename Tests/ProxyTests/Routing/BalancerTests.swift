import Testing

@testable import Proxy

@Suite struct BalancerTests {
  private static func picks(
    _ balancer: inout Balancer, _ count: Int, now: Int64 = 0, excluding: Int? = nil
  ) -> [Int?] {
    (0..<count).map { _ in balancer.next(now: now, excluding: excluding) }
  }

  @Test(arguments: [
    ([5, 1, 1], [0, 0, 1, 0, 2, 0, 0]), ([1, 1, 1], [0, 1, 2, 0, 1, 2]), ([1], [0, 0, 0]),
    ([3, 2], [0, 1, 0, 1, 0]), ([0, 1], [1, 1, 1]), ([2, 0, 1], [0, 2, 0]), ([256, 1], [0, 0, 0]),
  ])
  func `servers come in turns as smooth as their weights allow`(
    _ weights: [Int], _ expected: [Int]
  ) {
    var balancer = Balancer(weights: weights)
    #expect(Self.picks(&balancer, expected.count) == expected)
  }

  @Test(arguments: [[], [0], [0, 0, 0]])
  func `nobody takes what none has a weight for`(_ weights: [Int]) {
    var balancer = Balancer(weights: weights)
    #expect(balancer.next(now: 0, excluding: nil) == nil)
  }

  @Test func `each round gives every server its weight, never far ahead`() {
    var random = SeededGenerator(state: 8)
    for _ in 0..<200 {
      let weights = (0..<Int.random(in: 1...6, using: &random)).map { _ in
        Int.random(in: 0...20, using: &random)
      }
      let sum = weights.reduce(0, +)
      var balancer = Balancer(weights: weights)
      var counts = weights.map { _ in 0 }
      for turn in 0..<(3 * sum) {
        guard let pick = balancer.next(now: 0, excluding: nil) else {
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
    var balancer = Balancer(weights: [5, 1, 1])
    _ = Self.picks(&balancer, 3)
    balancer.setWeight(0, weight: 0)
    #expect(balancer.weight(0) == 0)
    #expect(Self.picks(&balancer, 4) == [1, 2, 1, 2])
    balancer.setWeight(0, weight: 2)
    #expect(balancer.weight(0) == 2)
    #expect(Self.picks(&balancer, 4) == [0, 1, 2, 0])
    balancer.setWeight(1, weight: 0)
    balancer.setWeight(2, weight: 0)
    #expect(Self.picks(&balancer, 2) == [0, 0])
  }

  @Test func `a server that is set aside gets nothing until its time`() {
    var balancer = Balancer(weights: [1, 1, 1])
    balancer.setAside(1, until: 100)
    #expect(balancer.isSetAside(1, now: 99) && !balancer.isSetAside(1, now: 100))
    #expect(!balancer.isSetAside(0, now: 0))
    #expect(Self.picks(&balancer, 4, now: 99) == [0, 2, 0, 2])
    #expect(Set(Self.picks(&balancer, 3, now: 100)) == [0, 1, 2])
  }

  @Test func `when all are set aside they are asked all the same, but not without a weight`() {
    var balancer = Balancer(weights: [1, 1, 0])
    for index in 0..<3 { balancer.setAside(index, until: 100) }
    #expect(Set(Self.picks(&balancer, 2, now: 50)) == [0, 1])
    balancer.setWeight(0, weight: 0)
    balancer.setWeight(1, weight: 0)
    #expect(balancer.next(now: 50, excluding: nil) == nil)
  }

  @Test func `a retry goes to another server, even to one that is set aside`() {
    var balancer = Balancer(weights: [9, 1, 0])
    #expect(Self.picks(&balancer, 3, excluding: 0) == [1, 1, 1])
    balancer.setAside(1, until: 100)
    #expect(balancer.next(now: 0, excluding: 0) == 1)
    #expect(balancer.next(now: 0, excluding: nil) == 0)
    var alone = Balancer(weights: [1])
    #expect(alone.next(now: 0, excluding: 0) == nil)
  }
}
