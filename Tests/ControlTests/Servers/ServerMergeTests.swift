import Testing

@testable import Configuration
@testable import Control
@testable import Proxy

@Suite struct ServerMergeTests {
  private static func merge(
    weight: Int = 3, _ change: (inout ServerMerge) -> Void = { _ in }
  ) -> ServerMerge {
    var merge = ServerMerge(
      id: ServerID(backend: "web", server: "s1"),
      server: .init(name: "s1", address: .ipv4(1, port: 1), weight: weight))
    change(&merge)
    return merge
  }

  private static func report(
    _ verdict: HealthReport.Verdict = .up, percent: Int? = nil,
    state: ServerStanding.State? = nil
  ) -> HealthReport {
    var report = HealthReport()
    report.verdict = verdict
    report.agentPercent = percent
    report.agentState = state
    return report
  }

  @Test func `weights are file, then override, then the agent's share, in hundredths`() {
    #expect(Self.merge().weight == 300)
    #expect(Self.merge { $0.weightChange = .absolute(20) }.weight == 2000)
    #expect(Self.merge { $0.weightChange = .percent(50) }.weight == 150)
    #expect(Self.merge(weight: 1) { $0.report = Self.report(percent: 75) }.weight == 75)
    let both = Self.merge {
      $0.weightChange = .percent(50)
      $0.report = Self.report(percent: 10)
    }
    #expect(both.weight == 15)
    // An agent is a foreign program: nothing it says leaves the bounds.
    for percent in [Int.min, -1, 0, 1000, .max] {
      let weight = Self.merge(weight: 256) { $0.report = Self.report(percent: percent) }.weight
      #expect((0...25_600).contains(weight), "\(percent)")
    }
  }

  @Test func `an override beats the agent, and the agent the file`() {
    #expect(Self.merge().state == .ready)
    #expect(Self.merge { $0.report = Self.report(state: .drain) }.state == .drain)
    let both = Self.merge {
      $0.stateChange = .ready
      $0.report = Self.report(state: .maint)
    }
    #expect(both.state == .ready)
  }

  @Test func `a role that checks tell beats the file's, and so does none`() {
    var merge = Self.merge()
    #expect(merge.role == nil)
    merge.told = .role(.primary)
    #expect(merge.standing.role == .primary)
    merge.told = ServerMerge.ToldRole.none
    #expect(merge.standing.role == nil)
  }

  @Test func `only what is healthy, wanted, weighed and not ejected can be used`() {
    #expect(Self.merge().isUsable)
    #expect(Self.merge { $0.report = Self.report(.unknown) }.isUsable)
    #expect(!Self.merge { $0.report = Self.report(.down) }.isUsable)
    #expect(!Self.merge { $0.stateChange = .drain }.isUsable)
    #expect(!Self.merge { $0.weightChange = .absolute(0) }.isUsable)
    #expect(!Self.merge { $0.ejection = .init(until: 1, reason: "") }.isUsable)
    // It is still a server that its tier is without.
    #expect(Self.merge { $0.weightChange = .absolute(0) }.member.weight == 300)
  }

  @Test func `one word says how it stands`() {
    #expect(Self.merge().word == "up")
    #expect(Self.merge { $0.isInUse = false }.word == "standby")
    #expect(Self.merge { $0.report = Self.report(.down) }.word == "down")
    #expect(Self.merge { $0.ejection = .init(until: 1, reason: "") }.word == "set aside")
    #expect(Self.merge { $0.stateChange = .maint }.word == "maint")
  }
}

@Suite struct AdminRolesTests {
  @Test func `the highest role of a user and his groups holds`() {
    var roles = AdminRoles()
    roles.users = [1001: .operator, 1002: .viewer]
    roles.groups = [50: .admin, 60: .operator]
    func role(_ user: UInt32, _ group: UInt32 = 9999, _ groups: [UInt32] = []) -> AdminRole {
      roles.role(
        of: PeerCredentials(process: 1, user: user, group: group, groups: groups), owner: 77)
    }
    #expect(role(0) == .admin && role(77) == .admin)
    #expect(role(1001) == .operator && role(1002) == .viewer && role(4242) == .viewer)
    #expect(role(1002, 60) == .operator && role(1002, 9, [1, 50]) == .admin)
    #expect(AdminRole.viewer < .operator && .operator < AdminRole.admin)
  }
}
