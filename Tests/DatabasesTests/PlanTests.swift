import Testing

@testable import Databases

/// Facts in, steps or refusals out; what servers make of them is in the end-to-end tests.
struct PlanTests {
  private static func member(
    _ name: String, id: UInt32, readOnly: Bool, position: String, follows: UInt32? = nil,
    receiver: DatabaseFacts.Replication.Receiver = .running, isApplying: Bool = true,
    isMariaDB: Bool = true, usesGTID: Bool = true
  ) -> DatabaseCluster.Member {
    var facts = DatabaseFacts(
      version: "10.11.19", isMariaDB: isMariaDB, serverID: id, isReadOnly: readOnly,
      position: position)
    facts.binlogState = position
    if let follows {
      var replication = DatabaseFacts.Replication(
        sourceHost: "10.0.0.\(follows)", sourcePort: 3306, receiver: receiver,
        isApplying: isApplying, lag: .zero)
      replication.sourceServerID = follows
      replication.receivedPosition = position
      replication.usesGTID = usesGTID
      facts.replication = replication
    }
    return .init(
      name: name, host: "10.0.0.\(id)", port: 3306,
      outcome: ProbeOutcome(answer: .facts(facts), took: .milliseconds(1)))
  }

  private static func dead(_ name: String) -> DatabaseCluster.Member {
    .init(
      name: name, host: "10.0.0.9", port: 3306,
      outcome: ProbeOutcome(
        answer: .failed(DatabaseError(.connect, .network("Connection refused"))), took: .zero))
  }

  private static func cluster(_ members: DatabaseCluster.Member...) -> DatabaseCluster {
    DatabaseCluster(members, lagLimit: .seconds(10))
  }

  private static let primary = member("a", id: 1, readOnly: false, position: "0-1-9")
  private static let replica = member("b", id: 2, readOnly: true, position: "0-1-9", follows: 1)

  private static func refusals(_ plan: DatabasePlan) -> String {
    if case .refused(let reasons) = plan { reasons.joined(separator: "\n") } else { "\(plan)" }
  }

  @Test func `until the new primary takes writes, each step that changed something has a way back`()
    throws
  {
    let other = Self.member("c", id: 3, readOnly: true, position: "0-1-9", follows: 1)
    let plan = SwitchoverPlan.make(
      Self.cluster(Self.primary, Self.replica, other), to: "b", wait: 5)
    guard case .steps(let steps, let notes) = plan else {
      Issue.record("\(plan)")
      return
    }
    #expect(notes.isEmpty)
    let last = try #require(steps.firstIndex { $0.isPointOfNoReturn })
    for step in steps[...last] {
      switch step.action {
      case .execute, .lock: #expect(!step.wayBack.isEmpty, "\(step.purpose)")
      default: break
      }
      #expect(!step.isOptional)
    }
    #expect(steps[(last + 1)...].allSatisfy { $0.isOptional })
    let servers = steps.map(\.server)
    #expect(servers == ["a", "a", "a", "b", "c", "b", "b", "b", "a", "a", "c", "a", "c"])
    #expect(steps[last].statements == ["SET GLOBAL read_only=0"])
    let writable = steps[..<last].contains { $0.statements.contains("SET GLOBAL read_only=0") }
    #expect(!writable)
  }

