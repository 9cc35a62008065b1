/// The thread that checks: its servers, their timers and their probes. Nothing else touches it.
final class HealthLoop {
  private let poller: Poller
  private var timers = Timers()
  private let room: ProbeRoom
  private let mailbox: HealthMailbox
  private let onChange: (ServerID, HealthReport) -> Void
  private var servers: [UInt32: CheckedServer] = [:]
  private var serials: [ServerID: UInt32] = [:]
  private var paused: Set<ServerID> = []
  private var nextSerial: UInt32 = 0
  private var inFlight = 0
  /// Due, but too many are in flight.
  private var waiting: [UInt32] = []
  private var now: Int64 = 0

  static let mailboxToken = Token(.mailbox, SlotID(index: 0, generation: 0))
  /// Checks in flight at a time; the rest wait for their turn.
  static let inFlightLimit = 1000
  /// The first checks are spread over so many milliseconds, or one interval if that is less.
  static let firstWithin: Int64 = 1000

  init(
    _ poller: consuming Poller, _ ciphertext: consuming CipherBuffers, _ mailbox: HealthMailbox,
    _ onChange: @escaping (ServerID, HealthReport) -> Void
  ) {
    self.poller = poller
    room = ProbeRoom(ciphertext)
    self.mailbox = mailbox
    self.onChange = onChange
  }

  func run() {
    while !mailbox.isStopped {
      now = Clock.milliseconds()
      let count = poller.wait(timers.wait(from: now))
      now = Clock.milliseconds()
      for index in 0..<count {
        let (token, readiness) = poller.event(index)
        if token.kind == .mailbox { readMail() } else { event(token, readiness) }
        if mailbox.isStopped { return }
      }
      while let entry = timers.popDue(at: now) {
        timer(entry.token)
        if mailbox.isStopped { return }
      }
      startWaiting()
    }
  }

  private func readMail() {
    for command in mailbox.takeAll() {
      switch command {
      case .adopt(let targets): adopt(targets)
      case .pause(let id): pause(id)
      case .resume(let id): resume(id)
      case .checkSoon(let id): checkSoon(id)
      case .record(let result, let id):
        if let server = server(id), !server.isPaused { note(result, server) }
      }
    }
  }

  private func server(_ id: ServerID) -> CheckedServer? { serials[id].flatMap { servers[$0] } }

  private func adopt(_ targets: [(target: ProbeTarget, settings: ProxyConfiguration.Health)]) {
    var contexts:
      [(tls: ProxyConfiguration.UpstreamTLS, made: Result<TLSContext, TLSContextError>)] =
        []
    let wanted = Set(targets.map(\.target.id))
    for id in serials.keys where !wanted.contains(id) { remove(id) }
    paused.formIntersection(wanted)
    for (target, settings) in targets {
      if let old = server(target.id), old.target == target {
        let isSlower = old.check.settings.interval > settings.interval
        old.check.settings = settings
        if isSlower { schedule(old, at: min(old.due, now + spread(settings))) }
        continue
      }
      remove(target.id)
      let context = target.tls.map { tls in
        if let known = contexts.first(where: { $0.tls == tls }) { return known.made }
        let made = Result { () throws(TLSContextError) in try TLSContext(upstream: tls) }
        contexts.append((tls, made))
        return made
      }
      insert(target, settings, context)
    }
  }

  private func insert(
    _ target: ProbeTarget, _ settings: ProxyConfiguration.Health,
    _ context: Result<TLSContext, TLSContextError>?
  ) {
    repeat { nextSerial &+= 1 } while servers[nextSerial] != nil
    let server = CheckedServer(
      target, HealthCheck(settings), serial: nextSerial, context: context)
    servers[nextSerial] = server
    serials[target.id] = nextSerial
    server.isPaused = paused.contains(target.id)
    mailbox.publish(server.check.report, of: target.id)
    schedule(server, at: now + spread(settings))
  }

  private func spread(_ settings: ProxyConfiguration.Health) -> Int64 {
    Int64.random(in: 0..<max(1, min(settings.interval.milliseconds, Self.firstWithin)))
  }

  private func remove(_ id: ServerID) {
    guard let serial = serials.removeValue(forKey: id) else { return }
    if let server = servers.removeValue(forKey: serial) { abandon(server) }
    mailbox.forget(id)
  }

