/// Makes facts of the two answers of a check.
enum FactsReader {
  static let mariaDB =
    "SELECT @@global.read_only AS read_only, @@global.server_id AS server_id, "
    + "@@global.gtid_current_pos AS position, @@global.gtid_binlog_state AS binlog_state, "
    + "@@global.gtid_slave_pos AS slave_position"
  static let mySQL =
    "SELECT @@global.read_only AS read_only, @@global.server_id AS server_id, "
    + "@@global.gtid_executed AS position"

  /// Two statements, one after the other, and a third where a replica is asked for its heartbeat.
  static func facts(
    _ session: MySQLSession, heartbeat: HeartbeatTable? = nil, by deadline: Deadline
  ) throws(DatabaseError) -> DatabaseFacts {
    let variables = try session.query(session.isMariaDB ? mariaDB : mySQL, by: deadline)
    let status = try session.query(
      replicationStatement(isMariaDB: session.isMariaDB, version: session.version), by: deadline)
    guard
      var facts = facts(variables, status, isMariaDB: session.isMariaDB, version: session.version)
    else { throw DatabaseError(.query, .broken("no read_only or server_id in the answer")) }
    if let heartbeat, let replication = facts.replication, replication.isApplying,
      replication.receiver == .running
    {
      facts.replication?.heartbeat = try heartbeat.heartbeat(
        session, source: replication.sourceServerID, by: deadline)
    }
    return facts
  }

  /// MySQL 8.4 knows only the new words, MariaDB and 8.0 the old ones, too.
  static func replicationStatement(isMariaDB: Bool, version: String) -> String {
    let numbers = version.split(separator: ".", maxSplits: 2).prefix(2)
      .map { Int($0.prefix { $0.isNumber }) ?? 0 }
    let isNew = !isMariaDB && !numbers.lexicographicallyPrecedes([8, 1])
    return isNew ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS"
  }

  /// Nil where the server left out what it must tell.
  static func facts(
    _ variables: ResultTable, _ status: ResultTable, isMariaDB: Bool, version: String
  ) -> DatabaseFacts? {
    guard let readOnly = variables.cell("read_only"),
      let serverID = variables.cell("server_id").flatMap({ UInt32($0) })
    else { return nil }
    var facts = DatabaseFacts(
      version: version, isMariaDB: isMariaDB, serverID: serverID,
      // MariaDB 12 has words for what were 0 and 1.
      isReadOnly: !["0", "OFF"].contains(readOnly.uppercased()),
      position: ForeignText.line(variables.cell("position") ?? ""))
    facts.binlogState = ForeignText.line(variables.cell("binlog_state") ?? "")
    facts.slavePosition = ForeignText.line(variables.cell("slave_position") ?? "")
    facts.replication = status.rows.isEmpty ? nil : replication(status)
    return facts
  }

  private static func replication(_ status: ResultTable) -> DatabaseFacts.Replication {
    func cell(_ names: String...) -> String? { names.lazy.compactMap { status.cell($0) }.first }
    let receiver = cell("Slave_IO_Running", "Replica_IO_Running")?.lowercased()
    var replication = DatabaseFacts.Replication(
      sourceHost: ForeignText.line(cell("Master_Host", "Source_Host") ?? ""),
      sourcePort: cell("Master_Port", "Source_Port").flatMap { UInt16($0) } ?? 0,
      receiver: receiver == "yes" ? .running : receiver == "no" ? .stopped : .connecting,
      isApplying: cell("Slave_SQL_Running", "Replica_SQL_Running")?.lowercased() == "yes",
      lag: cell("Seconds_Behind_Master", "Seconds_Behind_Source").flatMap { UInt32($0) }
        .map { .seconds(Int64($0)) })
    replication.sourceServerID =
      cell("Master_Server_Id", "Source_Server_Id").flatMap { UInt32($0) } ?? 0
    replication.usesGTID =
      cell("Using_Gtid", "Auto_Position").map { !["No", "0"].contains($0) } ?? false
    replication.receivedPosition = ForeignText.line(cell("Gtid_IO_Pos") ?? "")
    replication.tls = tls(status)
    replication.receiverError = error(cell("Last_IO_Errno"), cell("Last_IO_Error"))
    replication.applierError = error(cell("Last_SQL_Errno"), cell("Last_SQL_Error"))
    return replication
  }

  private static func tls(_ status: ResultTable) -> ReplicationTLS? {
    func cell(_ name: String) -> String {
      ForeignText.line(status.cell("Master_\(name)") ?? status.cell("Source_\(name)") ?? "")
    }
    guard cell("SSL_Allowed") == "Yes" else { return nil }
    var tls = ReplicationTLS()
    tls.ca = cell("SSL_CA_File")
    tls.certificate = cell("SSL_Cert")
    tls.key = cell("SSL_Key")
    tls.verifies = cell("SSL_Verify_Server_Cert") == "Yes"
    return tls
  }

  private static func error(_ code: String?, _ message: String?) -> ServerError? {
    guard let code = code.flatMap({ Int($0) }), code != 0 else { return nil }
    return ServerError(code: code, message: ForeignText.line(message ?? ""))
  }
}
