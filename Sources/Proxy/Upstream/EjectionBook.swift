/// Passive health of one backend's servers over all workers: who failed lately, who is out for it, and
/// how many may be at a time. Pure: times are milliseconds of the workers' clock.
///
/// in ──too many failures──▶ asked: has another worker seen it answer? ──no──▶ out ──time──▶ in
///
/// Only failures come here. A success stays in its worker, which tells of it when it is asked: so what
/// works costs no worker a look at what others write.
struct EjectionBook {
  /// A server by where it is: one that has moved is another one.
  struct Key: Hashable, Sendable {
    let server: String
    let address: SocketAddress
  }

  /// What one worker knows of a server's outcomes, or several of them together.
  struct Tally: Equatable, Sendable {
    var lastSuccess = Int64.min
    /// Within the window that lasts.
    var requests = 0
    var failures = 0

    mutating func add(_ other: Tally) {
      lastSuccess = max(lastSuccess, other.lastSuccess)
      requests += other.requests
      failures += other.failures
    }
  }

  /// What holds for the backend, and how many there are to be asked.
  struct Terms {
    var rule: ProxyConfiguration.Passive
    var servers: Int
    var workers: Int
  }

  enum Step: Equatable {
    case none
    /// All other workers are asked for what they know, under this number.
    case ask(UInt32)
    case eject(span: Int64, reason: String)
  }

  fileprivate struct Question {
    let number: UInt32
    let askedAt: Int64
    var missing: Int
    var tally: Tally
  }

  fileprivate struct Server {
    /// When it failed without an answer in between, as far as is known; the last of them, oldest first.
    var failures: [Int64] = []
    var window = Int64.min
    var failuresInWindow = 0
    var reason = ""
    var question: Question?
    var asksAgainAt = Int64.min
    var until = Int64.min
    var span: Int64 = 0
    var times = 0
  }

  /// A worker that says nothing for so long has no word.
  static let answerTime: Int64 = 1000
  /// Between two questions about a server: whoever fails often is not asked about each time.
  static let questionGap: Int64 = 20

  private var servers: [Key: Server] = [:]
  private var lastNumber: UInt32 = 0

  /// Until when it is out, or was.
  func end(of key: Key) -> Int64 { servers[key]?.until ?? .min }

  func isOut(_ key: Key, at now: Int64) -> Bool { (servers[key]?.until ?? .min) > now }

  /// A failure under one worker's eyes. `own`: what that worker knows, this failure included; `inRow`:
  /// its own failures since it last saw an answer.
  mutating func failed(
    _ key: Key, _ own: Tally, inRow: Int, reason: String, _ terms: Terms, at now: Int64
  ) -> Step {
    var server = servers[key] ?? Server()
    defer { servers[key] = server }
    // Late failures of one that is out already are no news.
    guard server.until <= now else { return .none }
    if inRow == 1 { server.answered(at: own.lastSuccess) }
    server.note(reason, terms.rule, at: now)
    if let question = server.question {
      guard now - question.askedAt >= Self.answerTime else { return .none }
      return decide(&server, question.tally, terms, at: now)
    }
    guard now >= server.asksAgainAt, server.mayBeTooMuch(own, terms.rule),
      isRoomForOneMore(terms, at: now)
    else { return .none }
    guard terms.workers > 1 else { return decide(&server, own, terms, at: now) }
    lastNumber &+= 1
    server.question = Question(
      number: lastNumber, askedAt: now, missing: terms.workers - 1, tally: own)
    return .ask(lastNumber)
  }

  /// What one of the others knows.
  mutating func answered(
    _ key: Key, _ number: UInt32, _ tally: Tally, _ terms: Terms, at now: Int64
  ) -> Step {
    guard var server = servers[key], var question = server.question, question.number == number
    else { return .none }
    defer { servers[key] = server }
    question.tally.add(tally)
    question.missing -= 1
    server.question = question
    guard question.missing <= 0 else { return .none }
    return decide(&server, question.tally, terms, at: now)
  }

  /// For being out of reach, whatever the rule says. One that is out already, and was asked for want of
  /// another, is not out for longer: that is no news.
  mutating func setAside(
    _ key: Key, until time: Int64, at now: Int64
  ) -> (until: Int64, isNews: Bool) {
    if let until = servers[key]?.until, until > now { return (until, false) }
    servers[key, default: Server()].until = time
    return (time, true)
  }

  mutating func keep(only keys: Set<Key>) { servers = servers.filter { keys.contains($0.key) } }

  private mutating func decide(
    _ server: inout Server, _ tally: Tally, _ terms: Terms, at now: Int64
  ) -> Step {
    server.question = nil
    server.asksAgainAt = now + (terms.workers > 1 ? Self.questionGap : 0)
    server.answered(at: tally.lastSuccess)
    guard let trouble = server.trouble(tally, terms.rule), isRoomForOneMore(terms, at: now) else {
      return .none
    }
    return .eject(span: server.eject(terms.rule, at: now), reason: "\(trouble): \(server.reason)")
  }

  private func isRoomForOneMore(_ terms: Terms, at now: Int64) -> Bool {
    let out = servers.values.count { $0.until > now }
    return (out + 1) * 100 <= terms.rule.atMost * terms.servers
  }
}

extension EjectionBook.Server {
  mutating func note(_ why: String, _ rule: ProxyConfiguration.Passive, at now: Int64) {
    failures.append(now)
    if failures.count > rule.failures { failures.removeFirst(failures.count - rule.failures) }
    if window != rule.windowNumber(at: now) {
      window = rule.windowNumber(at: now)
      failuresInWindow = 0
    }
    failuresInWindow += 1
    reason = why
  }

  /// Somebody saw it answer then.
  mutating func answered(at time: Int64) { failures.removeAll { $0 <= time } }

  /// Whether it is worth asking, of which others know more.
  func mayBeTooMuch(_ own: EjectionBook.Tally, _ rule: ProxyConfiguration.Passive) -> Bool {
    if failures.count >= rule.failures { return true }
    let others = max(0, failuresInWindow - own.failures)
    return rule.errorShare > 0
      && failuresInWindow * 100 >= rule.errorShare * max(rule.requests, own.requests + others)
  }

  func trouble(
    _ tally: EjectionBook.Tally, _ rule: ProxyConfiguration.Passive
  ) -> Ejection.Trouble? {
    if failures.count >= rule.failures { return .inRow(failures.count) }
    guard rule.errorShare > 0, tally.requests >= rule.requests,
      tally.failures * 100 >= rule.errorShare * tally.requests
    else { return nil }
    return .share(failures: tally.failures, of: tally.requests)
  }

  /// For how long, in milliseconds: once more each time, unless it then did well for as long.
  mutating func eject(_ rule: ProxyConfiguration.Passive, at now: Int64) -> Int64 {
    let didWell = until == .min || now - until >= max(span, rule.window.milliseconds)
    times = didWell ? 1 : times + 1
    span = min(rule.longest.milliseconds, rule.eject.milliseconds * Int64(times))
    until = now + span
    failures = []
    failuresInWindow = 0
    return span
  }
}

extension ProxyConfiguration.Passive {
  /// Windows begin at the same moments in all workers, so that their counts can be added.
  func windowNumber(at now: Int64) -> Int64 { now / max(1, window.milliseconds) }
}
