/// Following a request: whose trace it belongs to, and what is told of it when it is over.
extension Worker {
  /// Begins a trace, or goes on with that of a client whom the file trusts; the request's head lies in
  /// the intake.
  mutating func beginTrace(_ id: SlotID) {
    guard let plan = snapshot.tracing else { return }
    let kept = keptParent(id, plan)
    let own = clients[id].exchange.requestID
    let record = TraceRecord(
      trace: kept?.trace ?? own, parent: kept?.span, span: requestIDs.next().low | 1,
      isSampled: kept?.isSampled ?? (own.low % 1_000_000 < plan.sampledPerMillion))
    if record.isSampled {
      let head = intake.prefix(requestHead.byteCount)
      record.method = String(copying: head.extracting(requestHead.methodText))
      record.host = String(copying: head.extracting(requestHead.host))
      // Of an absolute target what follows the host.
      let path = head.extracting(Int(requestHead.path.start)..<Int(requestHead.target.end))
      record.path = String(copying: path.extracting(first: Self.tracedPathLimit))
    }
    clients[id].exchange.trace = record
    clients[id].exchange.traceID = record.trace
  }

  private static var tracedPathLimit: Int { 1024 }

  /// The client's own, where it may be believed; then it is written anew with our span in it, and what
  /// came is not forwarded. Without it its `tracestate` means nothing.
  private mutating func keptParent(
    _ id: SlotID, _ plan: ProxyConfiguration.Tracing
  ) -> TraceParent? {
    let head = intake.prefix(requestHead.byteCount)
    var parent: TraceParent?
    var count = 0
    for index in requestHead.fields.indices where requestHead.fields[index].known == .trace {
      let field = requestHead.fields[index]
      guard head.extracting(field.name).isEqual("traceparent") else { continue }
      requestHead.fields[index].isDropped = true
      parent = TraceParent(parsing: head.extracting(field.value))
      count += 1
    }
    if count == 1, parent != nil,
      plan.trusted.allows(clients[id].address, at: Clock.unixSeconds())
    {
      return parent
    }
    for index in requestHead.fields.indices where requestHead.fields[index].known == .trace {
      requestHead.fields[index].isDropped = true
    }
    return nil
  }

  /// What the first server is told; a later one gets a span of its own.
  func traceParent(_ id: SlotID) -> TraceParent? {
    clients[id].exchange.trace.map {
      TraceParent(trace: $0.trace, span: $0.span, isSampled: $0.isSampled)
    }
  }

  /// A server is tried: its span is the parent of what it does.
  mutating func beginTry(_ id: SlotID, _ server: Int) {
    guard let record = clients[id].exchange.trace else { return }
    let span = requestIDs.next().low | 1
    record.begin(
      TraceRecord.Try(
        span: span, server: snapshot.servers[server].name,
        address: "\(snapshot.servers[server].address)", began: nowMicros))
    let parent = TraceParent(trace: record.trace, span: span, isSampled: record.isSampled)
    clients[id].exchange.tellSpan(of: parent)
  }

  mutating func endTrace(_ id: SlotID) {
    guard let record = clients[id].exchange.trace else { return }
    clients[id].exchange.trace = nil
    let ending = clients[id].exchange.ending
    record.end(ending, at: nowMicros)
    guard record.isSampled else { return }
    let offset = Clock.unixMicroseconds() - nowMicros
    func nanoseconds(_ micros: Int64) -> Int64 { (micros + offset) * 1000 }
    let exchange = clients[id].exchange.times
    let route = clients[id].exchange.route.flatMap { index in
      clients[id].exchange.snapshot?.routes[index].name
    }
    log(
      .traced(
        FinishedTrace(
          trace: record.trace.description, parent: record.parent.map(RequestID.digits),
          span: RequestID.digits(record.span),
          requestID: clients[id].exchange.requestID.description,
          began: nanoseconds(exchange.began), ended: nanoseconds(nowMicros),
          client: "\(clients[id].exchange.client ?? clients[id].address)",
          listener: clients[id].origin.name, isTLS: clients[id].origin.isTLS,
          method: record.method, host: record.host, path: record.path, route: route,
          backend: clients[id].exchange.backend.map { snapshot.backends[$0].name },
          status: clients[id].exchange.status, ending: ending,
          tries: record.tries.map { one in
            FinishedTrace.Try(
              span: RequestID.digits(one.span), server: one.server, address: one.address,
              began: nanoseconds(one.began), ended: nanoseconds(one.ended),
              failure: one.ending.flatMap { $0.isOfServer ? "\($0.reason)" : nil })
          })))
  }
}

extension Ending {
  /// The server, or the way to it, was at fault.
  var isOfServer: Bool {
    switch self {
    case .connectFailed, .connectTimedOut, .serverGone, .serverTimedOut, .badResponse,
      .serverGoneInData, .serverStalled, .outOfSockets, .roleLost:
      true
    case .done, .tunnelEnded, .redirected, .answeredHere, .malformed, .forbidden, .noRoute,
      .misdirected, .bodyTooLarge, .malformedBody, .requestTimedOut, .bodyTimedOut,
      .bodyTimedOutInData, .clientGoneInHead, .clientGoneInQueue, .clientGoneInConnect,
      .clientGoneInWait, .clientGoneInData, .clientStalled, .queueFull, .queueTimedOut, .noServer,
      .banned, .policyChanged, .drained:
      false
    }
  }
}

extension Exchange {
  private static let needle = Array("\r\ntraceparent: 00-".utf8)

  /// Writes the span into the head that waits to be sent: no other field can hold what leads to it, for
  /// no value has a line's end in it.
  mutating func tellSpan(of parent: TraceParent) {
    let head = min(requestHeadCount, request.count)
    guard let start = request.bytes.extracting(0..<head).position(of: Self.needle) else { return }
    let place = start + Self.needle.count - 3
    guard place + TraceParent.digitCount <= head else { return }
    let digits = [UInt8](capacity: TraceParent.digitCount) { parent.write(into: &$0) }
    request.overwrite(at: place, with: digits)
  }
}

extension Span<UInt8> {
  fileprivate func position(of needle: [UInt8]) -> Int? {
    guard count >= needle.count else { return nil }
    for start in 0...(count - needle.count) where self[start] == needle[0] {
      var length = 1
      while length < needle.count, self[start + length] == needle[length] { length += 1 }
      if length == needle.count { return start }
    }
    return nil
  }
}
