/// The rule that makes a verdict of results; time is passed in.
///
/// The first result decides at once; then `rise` good ones in a row make a server up and `fall` bad
/// ones make it down. A server that goes down is held down for a minute when one more rise and fall
/// would be more changes than `changesPerMinute` within the last minute; it never is when that is 0.
struct HealthCheck {
  private(set) var report = HealthReport()
  var settings: ProxyConfiguration.Health
  /// Results in a row that contradict the verdict.
  private var contradictions = 0
  /// When the verdict changed within the last minute, in milliseconds.
  private var changes: [Int64] = []
  private var heldUntil: Int64?

  static let minute: Int64 = 60_000

  init(_ settings: ProxyConfiguration.Health) { self.settings = settings }

  enum Change: Equatable { case none, verdict, agent }

  /// Takes a result at `now` (milliseconds of any clock that never runs backwards).
  mutating func note(_ result: ProbeResult, at now: Int64, unix: Int64) -> Change {
    report.lastResult = result.text
    report.isLastGood = result.isGood
    report.lastAt = unix
    report.lastTook = result.took
    report.checks &+= 1
    if !result.isGood { report.failures &+= 1 }
    if let until = heldUntil, now >= until {
      heldUntil = nil
      report.isHeldUntil = nil
    }
    let said = (report.agentPercent, report.agentState)
    if let agent = result.agent { note(agent) }
    if judge(result.isGood, at: now, unix: unix) { return .verdict }
    return said == (report.agentPercent, report.agentState) ? .none : .agent
  }

  private mutating func note(_ agent: AgentAnswer) {
    // What a line does not speak of stays as it was, as with HAProxy.
    if let percent = agent.percent { report.agentPercent = percent }
    if let state = agent.state { report.agentState = state }
  }

  /// True when the verdict changed.
  private mutating func judge(_ isGood: Bool, at now: Int64, unix: Int64) -> Bool {
    switch (report.verdict, isGood) {
    case (.unknown, true): report.verdict = .up
    case (.unknown, false): goDown(at: now, unix: unix)
    case (.up, true), (.down, false):
      contradictions = 0
      return false
    case (.up, false):
      contradictions += 1
      guard contradictions >= settings.fall else { return false }
      goDown(at: now, unix: unix)
    case (.down, true):
      contradictions = min(contradictions + 1, settings.rise)
      guard contradictions >= settings.rise, heldUntil == nil else { return false }
      report.verdict = .up
      count(at: now)
    }
    contradictions = 0
    report.since = unix
    return true
  }

  private mutating func goDown(at now: Int64, unix: Int64) {
    report.verdict = .down
    count(at: now)
    let limit = settings.changesPerMinute
    guard limit > 0, changes.count + 2 > limit else { return }
    heldUntil = now + Self.minute
    report.isHeldUntil = unix + Self.minute / 1000
  }

  private mutating func count(at now: Int64) {
    report.changes &+= 1
    changes.removeAll { now - $0 >= Self.minute }
    changes.append(now)
    // Without a limit nobody asks for them.
    if settings.changesPerMinute == 0 { changes.removeAll() }
  }

  /// Milliseconds from the start of one check to that of the next; `draw` is 0..<1.
  func pause(draw: Double) -> Int64 {
    let isUnsettled = contradictions > 0 && heldUntil == nil
    let usual = settings.interval.milliseconds
    let pause = isUnsettled ? min(settings.fastInterval.milliseconds, usual) : usual
    let share = Double(settings.jitter) / 100 * (2 * draw - 1)
    return max(1, pause + Int64(Double(pause) * share))
  }
}
