internal import Glibc

extension StepRunner {
  private static let watchInterval: UInt32 = 200_000
  private static let goodLooksNeeded = 4
  /// What the replica asks for is not in the primary's binlog.
  private static let divergedCode = 1236

  /// Does one step; says what came of it, if there is anything to say.
  func perform(_ step: DatabaseStep) throws(StepFailure) -> String {
    switch step.action {
    case .execute(let statements):
      for statement in statements { try query(step.server, statement) }
      return ""
    case .endPrivilegedSessions: return try endPrivilegedSessions(step.server)
    case .lock: return try lock(step.server)
    case .reachLocked(let other, let seconds):
      guard let position = locked[other] else { throw StepFailure("\(other) was not locked") }
      return try wait(step.server, position, seconds)
    case .applyReceived(let seconds):
      return try applyReceived(step.server, seconds)
    case .compare(let other):
      let (mine, theirs) = (try facts(step.server), try facts(other))
      let missing = mine.transactions(missingIn: theirs)
      guard missing.isEmpty else {
        let count = mine.transactionCount(missingIn: theirs)
        throw StepFailure("it has \(count) that \(other) lacks, up to \(missing)")
      }
      return ""
    case .follow(let host, let port, let tls): return try follow(step.server, host, port, tls)
    case .watch(let seconds): return try watch(step.server, seconds)
    }
  }

  private func endPrivilegedSessions(_ name: String) throws(StepFailure) -> String {
    // Without SELECT on `mysql` a user sees his own rights only, and everybody else would pass.
    let grantees = try query(
      name, "SELECT COUNT(DISTINCT GRANTEE) AS count FROM information_schema.USER_PRIVILEGES")
    guard let count = grantees.cell("count").flatMap({ Int($0) }), count > 1 else {
      throw StepFailure(
        "it cannot be seen who may write there: GRANT SELECT ON mysql.* TO '\(login.user)'")
    }
    let table = try query(
      name,
      """
      SELECT p.ID AS id, p.USER AS user FROM information_schema.PROCESSLIST p \
      WHERE p.ID <> CONNECTION_ID() AND p.COMMAND NOT LIKE 'Binlog Dump%' \
      AND p.COMMAND NOT LIKE 'Slave%' AND p.COMMAND <> 'Daemon' \
      AND p.USER NOT IN ('system user', 'event_scheduler') \
      AND EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES u \
      WHERE u.PRIVILEGE_TYPE IN ('READ_ONLY ADMIN', 'READ ONLY ADMIN', 'SUPER') \
      AND SUBSTRING_INDEX(u.GRANTEE, '@', 1) = CONCAT('''', p.USER, ''''))
      """)
    var ended: [String] = []
    for row in table.rows.indices {
      guard let id = table.cell("id", row: row).flatMap({ UInt64($0) }) else { continue }
      // 1094: it has ended by itself.
      do throws(StepFailure) {
        try query(name, "KILL \(id)")
        ended.append(ForeignText.line(table.cell("user", row: row) ?? "?"))
      } catch {
        guard error.text.contains("error 1094") else { throw error }
      }
    }
    return ended.isEmpty
      ? "none" : "\(ended.count) ended: \(Set(ended).sorted().joined(separator: ", "))"
  }

  private func lock(_ name: String) throws(StepFailure) -> String {
    try query(name, "FLUSH TABLES WITH READ LOCK")
    let text = try query(name, "SELECT @@global.gtid_binlog_pos AS position").cell("position")
    guard let position = text.flatMap({ GTIDPosition($0) }) else {
      throw StepFailure("its gtid_binlog_pos cannot be read")
    }
    locked[name] = position
    return "at \(position)"
  }

  private func wait(
    _ name: String, _ position: GTIDPosition, _ seconds: Int
  ) throws(StepFailure) -> String {
    let table = try query(
      name, "SELECT MASTER_GTID_WAIT('\(position)', \(seconds)) AS result",
      within: .seconds(seconds) + Self.connectTime)
    guard table.cell("result") == "0" else {
      throw StepFailure("it did not reach \(position) within \(seconds) s")
    }
    return "at \(position)"
  }

  /// In this order: with both threads stopped, a start throws the relay log away (GTID mode).
  private func applyReceived(_ name: String, _ seconds: Int) throws(StepFailure) -> String {
    try query(name, "START SLAVE SQL_THREAD")
    try query(name, "STOP SLAVE IO_THREAD")
    let status = try query(name, "SHOW SLAVE STATUS")
    let received = status.cell("Gtid_IO_Pos").flatMap { GTIDPosition($0) } ?? GTIDPosition()
    return try wait(name, received, seconds)
  }

  private func facts(_ name: String) throws(StepFailure) -> DatabaseFacts {
    let session = try session(name)
    do throws(DatabaseError) {
      return try FactsReader.facts(session, by: Deadline(after: Self.statementTime))
    } catch {
      throw StepFailure(error.description)
    }
  }

  private func follow(
    _ name: String, _ host: String, _ port: UInt16, _ tls: ReplicationTLS?
  ) throws(StepFailure) -> String {
    guard let replication else { throw StepFailure("no replication account is configured") }
    try query(name, "STOP SLAVE")
    let text = try query(name, "SELECT @@global.gtid_current_pos AS position").cell("position")
    guard let position = text.flatMap({ GTIDPosition($0) }) else {
      throw StepFailure("its gtid_current_pos cannot be read")
    }
    try query(name, "SET GLOBAL gtid_slave_pos='\(position)'")
    try query(
      name,
      FollowStatement.text(
        host, port, tls, user: replication.user, password: replication.password))
    try query(name, "START SLAVE")
    return "from \(position) on"
  }

  private func watch(_ name: String, _ seconds: Int) throws(StepFailure) -> String {
    let deadline = Deadline(after: .seconds(seconds))
    // A primary refuses a replica only once it has let it in.
    var goodLooks = 0
    while true {
      guard let replication = try facts(name).replication else {
        throw StepFailure("it replicates from nobody")
      }
      goodLooks = replication.receiver == .running && replication.isApplying ? goodLooks + 1 : 0
      if goodLooks == Self.goodLooksNeeded { return "it replicates" }
      if let error = replication.receiverError, error.code == Self.divergedCode {
        throw StepFailure(
          "error \(error.code): \(error.message); it must be made anew from the primary")
      }
      if let error = replication.applierError {
        throw StepFailure("error \(error.code): \(error.message)")
      }
      guard !deadline.isPassed else {
        let why = replication.receiverError.map { ": error \($0.code): \($0.message)" } ?? ""
        throw StepFailure("it does not replicate after \(seconds) s\(why)")
      }
      usleep(Self.watchInterval)
    }
  }
}