  @Test func `who takes writes is asked after all others, so no replica seems ahead of it`() {
    let ahead = Self.member("b", id: 2, readOnly: true, position: "0-1-12", follows: 1)
    #expect(
      Self.refusals(SwitchoverPlan.make(Self.cluster(Self.primary, ahead), to: "b", wait: 5))
        .contains("b has 3 transactions that a lacks: 0-1-12"))
    var asked: [Int] = []
    let later = DatabaseCluster.askedAgain([Self.primary, ahead, Self.dead("c")]) { index in
      asked.append(index)
      return Self.member("a", id: 1, readOnly: false, position: "0-1-13").outcome
    }
    #expect(asked == [0])
    guard
      case .steps = SwitchoverPlan.make(
        DatabaseCluster(later, lagLimit: .seconds(10)), to: "b", wait: 5)
    else {
      Issue.record("refused")
      return
    }
  }

  @Test func `a switchover is refused wherever it could lose something or make two primaries`() {
    let two = Self.member("b", id: 2, readOnly: false, position: "0-2-9")
    let stray = Self.member("c", id: 3, readOnly: false, position: "0-1-9", follows: 1)
    let mysql = Self.member(
      "b", id: 2, readOnly: true, position: "0-1-9", follows: 1, isMariaDB: false)
    let file = Self.member(
      "b", id: 2, readOnly: true, position: "0-1-9", follows: 1, usesGTID: false)
    let foreign = Self.member("b", id: 2, readOnly: true, position: "0-1-9", follows: 7)
    for (cluster, text) in [
      (Self.cluster(Self.primary, two), "both take writes"),
      (Self.cluster(Self.primary, Self.replica, stray), "c would take writes, too"),
      (Self.cluster(Self.primary, mysql), "only MariaDB servers"),
      (Self.cluster(Self.primary, file), "b does not replicate by GTID"),
      (Self.cluster(Self.primary, foreign), "not from the primary a"),
      (Self.cluster(Self.dead("a"), Self.replica), "there is no primary to switch from"),
      (Self.cluster(Self.primary, Self.dead("b")), "b does not answer"),
    ] {
      let refusals = Self.refusals(SwitchoverPlan.make(cluster, to: "b", wait: 5))
      #expect(refusals.contains(text), "\(refusals)")
    }
  }

  @Test func `a promotion is refused while another may write, and doubts give way to force`() {
    let connected = Self.cluster(Self.dead("a"), Self.replica)
    #expect(
      Self.refusals(PromotionPlan.make(connected, "b", wait: 5)).contains("may only be frozen"))
    guard case .steps = PromotionPlan.make(connected, "b", wait: 5, isForced: true) else {
      Issue.record("refused by force")
      return
    }
    let writable = PromotionPlan.make(
      Self.cluster(Self.primary, Self.replica), "b", wait: 5, isForced: true)
    #expect(Self.refusals(writable).contains("a takes writes"))
    let stopped = Self.member(
      "b", id: 2, readOnly: true, position: "0-1-9", follows: 1, receiver: .stopped,
      isApplying: false)
    let ahead = Self.member(
      "c", id: 3, readOnly: true, position: "0-1-12", follows: 1, receiver: .connecting)
    let behind = Self.cluster(Self.dead("a"), stopped, ahead)
    #expect(Self.refusals(PromotionPlan.make(behind, "b", wait: 5)).contains("c has more than b"))
    let forced = PromotionPlan.make(behind, "b", wait: 5, isForced: true)
    guard case .steps(let steps, let notes) = forced else {
      Issue.record("\(forced)")
      return
    }
    #expect(notes.contains("3 transactions that c has will be lost to b"))
    // It has what the new primary lacks: it cannot follow.
    #expect(!steps.contains { $0.server == "c" })
  }

  @Test func `relay logs that a start would throw away are no reason to hurry`() {
    var stopped = Self.member(
      "b", id: 2, readOnly: true, position: "0-1-9", follows: 1, receiver: .stopped,
      isApplying: false)
    if case .facts(var facts) = stopped.outcome.answer {
      facts.replication?.receivedPosition = "0-1-14"
      stopped.outcome.answer = .facts(facts)
    }
    let plan = PromotionPlan.make(Self.cluster(Self.dead("a"), stopped), "b", wait: 5)
    #expect(Self.refusals(plan).contains("MariaDB throws that away"), "\(plan)")
  }

  @Test func `a rejoin is refused with the transactions that would be lost`() {
    let new = Self.member("b", id: 2, readOnly: false, position: "0-1-9,0-2-11")
    let same = Self.member("a", id: 1, readOnly: false, position: "0-1-9")
    let diverged = Self.member("a", id: 1, readOnly: false, position: "0-1-10")
    let refusal = Self.refusals(RejoinPlan.make(Self.cluster(diverged, new), "a"))
    #expect(refusal.contains("a has 1 transaction that b lacks, up to 0-1-10"), "\(refusal)")
    guard case .steps(let steps, _) = RejoinPlan.make(Self.cluster(same, new), "a") else {
      Issue.record("refused")
      return
    }
    #expect(steps.first?.statements == ["SET GLOBAL read_only=1"])
    #expect(steps.allSatisfy { $0.server == "a" })
    let alone = RejoinPlan.make(Self.cluster(Self.primary, Self.replica), "a")
    #expect(Self.refusals(alone).contains("a is the primary; to change places"))
    let twin = Self.member("a", id: 2, readOnly: true, position: "0-1-9")
    #expect(
      Self.refusals(RejoinPlan.make(Self.cluster(twin, new), "a")).contains("the same server_id"))
  }

  @Test func `no password is ever shown, and no quote ends a statement early`() {
    let text = FollowStatement.text("db1", 3306, nil, user: "re'pl", password: "a'b\\c")
    #expect(text.contains("MASTER_USER='re''pl', MASTER_PASSWORD='a''b\\\\c'"))
    let step = Following.step("a", Self.replica, nil)
    #expect(step.statements.contains { $0.contains("MASTER_PASSWORD='<password>'") })
  }
}
