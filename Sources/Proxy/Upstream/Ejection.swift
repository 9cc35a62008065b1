/// Passive health of one server as one worker sees it: what failed lately, and until when it gets
/// nothing for it.
///
/// in ──failures in a row, or a share of failures──▶ out ──time──▶ in, slowly
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
  private var span: Int64 = 0
  private var times = 0
  private var inRow = 0
  private var windowSince = Int64.min
  private var requests = 0
  private var failures = 0

  /// For being out of reach, whatever the passive rule says.
  mutating func setAside(until time: Int64, reason: String) {
    until = max(until, time)
    self.reason = reason
  }

  mutating func succeeded(_ rule: ProxyConfiguration.Passive, at now: Int64) {
    inRow = 0
    count(rule, at: now)
  }

  /// What is too much, if it is.
  mutating func failed(_ rule: ProxyConfiguration.Passive, at now: Int64) -> Trouble? {
    inRow += 1
    count(rule, at: now)
    failures += 1
    // Late failures of one that is out already are no news.
    guard until <= now else { return nil }
    if inRow >= rule.failures { return .inRow(inRow) }
    if rule.errorShare > 0, requests >= rule.requests,
      failures * 100 >= rule.errorShare * requests
    {
      return .share(failures: failures, of: requests)
    }
    return nil
  }

  /// For how long, in milliseconds: once more each time, unless it then did well for as long.
  mutating func eject(
    _ rule: ProxyConfiguration.Passive, at now: Int64, reason: String
  ) -> Int64 {
    let didWell = until == .min || now - until >= max(span, rule.window.milliseconds)
    times = didWell ? 1 : times + 1
    span = min(rule.longest.milliseconds, rule.eject.milliseconds * Int64(times))
    until = now + span
    self.reason = reason
    inRow = 0
    windowSince = .min
    return span
  }

  private mutating func count(_ rule: ProxyConfiguration.Passive, at now: Int64) {
    if windowSince == .min || now - windowSince >= rule.window.milliseconds {
      windowSince = now
      requests = 0
      failures = 0
    }
    requests += 1
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
