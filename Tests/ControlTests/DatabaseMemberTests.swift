import Databases
import Testing

@testable import Control
@testable import Proxy

@Suite struct DatabaseMemberTests {
  private static let good = ProbeOutcome(
    answer: .facts(
      DatabaseFacts(version: "10.11", isMariaDB: true, serverID: 1, isReadOnly: false, position: "")
    ),
    took: .milliseconds(1))
  private static let bad = ProbeOutcome(
    answer: .failed(DatabaseError(.connect, .closed)), took: .milliseconds(800))

  /// `g` a check that was answered, `b` one that was not; whether the server has its role after each.
  @Test(arguments: [
    // Fall 3, rise 2: one or two failures take nothing, three do.
    ("ggbg", "yyyy"), ("gbbg", "yyyy"), ("gbbbggg", "yyynnyy"),
    // Who comes back must answer twice in a row.
    ("gbbbgbgg", "yyynnnny"), ("gbbbbg", "yyynnn"),
    // It never answered.
    ("bbbgg", "nnnny"),
  ])
  func `a role is lost by fall failures and given back by rise answers`(
    _ checks: String, _ expected: String
  ) {
    var health = ProxyConfiguration.Health()
    health.fall = 3
    health.rise = 2
    var member = DatabaseMember()
    let found = checks.map { check -> Character in
      member.note(check == "g" ? Self.good : Self.bad, health)
      return member.isTrusted(health) && member.counted(health)?.facts != nil ? "y" : "n"
    }
    #expect(String(found) == expected)
  }

  /// With heartbeats, a frozen primary looks like a replica that falls behind.
  @Test(
    arguments: [
      (60, 0, true, true), (1, 0, true, false), (60, 60, true, false), (60, nil, true, false),
      (60, 0, false, false),
    ] as [(Int, Int?, Bool, Bool)])
  func `a replica that only hears no heartbeats is an orphan without a primary`(
    _ age: Int, _ lag: Int?, _ isApplying: Bool, _ isOrphan: Bool
  ) {
    var replication = DatabaseFacts.Replication(
      sourceHost: "10.0.0.1", sourcePort: 3306, receiver: .running, isApplying: isApplying,
      lag: lag.map { .seconds($0) })
    replication.heartbeat = .age(.seconds(age))
    let facts = DatabaseFacts(
      version: "10.11", serverID: 2, isReadOnly: true, position: "", replication: replication)
    var member = DatabaseMember()
    member.note(ProbeOutcome(answer: .facts(facts), took: .zero), ProxyConfiguration.Health())
    #expect(member.isOrphan(lagLimit: .seconds(10)) == isOrphan)
  }
}
