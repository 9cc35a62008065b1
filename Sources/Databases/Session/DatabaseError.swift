/// Why a server could not be asked, and at which step.
public struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Step: String, Sendable {
    case connect, greeting, tls, login, query
  }

  public enum Reason: Sendable, Equatable {
    /// Not in the time that the whole had.
    case silence
    /// The kernel's words: refused, no route, reset.
    case network(String)
    case closed
    /// The server's own error.
    case refused(ServerError)
    /// Bytes that are not the protocol.
    case broken(String)
    /// A certificate that is not to be trusted, and why.
    case untrusted(String)
    /// What this client will not do.
    case unsupported(String)
  }

  public var step: Step
  public var reason: Reason

  public init(_ step: Step, _ reason: Reason) {
    self.step = step
    self.reason = reason
  }

  public var description: String {
    switch reason {
    case .silence: "\(step.rawValue): no answer in time"
    case .network(let words): "\(step.rawValue): \(words)"
    case .closed: "\(step.rawValue): the server closed the connection"
    case .refused(let error): "\(step.rawValue): error \(error.code): \(error.message)"
    case .broken(let what): "\(step.rawValue): not the MySQL protocol: \(what)"
    case .untrusted(let what), .unsupported(let what): "\(step.rawValue): \(what)"
    }
  }

  /// It was reached and speaks, but does not tell us; nil says nothing of whether it runs.
  var isFromLivingServer: Bool {
    switch reason {
    case .refused, .untrusted, .unsupported, .broken: true
    case .silence, .network, .closed: false
    }
  }
}
