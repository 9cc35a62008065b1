import Testing

@testable import Databases

struct HeartbeatTests {
  private static let limit = Duration.seconds(10)

  private static func table() throws -> HeartbeatTable {
    try #require(HeartbeatTable("percona.heartbeat"))
  }

  private static func answer(_ cells: [String?]) -> ResultTable {
    var answer = ResultTable()
    answer.columns = ["age"]
    answer.rows = cells.map { [$0] }
    return answer
  }

  private static func verdict(_ heartbeat: Heartbeat?, lag: Duration? = .zero) -> DatabaseVerdict {
    var replication = DatabaseFacts.Replication(
      sourceHost: "10.0.0.1", sourcePort: 3306, receiver: .running, isApplying: true, lag: lag)
    replication.heartbeat = heartbeat
    let facts = DatabaseFacts(
      version: "10.11.19-MariaDB", serverID: 2, isReadOnly: true, position: "0-1-5",
      replication: replication)
    return DatabaseVerdict(
      ProbeOutcome(answer: .facts(facts), took: .zero), lagLimit: limit)
  }

  @Test func `a heartbeat goes before what a replica says of itself, both ways`() {
    let fresh = Self.verdict(.age(.milliseconds(1_250)), lag: .seconds(99))
    #expect(fresh.role == .replica && fresh.reason == "1.2 s behind by its heartbeat")
    let unknown = Self.verdict(.age(.milliseconds(10)), lag: nil)
    #expect(unknown.role == .replica)
    let old = Self.verdict(.age(.seconds(45)), lag: .zero)
    #expect(old.role == .lagging)
    #expect(
      old.reason == "45.0 s behind by its heartbeat; at most 10 s are allowed; replication itself "
        + "says: 0 s behind; does pt-heartbeat run?")
  }

  @Test func `a heartbeat that cannot be known is no less than one too old`() throws {
    let table = try Self.table()
    for (answer, words) in [
      (Self.answer([]), "has no row of its primary (server_id 7)"),
      (Self.answer([nil]), "is no time"), (Self.answer(["soon"]), "is no time"),
      (Self.answer(["-3600000000"]), "3600 s in the future: clocks differ, or pt-heartbeat"),
      (Self.answer(["\(Int64.min)"]), "in the future"),
    ] {
      let verdict = Self.verdict(table.heartbeat(answer, 7))
      #expect(verdict.role == .lagging)
      #expect(verdict.reason.contains(words), "\(verdict.reason)")
    }
    #expect(table.heartbeat(Self.answer(["-900000"]), 7) == .age(.milliseconds(-900)))
    #expect(Self.verdict(.age(.milliseconds(-900))).reason == "0.0 s behind by its heartbeat")
  }

  @Test func `a table is asked by its name alone`() throws {
    #expect(
      try Self.table().statement(source: 7)
        == "SELECT TIMESTAMPDIFF(MICROSECOND, ts, UTC_TIMESTAMP(6)) AS age FROM "
        + "`percona`.`heartbeat` WHERE server_id=7 ORDER BY ts DESC LIMIT 1")
    for text in ["", "heartbeat", "a.b.c", "a.", ".b", "a.b`c", "a.b c", "a.b;", "ä.b"] {
      #expect(HeartbeatTable(text) == nil, "\(text)")
    }
  }

  @Test(arguments: [
    ("0-1-9", "0-1-9", "0 transactions"), ("0-1-10", "0-1-9", "1 transaction"),
    ("0-1-12,1-1-5", "0-1-9,1-1-3", "5 transactions"),
    // What another one wrote before is no doubt; beyond what both have, it is.
    ("0-1-63,0-2-60", "0-1-61,0-2-60", "2 transactions"),
    ("0-1-63,0-2-60", "0-1-50,0-2-60", "3 to 13 transactions"),
    ("0-1-5", "0-2-9", "5 transactions"), ("0-1-2,0-2-3", "0-1-2", "1 to 3 transactions"),
    ("0-1-9,0-2-3", "0-1-9", "1 to 3 transactions"),
    (
      "0-1-18446744073709551615,1-1-18446744073709551615", "",
      "18446744073709551615 transactions"
    ),
  ])
  func `how many transactions are missing is counted as far as GTIDs tell`(
    _ mine: String, _ theirs: String, _ expected: String
  ) throws {
    let (mine, theirs) = (try #require(GTIDPosition(mine)), try #require(GTIDPosition(theirs)))
    #expect(mine.count(missingIn: theirs).description == expected)
  }

  @Test func `replicas follow over TLS where one of them did, and files are quoted`() {
    var tls = ReplicationTLS()
    #expect(
      FollowStatement.text("db1", 3306, tls, user: "u", password: "p").hasSuffix(
        "MASTER_HEARTBEAT_PERIOD=2, MASTER_SSL=1"))
    tls.ca = "/etc/o'ca.pem"
    tls.verifies = true
    #expect(
      FollowStatement.text("db1", 3306, tls, user: "u", password: "p").hasSuffix(
        "MASTER_SSL=1, MASTER_SSL_CA='/etc/o''ca.pem', MASTER_SSL_VERIFY_SERVER_CERT=1"))
    let cluster = DatabaseCluster([], lagLimit: .seconds(10))
    #expect(cluster.replicationTLS == nil)
    #expect(
      DatabaseCluster([], lagLimit: .seconds(10), isOverTLS: true).replicationTLS
        == ReplicationTLS())
  }
}
