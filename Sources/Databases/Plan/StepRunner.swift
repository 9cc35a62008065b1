/// Does the steps of a plan in their order, and takes the way back where one fails.
public final class StepRunner {
  public enum Event: Sendable, Equatable {
    case began(DatabaseStep)
    case done(DatabaseStep, String)
    case failed(DatabaseStep, String)
    /// A statement of the way back, and why it failed, if it did.
    case wentBack(server: String, statement: String, failure: String?)
  }

  public enum Outcome: Sendable, Equatable {
    /// With what failed and could be left.
    case done([String])
    /// Everything is as before.
    case undone(String)
    /// It is neither as before nor done; says what stands now.
    case stuck(String)
  }

  let login: DatabaseLogin
  let replication: DatabaseLogin?
  private let tell: (Event) -> Void
  /// Where to log in: what replicas are told may be a name.
  private let addresses: [String: DatabaseAddress]
  private let tls: DatabaseTLS?
  private var sessions: [String: MySQLSession] = [:]
  /// The last transaction of a server that was locked.
  var locked: [String: GTIDPosition] = [:]

  static let connectTime = Duration.seconds(3)
  /// A lock that is not had in so many seconds is given up by the server, before we give it up.
  private static let lockSeconds = 10
  static let statementTime = Duration.seconds(15)

  public init(
    at addresses: [String: DatabaseAddress], over tls: DatabaseTLS? = nil, as login: DatabaseLogin,
    replication: DatabaseLogin?, tell: @escaping (Event) -> Void
  ) {
    self.addresses = addresses
    self.tls = tls
    self.login = login
    self.replication = replication
    self.tell = tell
  }

  public func run(_ steps: [DatabaseStep]) -> Outcome {
    var done: [DatabaseStep] = []
    var left: [String] = []
    for step in steps {
      tell(.began(step))
      do throws(StepFailure) {
        tell(.done(step, try perform(step)))
        done.append(step)
      } catch {
        tell(.failed(step, error.text))
        let isBeyondReturn = done.contains(where: \.isPointOfNoReturn)
        guard !step.isOptional, !isBeyondReturn else {
          left.append("\(step.server) \(step.purpose): \(error.text)")
          continue
        }
        if step.isPointOfNoReturn, !isKnownToBeReadOnly(step.server) { return stuck(step, done) }
        // A statement that the server refused it has not done; one not answered it may have.
        var isUndone = false
        if case .execute = step.action { isUndone = error.isRefused }
        return goBack(from: isUndone ? done : done + [step], after: step, error.text)
      }
    }
    return .done(left)
  }

  /// Logs in where there is no session yet.
  func session(_ name: String) throws(StepFailure) -> MySQLSession {
    if let session = sessions[name] { return session }
    guard let address = addresses[name] else { throw StepFailure("no server \"\(name)\"") }
    do throws(DatabaseError) {
      let session = try MySQLSession(
        to: address, as: login, over: tls, within: Self.connectTime)
      try session.query(
        "SET SESSION sql_mode='', SESSION lock_wait_timeout=\(Self.lockSeconds)",
        within: Self.statementTime)
      sessions[name] = session
      return session
    } catch {
      throw StepFailure(error.description)
    }
  }

  @discardableResult
  func query(
    _ name: String, _ sql: String, within time: Duration = statementTime
  ) throws(StepFailure) -> ResultTable {
    let session = try session(name)
    do throws(DatabaseError) {
      return try session.query(sql, within: time)
    } catch {
      // What it still does is not known: the next statement logs in anew.
      guard case .refused = error.reason else {
        sessions[name] = nil
        throw StepFailure(error.description)
      }
      throw StepFailure(error.description, isRefused: true)
    }
  }

  private func goBack(
    from steps: [DatabaseStep], after failed: DatabaseStep, _ why: String
  ) -> Outcome {
    var failures: [String] = []
    for step in wayBack(steps, after: failed) {
      for statement in step.wayBack {
        do throws(StepFailure) {
          try query(step.server, statement)
          tell(.wentBack(server: step.server, statement: statement, failure: nil))
        } catch {
          tell(.wentBack(server: step.server, statement: statement, failure: error.text))
          failures.append("\(statement) on \(step.server) (\(error.text))")
        }
      }
    }
    guard failures.isEmpty else {
      return .stuck(
        "\(why); on the way back this failed, do it by hand: \(failures.joined(separator: "; "))")
    }
    return .undone(why)
  }

  /// The last first; but a server that failed may hang, and others wait to take writes again.
  private func wayBack(_ steps: [DatabaseStep], after failed: DatabaseStep) -> [DatabaseStep] {
    let reversed = steps.reversed()
    guard !failed.isPointOfNoReturn else { return Array(reversed) }
    return reversed.filter { $0.server != failed.server }
      + reversed.filter { $0.server == failed.server }
  }

  /// After an answer that never came.
  private func isKnownToBeReadOnly(_ name: String) -> Bool {
    sessions[name] = nil
    let table = try? query(name, "SELECT @@global.read_only AS read_only")
    return table?.cell("read_only") == "1"
  }

  private func stuck(_ step: DatabaseStep, _ done: [DatabaseStep]) -> Outcome {
    let readOnly = Set(done.map(\.server)).subtracting([step.server]).sorted()
    let others = readOnly.isEmpty ? "nobody else" : readOnly.joined(separator: ", ")
    return .stuck(
      "it is not known whether \(step.server) takes writes now, so \(others) stays read-only: two "
        + "that write are worse than none. Look at \(step.server); where it is surely dead, type "
        + "on the old primary: UNLOCK TABLES; SET GLOBAL read_only=0")
  }
}

/// Why a step was not done.
struct StepFailure: Error {
  let text: String
  /// By the server, in so many words.
  let isRefused: Bool

  init(_ text: String, isRefused: Bool = false) {
    self.text = text
    self.isRefused = isRefused
  }
}
