/// Passive health of one server as one worker sees it: what it answered lately, and until when it gets
/// nothing. That it is too much is decided for all workers together, in `EjectionBook`.
struct Ejection {
  enum Trouble: Equatable, CustomStringConvertible {
    case inRow(Int)
    case share(failures: Int, of: Int)

    var description: String {
      switch self {
      case .inRow(let count): "\(count) failures in a row"
      case .share(let failures, let all): "\(failures) of \(all) requests failed"
      }
    }
  }

  /// In milliseconds of the worker's clock.
  private(set) var until = Int64.min
  private(set) var reason = ""
  /// Failures since the last success.
  private(set) var inRow = 0
  private var tally = EjectionBook.Tally()
  private var windowEnd = Int64.min

  mutating func putOut(until time: Int64, reason: String) {
    until = max(until, time)
    self.reason = reason
    inRow = 0
    tally.requests = 0
    tally.failures = 0
  }

  mutating func succeeded(_ rule: ProxyConfiguration.Passive, at now: Int64) {
    turn(rule, at: now)
    inRow = 0
    tally.lastSuccess = now
    tally.requests += 1
  }

  mutating func failed(_ rule: ProxyConfiguration.Passive, at now: Int64) {
    turn(rule, at: now)
    inRow += 1
    tally.requests += 1
    tally.failures += 1
  }

  mutating func tally(_ rule: ProxyConfiguration.Passive, at now: Int64) -> EjectionBook.Tally {
    turn(rule, at: now)
    return tally
  }

  /// Begins the next window.
  private mutating func turn(_ rule: ProxyConfiguration.Passive, at now: Int64) {
    guard now >= windowEnd else { return }
    windowEnd = (rule.windowNumber(at: now) + 1) * max(1, rule.window.milliseconds)
    tally.requests = 0
    tally.failures = 0
  }
}

/// A server's latency, in microseconds until the head of its response: an average that forgets, so
/// that one that was slow is tried again.
struct Latency {
  /// A failure counts as a second, so that a server that fails fast draws nobody.
  static let ofFailure = 1_000_000.0
  /// Milliseconds in which an average falls to a half when nobody asks.
  private static let halfLife: Int64 = 5000
  private static let shareOfNew = 0.2

  private var average = 0.0
  private var at = Int64.min

  mutating func add(_ micros: Double, at now: Int64) {
    let known = value(at: now)
    // Slower is believed at once, quicker little by little.
    average = at == .min || micros > known ? micros : known + (micros - known) * Self.shareOfNew
    at = now
  }

  func value(at now: Int64) -> Double {
    guard at != .min else { return 1 }
    let halves = max(0, now - at) / Self.halfLife
    return halves > 30 ? 1 : max(1, average / Double(1 << halves))
  }
}
