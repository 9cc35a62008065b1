/// What health checks know of one server.
public struct HealthReport: Sendable, Equatable {
  public enum Verdict: String, Sendable, Codable {
    /// Not checked, or not yet: taken for up.
    case unknown
    case up, down
  }

  public var verdict = Verdict.unknown
  /// When the verdict last changed, in seconds since 1970.
  public var since: Int64 = 0
  /// Of the last check: "200 in 3 ms", "connect: connection refused".
  public var lastResult = ""
  public var isLastGood = true
  /// When it ended, in seconds since 1970.
  public var lastAt: Int64 = 0
  public var lastTook = Duration.zero
  public var checks: UInt64 = 0
  public var failures: UInt64 = 0
  /// Changes of the verdict since the process began.
  public var changes: UInt64 = 0
  /// Held down for changing too often, until then in seconds since 1970.
  public var isHeldUntil: Int64?
  /// What an agent on the server asks for: a share of its weight in percent, and a state.
  public var agentPercent: Int?
  public var agentState: ServerStanding.State?

  public init() {}
}
