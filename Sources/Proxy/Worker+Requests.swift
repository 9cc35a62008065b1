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
    if case .backend(let route, let backend) = decision {
      clients[id].exchange.route = route
      clients[id].exchange.bodyLimit = snapshot.routes[route].bodyLimit
      forward(id, to: backend)
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
    case .close: abort(client: id)
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
    case backend(route: Int, Int)
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
    let verifier = clients[id].verifier
    let isAllowed =
      clients[id].origin.isTLS
      ? clients[id].origin.newest?.allows(host: host, over: verifier) ?? false
      : !clients[id].origin.isGone
    guard isAllowed else {
      clients[id].exchange.keepsAlive = false
      return .refuse(.misdirected)
    }
    guard
      let route = snapshot.routing.lookup(host: host, path: scratch.bytes(0..<pathCount))
    else { return .refuse(.noRoute) }
    // A route without a host takes every host that the connection's certificates name; HTTP/1.0 may
    // come without one.
    if snapshot.routes[route].isForAnyHost, !host.isEmpty,
      clients[id].origin.selector?.covers(host: host) == false
    {
      return .refuse(.misdirected)
    }
    if case .length(let count) = requestHead.framing, count > snapshot.routes[route].bodyLimit {
      return .refuse(.contentTooLarge)
    }
    switch snapshot.routes[route].action {
    case .backend(let backend): return .backend(route: route, backend)
    case .redirect: return .redirect(route: route)
    case .local: return .local(route: route)
    }
  }

  private mutating func forward(_ id: SlotID, to backend: Int) {
    clients[id].exchange.backend = backend
    let context = RequestContext(
      address: clients[id].exchange.client ?? clients[id].address, isTLS: clients[id].origin.isTLS,
      listenerPort: clients[id].origin.port, requestID: clients[id].exchange.requestID,
      certificate: clients[id].certificate)
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

  /// Gives the exchange a connection to a server, and the request to that connection.
  ///
  /// `isFresh`: a new connection, to any server; else an idle one if there is one, and not to the
  /// server that was tried last.
  mutating func dispatch(_ id: SlotID, isFresh: Bool = false) {
    guard clients[id].exchange.snapshot === snapshot else { return answer(id, .badGateway) }
    let backend = clients[id].exchange.backend
    while clients[id].exchange.attempts < Self.attempts {
      let excluded =
        clients[id].exchange.attempts > 0 && !isFresh ? clients[id].exchange.server : nil
      guard let member = balancers[backend].next(now: now, excluding: excluded) else { break }
      clients[id].exchange.server = member
      clients[id].exchange.attempts += 1
      clients[id].exchange.requestGiven = 0
      clients[id].exchange.isRequestRefused = false
      let server = snapshot.backends[backend].servers.lowerBound + member
      switch connect(id, to: server, isFresh: isFresh) {
      case .under: return
      case .failed(let reason): setAside(server, reason: reason)
      case .exhausted:
        // Ours is the lack, so no server is to blame, and no other would be better.
        complain("no socket for a connection to a server: \(Self.limitHint)")
        return answer(id, .noServer)
      }
    }
    answer(id, .noServer)
  }

  /// The first try, and one on another server where no request byte can have had an effect.
  private static var attempts: Int { 2 }

  private enum Connecting {
    case under
    case failed(reason: String)
    /// Out of descriptors, memory or ports.
    case exhausted
  }

  private mutating func connect(_ id: SlotID, to server: Int, isFresh: Bool) -> Connecting {
    servers[server].requests &+= 1
    if !isFresh, let idle = takeIdle(server) {
      servers[server].active += 1
      clients[id].exchange.upstream = idle
      upstreams[idle].client = id
      upstreams[idle].phase = .busy
      pushRequest(id)
      return .under
    }
    do throws(SocketError) {
      guard let upstream = try openConnection(to: server) else { return .exhausted }
      servers[server].active += 1
      clients[id].exchange.upstream = upstream
      upstreams[upstream].client = id
      return .under
    } catch {
      return error.isExhaustion ? .exhausted : .failed(reason: error.reason)
    }
  }

  /// The connection used last: its caches are warm, and those not needed grow old and are closed.
  private mutating func takeIdle(_ server: Int) -> SlotID? {
    while let id = servers[server].idle.popLast() {
      guard upstreams.contains(id), upstreams[id].phase == .idle else { continue }
      upstreams[id].isReused = true
      return id
    }
    return nil
  }

  /// Nil when memory, or the poller's room, is short.
  private mutating func openConnection(to server: Int) throws(SocketError) -> SlotID? {
    let plan = snapshot.servers[server]
    let backend = snapshot.backends[plan.backend]
    let socket = try Socket.connect(to: plan.address)
    var stream: TLSStream?
    if let context = backend.tls {
      stream = TLSStream.connecting(context, name: backend.tlsName, over: ciphertext)
      guard stream != nil else { return nil }
    }
    let number = socket.number
    let id = upstreams.insert(
      UpstreamConnection(
        Transport(socket, tls: stream.take()), snapshot: snapshot, server: server, now: now))
    guard poller.add(number, Token(.upstream, id)) else {
      upstreams.remove(id)
      return nil
    }
    arm(upstream: id)
    return id
  }

  /// A server that can't be reached gets nothing for a while.
  mutating func setAside(_ server: Int, reason: String) {
    let plan = snapshot.servers[server]
    let member = server - snapshot.backends[plan.backend].servers.lowerBound
    counters.connectFailures &+= 1
    if !balancers[plan.backend].isSetAside(member, now: now) {
      log(
        .serverSetAside(
          backend: snapshot.backends[plan.backend].name, server: plan.name, reason: reason))
    }
    balancers[plan.backend].setAside(member, until: now + snapshot.times.setAside)
  }
}
