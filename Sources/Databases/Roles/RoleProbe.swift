/// Asks one server for its role, again and again; of one thread at a time.
///
/// Its session is kept between checks, so that a check costs two statements, or three; it logs in anew every
/// minute, so that a server where nobody can log in any more does not pass for a good one.
public final class RoleProbe {
  public let address: DatabaseAddress
  private let login: DatabaseLogin
  private let tls: DatabaseTLS?
  private let heartbeat: HeartbeatTable?
  private let timeout: Duration
  private var session: (session: MySQLSession, since: ContinuousClock.Instant)?

  private static let sessionAge = Duration.seconds(60)

  /// `timeout` is for a whole check: connecting, logging in and all statements.
  public init(
    address: DatabaseAddress, user: String, password: String, over tls: DatabaseTLS? = nil,
    heartbeat: HeartbeatTable? = nil, timeout: Duration = .milliseconds(800)
  ) {
    self.address = address
    login = DatabaseLogin(user: user, password: password)
    self.tls = tls
    self.heartbeat = heartbeat
    self.timeout = timeout
  }

  public func check() -> ProbeOutcome {
    let begin = ContinuousClock.now
    let deadline = Deadline(after: timeout)
    do throws(DatabaseError) {
      var facts = try keptFacts(by: deadline)
      if facts == nil { facts = try freshFacts(by: deadline) }
      guard let facts else { throw DatabaseError(.query, .closed) }
      return ProbeOutcome(answer: .facts(facts), took: .now - begin)
    } catch {
      session = nil
      return ProbeOutcome(answer: .failed(error), took: .now - begin)
    }
  }

  /// Forgets the session; the next check connects anew.
  public func close() { session = nil }

  /// Nil where there is no session to ask, or it had ended: killed, timed out, a restart.
  private func keptFacts(by deadline: Deadline) throws(DatabaseError) -> DatabaseFacts? {
    guard let kept = session, .now - kept.since < Self.sessionAge else {
      session = nil
      return nil
    }
    do throws(DatabaseError) {
      return try FactsReader.facts(kept.session, heartbeat: heartbeat, by: deadline)
    } catch {
      guard error.reason == .closed else { throw error }
      session = nil
      return nil
    }
  }

  private func freshFacts(by deadline: Deadline) throws(DatabaseError) -> DatabaseFacts {
    let fresh = try MySQLSession(to: address, as: login, over: tls, by: deadline)
    if heartbeat != nil { try fresh.query(HeartbeatTable.preparation, by: deadline) }
    session = (fresh, .now)
    return try FactsReader.facts(fresh, heartbeat: heartbeat, by: deadline)
  }
}

/// What came of one check.
public struct ProbeOutcome: Sendable, Equatable {
  public enum Answer: Sendable, Equatable {
    case facts(DatabaseFacts)
    case failed(DatabaseError)
  }

  public var answer: Answer
  public var took: Duration

  public init(answer: Answer, took: Duration) {
    self.answer = answer
    self.took = took
  }

  public var facts: DatabaseFacts? {
    if case .facts(let facts) = answer { facts } else { nil }
  }
}
