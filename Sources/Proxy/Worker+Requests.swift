/// From a request's head to a server that gets it.
extension Worker {
  /// Begins the exchange whose head has just been parsed.
  mutating func begin(_ id: SlotID) {
    counters.requests &+= 1
    clients[id].requestCount += 1
    if WarmConnections.comesIn(requestCount: clients[id].requestCount) { keepWarm(id) }
    clients[id].enter(.exchange, at: now)
    fillExchange(id)
    let decision = decide(id)
    if case .backend(let route, let backend, let pathCount) = decision {
      clients[id].exchange.route = route
      clients[id].exchange.bodyLimit = snapshot.routes[route].bodyLimit
      forward(id, to: backend, pathCount: pathCount)
      return
    }
    let count = requestHead.byteCount
    switch decision {
    case .backend: return
    case .local(let route):
      clients[id].exchange.route = route
      beginLocal(id)
    case .refuse(let reply): answer(id, reply)
    case .challenge(let body): answerChallenge(id, body)
    case .close: abort(client: id, .forbidden)
    case .redirectToHTTPS(let port): redirectToHTTPS(id, port: port)
    case .redirect(let route):
      clients[id].exchange.route = route
      redirect(id, route: route)
    }
    intake.consume(count)
  }

  private mutating func keepWarm(_ id: SlotID) {
    guard clients[id].transport.tls?.keepsBuffers == false else { return }
    clients[id].transport.tls?.keepsBuffers = true
    guard let out = warm.insert(id), clients.contains(out) else { return }
    clients[out].transport.tls?.keepsBuffers = false
  }

  private enum Decision {
    /// The normalised path lies in the scratch.
    case backend(route: Int, Int, pathCount: Int)
    case local(route: Int)
    case challenge([UInt8])
    case close
    case redirect(route: Int)
    case redirectToHTTPS(port: UInt16)
    case refuse(Reply)
  }

  private mutating func fillExchange(_ id: SlotID) {
    let isOld =
      clients[id].requestCount >= snapshot.limits.requestsPerConnection
      || now - clients[id].acceptedAt >= snapshot.times.connectionAge
    clients[id].exchange = Exchange(
      requestHead, id: requestIDs.next(),
      keepsAlive: requestHead.keepsAlive && !isOld && !isDraining,
      snapshot: snapshot, now: now)
    openBooks(id, headBytes: requestHead.byteCount)
    noteRequest(id)
    beginTrace(id)
  }

  /// Which route takes the request, or why none does.
  private mutating func decide(_ id: SlotID) -> Decision {
    if selectors.hasHTTPChallenges || clients[id].isForChallenge {
      let path = intake.prefix(requestHead.byteCount).extracting(requestHead.path)
      if let body = selectors.challengeBody(for: path) { return .challenge(body) }
      if clients[id].isForChallenge { return .close }
    }
    let redirectPort = clients[id].origin.redirectToHTTPSPort
    let requests = clients[id].origin.admission.requests
    if let redirectPort, requests == nil { return .redirectToHTTPS(port: redirectPort) }
    let head = intake.prefix(requestHead.byteCount)
    let scratch = scratch
    var normalised = scratch.output(at: 0)
    guard PathNormalizer.normalise(head.extracting(requestHead.path), into: &normalised) else {
      counters.requestsRefused &+= 1
      return .refuse(.badPath)
    }
    let pathCount = normalised.count
    if let requests, let reply = refusal(id, requests, pathCount: pathCount) {
      return .refuse(reply)
    }
    if let redirectPort { return .redirectToHTTPS(port: redirectPort) }
    let host = head.extracting(requestHead.host)
    guard isServed(host, over: id) else {
      clients[id].exchange.keepsAlive = false
      return .refuse(.misdirected)
    }
    let destination = snapshot.destination(
      host: host, path: scratch.bytes(0..<pathCount), framing: requestHead.framing,
      over: clients[id].origin.selector)
    switch destination {
    case .refuse(let reply): return .refuse(reply)
    case .route(let route):
      switch snapshot.routes[route].action {
      case .backend(let backend):
        return .backend(route: route, backend, pathCount: pathCount)
      case .redirect: return .redirect(route: route)
      case .local: return .local(route: route)
      }
    }
  }

  /// Whether the newest terms let this connection ask for this host.
  private func isServed(_ host: Span<UInt8>, over id: SlotID) -> Bool {
    guard clients[id].origin.isTLS else { return !clients[id].origin.isGone }
    let verifier = clients[id].verifier
    return clients[id].origin.newest?.allows(host: host, over: verifier) ?? false
  }

  /// What the request wants of its server; its head lies in the intake, its path normalised in the
  /// scratch.
  private mutating func wish(_ id: SlotID, _ backend: Int, pathCount: Int) {
    guard snapshot.choosesByRequest[backend] else { return }
    let scratch = scratch
    let (wish, isWrite) = snapshot.backends[backend].wish(
      requestHead, intake.prefix(requestHead.byteCount), path: scratch.bytes(0..<pathCount),
      client: clients[id].exchange.client ?? clients[id].address)
    clients[id].exchange.wish = wish
    clients[id].exchange.isWrite = isWrite
  }

  private mutating func forward(_ id: SlotID, to backend: Int, pathCount: Int) {
    clients[id].exchange.backend = backend
    wish(id, backend, pathCount: pathCount)
    let context = RequestContext(
      address: clients[id].exchange.client ?? clients[id].address, isTLS: clients[id].origin.isTLS,
      listenerPort: clients[id].origin.port, requestID: clients[id].exchange.requestID,
      certificate: clients[id].certificate, trace: traceParent(id))
    let scratch = scratch
    let host = snapshot.backends[backend].host
    var output = scratch.output(at: 0)
    let fits = HeadWriter.writeRequest(
      requestHead, intake.prefix(requestHead.byteCount), context, host: host.span, into: &output)
    let count = output.count
    intake.consume(requestHead.byteCount)
    guard fits else { return answer(id, .headTooLarge) }
    clients[id].exchange.request.append(scratch.bytes(0..<count))
    clients[id].exchange.requestHeadCount = count
    // The part of the body that came with the head goes out with it, in one send.
    relayRequestBody(id, push: false)
    guard clients[id].phase == .exchange else { return }
    dispatch(id)
  }
}