  private func pause(_ id: ServerID) {
    paused.insert(id)
    guard let server = server(id) else { return }
    server.isPaused = true
    abandon(server)
    server.nextAppointment()
  }

  private func resume(_ id: ServerID) {
    paused.remove(id)
    guard let server = server(id), server.isPaused else { return }
    server.isPaused = false
    schedule(server, at: now)
  }

  private func checkSoon(_ id: ServerID) {
    guard let server = server(id), server.probe == nil, !server.isWaiting else { return }
    let pause = server.check.settings.fastInterval.milliseconds
    let earliest = server.lastStart.map { max(now, $0 + pause) } ?? now
    if earliest < server.due { schedule(server, at: earliest) }
  }

  private func schedule(_ server: CheckedServer, at time: Int64) {
    guard server.target.isProbedHere, !server.isPaused, server.probe == nil, !server.isWaiting
    else { return }
    server.nextAppointment()
    server.due = time
    timers.add(server.timerToken, at: time)
  }

  private func timer(_ token: Token) {
    guard let server = servers[token.id.index] else { return }
    if token == server.timerToken, token.kind == .listener { return begin(server) }
    guard token == server.probeToken, let probe = server.probe else { return }
    let limit = server.check.settings.timeout
    finish(
      server, .bad("timed out after \(Self.words(limit)) while \(probe.awaited)"))
  }

  private func event(_ token: Token, _ readiness: Readiness) {
    guard let server = servers[token.id.index], token == server.probeToken,
      let finding = server.probe?.advance(readiness, room)
    else { return }
    finish(server, finding)
  }

  private func begin(_ server: CheckedServer) {
    guard server.probe == nil, !server.isPaused, !server.isWaiting else { return }
    guard inFlight < Self.inFlightLimit else {
      server.isWaiting = true
      waiting.append(server.serial)
      return
    }
    server.nextTurn()
    server.nextAppointment()
    server.lastStart = now
    if let trouble = server.contextTrouble { return finish(server, .bad(trouble)) }
    do throws(SocketError) {
      let probe = try Probe(server.target, server.context, room)
      guard poller.add(probe.number, server.probeToken) else { return tryAgain(server) }
      server.probe = probe
      inFlight += 1
      timers.add(server.probeToken, at: now + server.check.settings.timeout.milliseconds)
    } catch {
      // What this machine lacks says nothing of the server.
      if error.isExhaustion { return tryAgain(server) }
      finish(server, Probe.unreachable(error.errno))
    }
  }

  private func tryAgain(_ server: CheckedServer) {
    schedule(server, at: now + server.check.settings.interval.milliseconds)
  }

  private func startWaiting() {
    guard !waiting.isEmpty, inFlight < Self.inFlightLimit else { return }
    let count = min(waiting.count, Self.inFlightLimit - inFlight)
    let serials = waiting.prefix(count)
    waiting.removeFirst(count)
    for serial in serials {
      guard let server = servers[serial], server.isWaiting else { continue }
      server.isWaiting = false
      begin(server)
    }
  }

  /// Ends a check without a result.
  private func abandon(_ server: CheckedServer) {
    server.isWaiting = false
    guard let probe = server.probe else { return }
    probe.close(room)
    server.probe = nil
    inFlight -= 1
  }

  private func finish(_ server: CheckedServer, _ finding: ProbeFinding) {
    let start = server.probe?.start
    let took = start.map { Duration.microseconds(max(0, Clock.microseconds() - $0)) } ?? .zero
    abandon(server)
    let text = finding.isGood ? "\(finding.text) in \(Self.words(took))" : finding.text
    let result = ProbeResult(
      isGood: finding.isGood, text: text, took: took, agent: finding.agent)
    note(result, server)
    // `onChange` has no way into this loop but the mailbox, so the server is still here.
    let pause = server.check.pause(draw: .random(in: 0..<1))
    schedule(server, at: max(now, (server.lastStart ?? now) + pause))
  }

  private func note(_ result: ProbeResult, _ server: CheckedServer) {
    let change = server.check.note(result, at: now, unix: Clock.unixSeconds())
    mailbox.publish(server.check.report, of: server.target.id)
    if change != .none { onChange(server.target.id, server.check.report) }
  }

  /// "3 ms", "1 s", "1500 ms".
  static func words(_ span: Duration) -> String {
    guard span >= .milliseconds(1) else { return "under 1 ms" }
    let milliseconds = span.milliseconds
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}
