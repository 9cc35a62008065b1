/// Asks one server for its role, again and again; of one thread at a time.
///
/// Its session is kept between checks, so that a check costs two statements; it logs in anew every
/// minute, so that a server where nobody can log in any more does not pass for a good one.
public final class RoleProbe {
  public let address: DatabaseAddress
  private let login: DatabaseLogin
  private let timeout: Duration
  private var session: (session: MySQLSession, since: ContinuousClock.Instant)?

  private static let sessionAge = Duration.seconds(60)

  /// `timeout` is for a whole check: connecting, logging in and both statements.
  public init(
    address: DatabaseAddress, user: String, password: String,
    timeout: Duration = .milliseconds(800)
  ) {
    self.address = address
    login = DatabaseLogin(user: user, password: password)
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
      return try Self.facts(kept.session, by: deadline)
    } catch {
      guard error.reason == .closed else { throw error }
      session = nil
      return nil
    }
  }

  private func freshFacts(by deadline: Deadline) throws(DatabaseError) -> DatabaseFacts {
    let fresh = try MySQLSession(to: address, as: login, by: deadline)
    session = (fresh, .now)
    return try Self.facts(fresh, by: deadline)
  }

  private static func facts(
    _ session: MySQLSession, by deadline: Deadline
  ) throws(DatabaseError) -> DatabaseFacts {
    let variables = try session.query(
      session.isMariaDB ? FactsReader.mariaDB : FactsReader.mySQL, by: deadline)
    let status = try session.query(
      FactsReader.replicationStatement(isMariaDB: session.isMariaDB, version: session.version),
      by: deadline)
    guard
      let facts = FactsReader.facts(
        variables, status, isMariaDB: session.isMariaDB, version: session.version)
    else { throw DatabaseError(.query, .broken("no read_only or server_id in the answer")) }
    return facts
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
