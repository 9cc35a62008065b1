/// What one server can be used for now.
public enum DatabaseRole: String, Sendable, Codable {
  /// Takes writes.
  case primary
  /// Takes reads: read-only, replicating, not too far behind.
  case replica
  /// A replica that is too far behind, or does not know how far.
  case lagging
  /// It runs, and is neither: replication is stopped, or it is read-only and follows nobody, or it
  /// takes writes although it follows one of its members.
  case broken
  /// Not reached, or silent.
  case down
  /// It answers, and does not tell: login or rights are refused, or it speaks something else.
  case unknown
}

/// A role, with its reason in words.
public struct DatabaseVerdict: Sendable, Equatable {
  public var role: DatabaseRole
  public var reason: String
  /// It would take a write from whoever asks it.
  public var isWritable: Bool

  /// `memberIDs` are the server IDs of all members where all are known: replicating from somebody
  /// else does not keep a server from being the primary here.
  public init(_ outcome: ProbeOutcome, lagLimit: Duration, memberIDs: Set<UInt32>? = nil) {
    switch outcome.answer {
    case .failed(let error):
      self.init(error.isFromLivingServer ? .unknown : .down, error.description, isWritable: false)
    case .facts(let facts):
      self = Self.of(facts, lagLimit, memberIDs)
    }
  }

  init(_ role: DatabaseRole, _ reason: String, isWritable: Bool) {
    self.role = role
    self.reason = reason
    self.isWritable = isWritable
  }

  private static func of(
    _ facts: DatabaseFacts, _ lagLimit: Duration, _ memberIDs: Set<UInt32>?
  ) -> DatabaseVerdict {
    guard let replication = facts.replication else {
      return facts.isReadOnly
        ? .init(.broken, "read-only, and replicates from nobody", isWritable: false)
        : .init(.primary, "takes writes, and replicates from nobody", isWritable: true)
    }
    guard facts.isReadOnly else { return writable(replication, memberIDs) }
    let (role, reason) = reading(replication, lagLimit)
    return .init(role, reason, isWritable: false)
  }

  private static func writable(
    _ replication: DatabaseFacts.Replication, _ memberIDs: Set<UInt32>?
  ) -> DatabaseVerdict {
    let source = "\(replication.sourceHost):\(replication.sourcePort)"
    let isStopped = replication.receiver == .stopped && !replication.isApplying
    if isStopped {
      return .init(
        .primary, "takes writes; its replication from \(source) is stopped", isWritable: true)
    }
    if let memberIDs, replication.sourceServerID != 0,
      !memberIDs.contains(replication.sourceServerID)
    {
      return .init(
        .primary, "takes writes; replicates from \(source), which is no member", isWritable: true)
    }
    return .init(
      .broken, "takes writes although it replicates from \(source): SET GLOBAL read_only=1",
      isWritable: true)
  }

  private static func reading(
    _ replication: DatabaseFacts.Replication, _ lagLimit: Duration
  ) -> (DatabaseRole, String) {
    guard replication.isApplying else {
      return (.broken, "the SQL thread is stopped" + words(replication.applierError))
    }
    switch replication.receiver {
    case .stopped:
      return (.broken, "the IO thread is stopped" + words(replication.receiverError))
    case .connecting:
      let source = "\(replication.sourceHost):\(replication.sourcePort)"
      return (
        .broken, "the IO thread does not reach \(source)" + words(replication.receiverError)
      )
    case .running: break
    }
    return reading(replication.heartbeat, replication.lag, lagLimit)
  }

  private static func reading(
    _ heartbeat: Heartbeat?, _ lag: Duration?, _ lagLimit: Duration
  ) -> (DatabaseRole, String) {
    let told = lag.map { "\($0.components.seconds) s behind" }
    let allowed = "; at most \(lagLimit.components.seconds) s are allowed"
    switch heartbeat {
    // What is asked for and not known is no less than too far.
    case .unknown(let why)?: return (.lagging, why)
    case .age(let age)?:
      let behind = "\(tenths(age)) s behind by its heartbeat"
      guard age > lagLimit else { return (.replica, behind) }
      // A primary where nobody writes heartbeats looks the same.
      let doubt = "; replication itself says: \(told ?? "unknown"); does pt-heartbeat run?"
      return (.lagging, behind + allowed + doubt)
    case nil:
      guard let lag, let told else { return (.lagging, "it does not know how far behind") }
      return lag <= lagLimit ? (.replica, told) : (.lagging, told + allowed)
    }
  }

  private static func tenths(_ age: Duration) -> String {
    let (seconds, fraction) = max(.zero, age).components
    return "\(seconds).\(fraction / 100_000_000_000_000_000)"
  }

  private static func words(_ error: ServerError?) -> String {
    error.map { ": error \($0.code): \($0.message)" } ?? ""
  }
}
