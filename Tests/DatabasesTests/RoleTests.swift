import Testing

@testable import Databases

struct RoleTests {
  private static let limit = Duration.seconds(10)

  private static func replica(
    _ receiver: DatabaseFacts.Replication.Receiver = .running, isApplying: Bool = true,
    lag: Duration? = .zero, source: UInt32 = 1
  ) -> DatabaseFacts.Replication {
    var replication = DatabaseFacts.Replication(
      sourceHost: "10.0.0.1", sourcePort: 3306, receiver: receiver, isApplying: isApplying, lag: lag
    )
    replication.sourceServerID = source
    return replication
  }

  private static func server(
    _ id: UInt32, readOnly: Bool, _ replication: DatabaseFacts.Replication? = nil
  ) -> ProbeOutcome {
    let facts = DatabaseFacts(
      version: "10.11.19-MariaDB", serverID: id, isReadOnly: readOnly, position: "0-1-5",
      replication: replication)
    return ProbeOutcome(answer: .facts(facts), took: .milliseconds(2))
  }

  private static let silent = ProbeOutcome(
    answer: .failed(DatabaseError(.greeting, .silence)), took: .milliseconds(800))
  private static let refused = ProbeOutcome(
    answer: .failed(
      DatabaseError(.login, .refused(ServerError(code: 1045, message: "Access denied")))),
    took: .milliseconds(2))

  static let roles: [(ProbeOutcome, DatabaseRole, String)] = [
    (server(1, readOnly: false), .primary, "replicates from nobody"),
    (server(1, readOnly: true), .broken, "read-only, and replicates from nobody"),
    (server(2, readOnly: true, replica()), .replica, "0 s behind"),
    (server(2, readOnly: true, replica(lag: .seconds(11))), .lagging, "at most 10 s"),
    (server(2, readOnly: true, replica(lag: nil)), .lagging, "does not know"),
    (server(2, readOnly: true, replica(isApplying: false, lag: nil)), .broken, "SQL thread"),
    (server(2, readOnly: true, replica(.connecting, lag: nil)), .broken, "does not reach"),
    (server(2, readOnly: true, replica(.stopped, lag: nil)), .broken, "IO thread is stopped"),
    (server(2, readOnly: false, replica()), .broken, "takes writes although"),
    (
      server(2, readOnly: false, replica(.stopped, isApplying: false)), .primary,
      "replication from 10.0.0.1:3306 is stopped"
    ),
    (silent, .down, "no answer in time"),
    (refused, .unknown, "Access denied"),
  ]

  @Test(arguments: roles.indices)
  func `a server's role and its reason follow from what it says`(_ index: Int) {
    let (outcome, role, reason) = Self.roles[index]
    let verdict = DatabaseVerdict(outcome, lagLimit: Self.limit)
    #expect(verdict.role == role)
    #expect(verdict.reason.contains(reason), "\(verdict.reason)")
  }

  @Test func `one writable server among replicas is the writer`() {
    let verdict = ClusterVerdict(
      ["a": Self.server(1, readOnly: false), "b": Self.server(2, readOnly: true, Self.replica())],
      lagLimit: Self.limit)
    #expect(verdict.writer == .one("a"))
    #expect(verdict.warnings.isEmpty)
  }

  @Test func `of two writable servers none is chosen`() {
    let verdict = ClusterVerdict(
      ["a": Self.server(1, readOnly: false), "b": Self.server(2, readOnly: false)],
      lagLimit: Self.limit)
    #expect(verdict.writer == .several(["a", "b"]))
    #expect(verdict.reason.contains("a and b both take writes"))
  }

  @Test func `with the primary silent nobody is the writer`() {
    let verdict = ClusterVerdict(
      ["a": Self.silent, "b": Self.server(2, readOnly: true, Self.replica())],
      lagLimit: Self.limit)
    #expect(verdict.writer == .none)
  }

  @Test func `a writable replica is no second writer, and is warned of`() {
    let verdict = ClusterVerdict(
      ["a": Self.server(1, readOnly: false), "b": Self.server(2, readOnly: false, Self.replica())],
      lagLimit: Self.limit)
    #expect(verdict.writer == .one("a"))
    #expect(verdict.warnings.contains { $0.contains("b would take writes, too") })
  }

  @Test func `a primary may replicate from a server that is no member`() {
    let verdict = ClusterVerdict(
      [
        "a": Self.server(1, readOnly: false, Self.replica(source: 77)),
        "b": Self.server(2, readOnly: true, Self.replica()),
      ], lagLimit: Self.limit)
    #expect(verdict.writer == .one("a"))
  }

  @Test func `two members with one server ID are warned of`() {
    let verdict = ClusterVerdict(
      ["a": Self.server(1, readOnly: false), "b": Self.server(1, readOnly: true, Self.replica())],
      lagLimit: Self.limit)
    #expect(verdict.warnings.contains("a and b have the same server_id"))
  }
}
