/// The access log: what a request said is noted while its head is there, the line is written when its
/// exchange is settled, and lines go to the log's queue at the end of a turn.
extension Worker {
  static let lineCapacity = 128 << 10

  /// Notes the request whose head was just parsed, and lies in the intake.
  mutating func noteRequest(_ id: SlotID) {
    guard let log = snapshot.log else { return }
    clients[id].note.take(requestHead, intake.prefix(requestHead.byteCount), log.plan)
  }

  /// Writes the line of an exchange that has just ended.
  mutating func logExchange(_ id: SlotID) {
    guard let log = snapshot.log else { return }
    if Self.lineCapacity - lineEnd < LogLine.limit { handOverLines() }
    var note = clients[id].note
    // Its head was understood, and is gone: the log is younger than the request.
    if note.isEmpty, clients[id].exchange.snapshot != nil, !clients[id].exchange.isStream {
      note = RequestNote(
        of: clients[id].exchange.method, isHTTP10: clients[id].exchange.isHTTP10)
    }
    let exchange = logged(id)
    let memory = lineMemory
    var output = memory.output(at: lineEnd)
    log.write(exchange, note, into: &output)
    lineEnd += output.count
    lineCount &+= 1
  }

  /// Gives the lines of this turn to the thread that writes them.
  mutating func handOverLines() {
    guard lineEnd > 0 else { return }
    let outcome = snapshot.log?.queue.add(lineMemory, 0..<lineEnd, lines: lineCount, at: now)
    lineEnd = 0
    lineCount = 0
    guard case .droppedAndUntold = outcome, let log = snapshot.log else { return }
    self.log(
      .trouble(
        "the access log is not written as fast as it grows: \(log.queue.counters.dropped) lines "
          + "lost so far; see `log.buffer`"))
  }

  private mutating func logged(_ id: SlotID) -> LoggedExchange {
    var logged = LoggedExchange()
    logged.endedAt = LogText.unixMilliseconds()
    logged.ended = nowMicros
    logged.times = clients[id].exchange.times
    logged.client = clients[id].exchange.client ?? clients[id].address
    logged.port = logged.client == clients[id].address ? clients[id].port : 0
    logged.listener = clients[id].origin.index
    logged.route = currentRoute(id)
    logged.backend = clients[id].exchange.backend
    if let backend = logged.backend, let member = clients[id].exchange.server {
      logged.server = snapshot.backends[backend].servers.lowerBound + member
      logged.load.server = balancers[backend].members[member].active
    }
    if let backend = logged.backend {
      for member in balancers[backend].members { logged.load.backend += member.active }
      logged.load.queue = queues[backend].count
    }
    logged.load.clients = clients.count
    logged.isStream = clients[id].exchange.isStream
    logged.status = clients[id].exchange.status
    logged.bytesIn = clients[id].exchange.bytesIn &+ clients[id].exchange.requestBodyBytes
    logged.bytesOut = clients[id].exchange.bytesOut
    logged.retries = clients[id].exchange.retries
    let ending = clients[id].exchange.ending
    logged.ending = ending
    logged.reason = clients[id].exchange.detail ?? ending.reason
    logged.requestID = clients[id].exchange.requestID
    logged.traceID = clients[id].exchange.traceID
    logged.judgement = judgement(id)
    if clients[id].origin.isTLS { logged.tls = handshakeFacts(id) }
    return logged
  }

  private mutating func handshakeFacts(_ id: SlotID) -> LoggedExchange.TLS? {
    guard let version = clients[id].transport.tls?.version,
      let cipher = clients[id].transport.tls?.cipher
    else { return nil }
    return LoggedExchange.TLS(
      version: version, cipher: cipher,
      isResumed: clients[id].transport.tls?.isResumed ?? false,
      serverName: clients[id].serverName, clientName: clients[id].clientName)
  }

  /// What the rules for requests said; where nobody asked them, what was said of the connection.
  private func judgement(_ id: SlotID) -> Judgement {
    var judgement = clients[id].exchange.judgement
    guard judgement.verdict == .none else { return judgement }
    if clients[id].isAudited {
      judgement.verdict = .audit
    } else if clients[id].origin.admission.access != nil {
      judgement.verdict = .allow
    }
    return judgement
  }
}
