/// Settings of a server that lose data or keep it from taking over, and what to write instead.
public struct DatabaseLint: Sendable {
  public struct Finding: Sendable, Equatable {
    public var variable: String
    public var value: String
    public var why: String
    /// A line for `[mariadbd]` in my.cnf.
    public var write: String
    /// False where it was set while running, so that its file cannot be seen from here.
    public var isSure = true
  }

  static let names = rules.map(\.variable)

  /// Names, values and where each was set; of MariaDB.
  static var statement: String {
    let list = names.map { SQLText.quoted($0.uppercased()) }.joined(separator: ", ")
    return "SELECT LOWER(VARIABLE_NAME) AS name, GLOBAL_VALUE AS value, GLOBAL_VALUE_ORIGIN AS "
      + "origin FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME IN (\(list))"
  }

  /// What a session's server should have otherwise.
  public static func findings(
    _ session: MySQLSession, within time: Duration
  ) throws(DatabaseError) -> [Finding] {
    findings(try session.query(statement, within: time))
  }

  static func findings(_ table: ResultTable) -> [Finding] {
    rules.compactMap { rule in
      guard
        let row = table.rows.indices.first(where: { table.cell("name", row: $0) == rule.variable }),
        let value = table.cell("value", row: row)
      else { return nil }
      let isWrong = rule.isWrong(value.uppercased())
      let isSetWhileRunning = table.cell("origin", row: row) == "SQL"
      // A primary runs without read_only; what counts is what it starts with.
      let isSeen = !isSetWhileRunning || isWrong && rule.variable != "read_only"
      guard isWrong || isSetWhileRunning else { return nil }
      return Finding(
        variable: rule.variable, value: ForeignText.line(value),
        why: isSeen ? rule.why : "set while running: see that my.cnf has it, too",
        write: rule.write, isSure: isSeen)
    }
  }

  private struct Rule: Sendable {
    var variable: String
    var isWrong: @Sendable (String) -> Bool
    var why: String
    var write: String
  }

  private static let rules: [Rule] = [
    Rule(
      variable: "log_bin", isWrong: { $0 == "OFF" },
      why: "nobody can replicate from it", write: "log_bin=bin"),
    Rule(
      variable: "sync_binlog", isWrong: { $0 != "1" },
      why: "a crash of the machine loses transactions that replicas may already have",
      write: "sync_binlog=1"),
    Rule(
      variable: "innodb_flush_log_at_trx_commit", isWrong: { $0 != "1" },
      why: "a crash loses the last second of acknowledged transactions",
      write: "innodb_flush_log_at_trx_commit=1"),
    Rule(
      variable: "rpl_semi_sync_master_enabled", isWrong: { $0 != "ON" },
      why: "as primary it acknowledges what no replica has yet",
      write: "rpl_semi_sync_master_enabled=ON"),
    Rule(
      variable: "rpl_semi_sync_slave_enabled", isWrong: { $0 != "ON" },
      why: "as replica it does not tell the primary what it has received",
      write: "rpl_semi_sync_slave_enabled=ON"),
    Rule(
      variable: "rpl_semi_sync_master_wait_point", isWrong: { $0 != "AFTER_SYNC" },
      why: "others see a transaction before any replica has it, and it can still be lost",
      write: "rpl_semi_sync_master_wait_point=AFTER_SYNC"),
    Rule(
      variable: "rpl_semi_sync_master_timeout", isWrong: { Int($0) ?? 0 <= 10_000 },
      why: "after so many ms without a replica it goes on without; longer, writes wait instead",
      write: "rpl_semi_sync_master_timeout=60000"),
    Rule(
      variable: "log_slave_updates", isWrong: { $0 != "ON" },
      why: "promoted, it cannot give other replicas what it had from the old primary",
      write: "log_slave_updates=ON"),
    Rule(
      variable: "gtid_strict_mode", isWrong: { $0 != "ON" },
      why: "a transaction of its own passes unnoticed, until a switchover fails on it",
      write: "gtid_strict_mode=ON"),
    Rule(
      variable: "read_only", isWrong: { $0 != "ON" },
      why: "after a restart it would take writes, though another one has become the primary",
      write: "read_only=1"),
    Rule(
      variable: "slave_net_timeout", isWrong: { Int($0) ?? 60 > 10 },
      why: "as replica it notices only after so many seconds that its primary is silent",
      write: "slave_net_timeout=10"),
  ]
}
