import Testing

@testable import Proxy

/// Who may be chosen: standing, tiers, roles, limits, cookies.
@Suite struct BalancerStandingTests {
  private static func all(
    _ balancer: inout Balancer, _ wish: Balancer.Wish = .init(), _ count: Int = 12
  ) -> Set<Int?> {
    Set((0..<count).map { _ in BalancerTests.pick(&balancer, wish) })
  }

  @Test(arguments: [
    ServerStanding(state: .drain), ServerStanding(state: .maint), ServerStanding(isHealthy: false),
    ServerStanding(weight: 0),
  ])
  func `a server that takes nothing new gets nothing, even when it is the last`(
    _ standing: ServerStanding
  ) {
    var balancer = BalancerTests.balancer([1, 1])
    balancer.stand(0, standing, at: 0)
    #expect(Self.all(&balancer) == [1])
    balancer.stand(1, standing, at: 0)
    #expect(balancer.choose(.init()) == .none)
    balancer.stand(0, ServerStanding(), at: 0)
    #expect(Self.all(&balancer) == [0])
  }

  @Test func `a standby takes over as soon as the others fail, and not before`() {
    var balancer = BalancerTests.balancer([1, 1, 1, 1], tiers: [0, 0, 1, 2])
    #expect(Self.all(&balancer) == [0, 1])
    balancer.putOut(0, until: 100, at: 0, reason: "")
    #expect(Self.all(&balancer) == [1])
    balancer.putOut(1, until: 100, at: 0, reason: "")
    #expect(Self.all(&balancer) == [2])
    balancer.stand(2, ServerStanding(isHealthy: false, isInUse: false), at: 0)
    #expect(Self.all(&balancer) == [3])
    #expect(Self.all(&balancer, .init(now: 100)) == [0, 1])
  }

  @Test func `the tier that the control thread says is in use goes before a lower one`() {
    var balancer = BalancerTests.balancer([1, 1], tiers: [0, 1])
    balancer.stand(0, ServerStanding(isInUse: false), at: 0)
    balancer.stand(1, ServerStanding(isInUse: true), at: 0)
    #expect(Self.all(&balancer) == [1])
    balancer.putOut(1, until: 100, at: 0, reason: "")
    #expect(Self.all(&balancer) == [0])
  }

  @Test func `writes go to the primary only, reads to replicas and to it as the last resort`() {
    var balancer = BalancerTests.balancer([1, 1, 1], roles: [.primary, .replica, .replica])
    let write = Balancer.Wish(role: .primary)
    let read = Balancer.Wish(role: .replica, fallsBackToPrimary: true)
    #expect(Self.all(&balancer, write) == [0])
    #expect(Self.all(&balancer, read) == [1, 2])
    #expect(Self.all(&balancer) == [0, 1, 2])
    for index in 1...2 {
      balancer.stand(index, ServerStanding(isHealthy: false, role: .replica), at: 0)
    }
    #expect(Self.all(&balancer, read) == [0])
    #expect(balancer.choose(.init(role: .replica)) == .none)
    balancer.stand(0, ServerStanding(role: nil), at: 0)
    #expect(balancer.choose(write) == .none && balancer.choose(read) == .none)
  }

  @Test func `two at their limit make a request wait; it never goes to a standby for that`() {
    var balancer = BalancerTests.balancer([1, 1, 1], tiers: [0, 0, 1], limits: [1, 1, 1])
    #expect(balancer.members[0].slots?.take() == true)
    #expect(Self.all(&balancer) == [1])
    #expect(balancer.members[1].slots?.take() == true)
    #expect(balancer.members[1].slots?.take() == false)
    #expect(balancer.choose(.init()) == .full)
    balancer.members[0].slots?.giveBack()
    #expect(Self.all(&balancer) == [0])
  }

  @Test func `a client's cookie wins over the turn, but not over the server's state`() {
    var balancer = BalancerTests.balancer([1, 1, 1])
    let stuck = Balancer.Wish(stuckTo: 2)
    #expect(Self.all(&balancer, stuck) == [2])
    balancer.stand(2, ServerStanding(state: .drain), at: 0)
    #expect(Self.all(&balancer, stuck) == [0, 1])
    balancer.stand(2, ServerStanding(), at: 0)
    balancer.putOut(2, until: 100, at: 0, reason: "")
    #expect(Self.all(&balancer, stuck) == [0, 1])
    #expect(Self.all(&balancer, .init(stuckTo: 99)) == [0, 1])
  }

  @Test func `a server that comes back begins with little and gets all after its time`() {
    var balancer = BalancerTests.balancer([1, 1], slowStart: 1000)
    balancer.stand(0, ServerStanding(isHealthy: false), at: 0)
    balancer.stand(0, ServerStanding(), at: 5000)
    func share(at now: Int64) -> Int {
      (0..<1000).filter { _ in BalancerTests.pick(&balancer, .init(now: now)) == 0 }.count
    }
    #expect(share(at: 5000) < 20)
    #expect((300...370).contains(share(at: 5500)))
    #expect(share(at: 6000) == 500)
  }
}
