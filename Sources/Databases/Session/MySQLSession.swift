/// Who logs in.
public struct DatabaseLogin: Sendable, Equatable {
  public var user: String
  public var password: String

  public init(user: String, password: String) {
    self.user = user
    self.password = password
  }
}

/// One login at one server; of one thread at a time.
public final class MySQLSession {
  /// As the server calls itself, such as `10.11.19-MariaDB-0+deb12u1`.
  public let version: String
  public let isMariaDB: Bool
  private var wire: PacketWire
  private var isOpen = true

  /// Connects and logs in; over TLS where it is given, or not at all. A Unix socket needs none.
  public convenience init(
    to address: DatabaseAddress, as login: DatabaseLogin, over tls: DatabaseTLS? = nil,
    within time: Duration
  ) throws(DatabaseError) {
    try self.init(to: address, as: login, over: tls, by: Deadline(after: time))
  }

  init(
    to address: DatabaseAddress, as login: DatabaseLogin, over tls: DatabaseTLS?,
    by deadline: Deadline
  ) throws(DatabaseError) {
    var wire = try PacketWire(to: address, by: deadline)
    let body = try wire.receive(.greeting, by: deadline)
    // Too many connections, or this host is blocked.
    if let error = ServerError(reading: body) { throw DatabaseError(.greeting, .refused(error)) }
    guard let greeting = Greeting(reading: body) else {
      throw DatabaseError(.greeting, .broken("no greeting of version 10"))
    }
    if let tls, !address.isLocal {
      try Self.secure(tls, address, greeting, &wire, by: deadline)
    }
    try Self.logIn(login, greeting, &wire, by: deadline)
    version = greeting.version
    isMariaDB = greeting.isMariaDB
    self.wire = wire
  }

  deinit { close() }

  /// Rows of one statement; none for one that has no result.
  @discardableResult
  public func query(_ sql: String, within time: Duration) throws(DatabaseError) -> ResultTable {
    try query(sql, by: Deadline(after: time))
  }

  /// Says goodbye, without waiting.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    wire.beginCommand()
    // COM_QUIT. Otherwise the server counts an aborted client.
    try? wire.send([0x01], .query, by: Deadline(after: .zero))
  }

  @discardableResult
  func query(_ sql: String, by deadline: Deadline) throws(DatabaseError) -> ResultTable {
    guard isOpen else { throw DatabaseError(.query, .closed) }
    do {
      return try answer(sql, by: deadline)
    } catch {
      // After anything but a whole answer nobody knows what the next bytes mean.
      if case .refused = error.reason {} else { isOpen = false }
      throw error
    }
  }

  private func answer(
    _ sql: String, by deadline: Deadline
  ) throws(DatabaseError) -> ResultTable {
    wire.beginCommand()
    // COM_QUERY
    try wire.send([0x03] + Array(sql.utf8), .query, by: deadline)
    var reader = ResultReader()
    while true {
      switch reader.take(try wire.receive(.query, by: deadline)) {
      case .needsMore: continue
      case .done(let table): return table
      case .refused(let error): throw DatabaseError(.query, .refused(error))
      case .broken(let what): throw DatabaseError(.query, .broken(what))
      }
    }
  }
}
