/// The books: each exchange is counted once, when it ends, whatever ended it.
extension Worker {
  /// Opens an exchange's books; its head has come whole, or as much of it as there will be.
  mutating func openBooks(_ id: SlotID, headBytes: Int) {
    let since = clients[id].headSince.map { $0 * 1000 } ?? nowMicros
    clients[id].exchange.isOpen = true
    clients[id].exchange.times.began = min(since, nowMicros)
    clients[id].exchange.times.started = nowMicros
    clients[id].exchange.bytesIn = UInt64(headBytes)
    clients[id].headSince = nil
    // Of the request before; a head that was understood is noted by whoever has it.
    clients[id].note.removeAll()
  }

  /// A client who leaves in the middle of a head has begun a request, too.
  mutating func settleBrokenHead(_ id: SlotID) {
    guard clients[id].phase == .head, clients[id].headSince != nil, !clients[id].exchange.isOpen
    else { return }
    clients[id].exchange = Exchange()
    clients[id].exchange.requestID = requestIDs.next()
    openBooks(id, headBytes: clients[id].inbound.count)
    settle(id, .clientGoneInHead)
  }

  /// Closes them, if they are open: counts the exchange. The client may not have all of it yet.
  mutating func settle(_ id: SlotID, _ ending: Ending) {
    guard clients[id].exchange.isOpen else { return }
    clients[id].exchange.isOpen = false
    if ending != .done, ending != clients[id].exchange.ending {
      clients[id].exchange.ending = ending
      clients[id].exchange.detail = nil
    }
    logExchange(id)
    let status = clients[id].exchange.status
    let bytesIn = clients[id].exchange.bytesIn &+ clients[id].exchange.requestBodyBytes
    let bytesOut = clients[id].exchange.bytesOut
    let times = clients[id].exchange.times
    let total = nowMicros - times.started
    if let listener = clients[id].origin.index {
      meters.listeners[listener].responses.add(status)
      meters.listeners[listener].bytesIn &+= bytesIn
      meters.listeners[listener].bytesOut &+= bytesOut
      let place = meters.place(listener: listener, route: currentRoute(id))
      meters.routes[place].responses.add(status)
      meters.routes[place].duration.add(total)
    }
    let backend = clients[id].exchange.backend ?? snapshot.backends.count
    meters.backends[backend].responses.add(status)
    meters.backends[backend].add(clients[id].exchange.ending)
    endTrace(id)
    guard clients[id].exchange.backend != nil else { return }
    meters.backends[backend].total.add(total)
    countPhases(backend, times)
    guard let member = clients[id].exchange.server else { return }
    let server = snapshot.backends[backend].servers.lowerBound + member
    meters.servers[server].bytesIn &+= bytesIn
    meters.servers[server].bytesOut &+= bytesOut
  }

  /// Only what was reached.
  private mutating func countPhases(_ backend: Int, _ times: ExchangeTimes) {
    meters.backends[backend].queue.add(
      (times.placed > 0 ? times.placed : nowMicros) - times.started)
    guard times.placed > 0, times.connected > 0 else { return }
    meters.backends[backend].connect.add(times.connected - times.placed)
    guard times.answered > 0 else { return }
    meters.backends[backend].firstByte.add(times.answered - times.connected)
  }

  /// The exchange's route by its index in the current snapshot; nil where none took it.
  func currentRoute(_ id: SlotID) -> Int? {
    guard let route = clients[id].exchange.route, let own = clients[id].exchange.snapshot else {
      return nil
    }
    guard own !== snapshot else { return route }
    let name = own.routes[route].name
    return snapshot.routes.firstIndex { $0.name == name }
  }

  /// The client has gone, or broke off: what his exchange was at just then.
  func clientGone(_ id: SlotID) -> Ending {
    // Its answer was whole before that was seen.
    if clients[id].exchange.responsePhase == .done { return clients[id].exchange.ending }
    if clients[id].phase == .head { return .clientGoneInHead }
    if clients[id].phase == .tunnel, !clients[id].exchange.isQueued { return .clientGoneInData }
    if clients[id].exchange.responsePhase != .awaited { return .clientGoneInData }
    if clients[id].exchange.isQueued { return .clientGoneInQueue }
    guard let upstream = clients[id].exchange.upstream, upstreams.contains(upstream) else {
      return .clientGoneInWait
    }
    switch upstreams[upstream].phase {
    case .connecting, .handshaking: return .clientGoneInConnect
    case .busy, .idle, .closed: return .clientGoneInWait
    }
  }

  /// What is counted while the loop runs: how long a turn kept others waiting, now and then.
  mutating func measureTurn() {
    turns &+= 1
    guard turns & 15 == 0 else { return }
    turnTimes.add(Clock.microseconds() - nowMicros)
  }

  /// Counters of the current snapshot, with what is open now.
  func trafficReport() -> TrafficReport {
    var meters = meters
    for index in meters.listeners.indices { meters.listeners[index].connections = 0 }
    for id in clients.ids() where clients[id].phase != .closed {
      if let listener = clients[id].origin.index { meters.listeners[listener].connections &+= 1 }
    }
    return TrafficReport(meters, snapshot)
  }
}

extension Worker {
  mutating func countHandshake(_ id: SlotID) {
    counters.handshakes &+= 1
    let isResumed = clients[id].transport.tls?.isResumed == true
    if isResumed { counters.handshakesResumed &+= 1 }
    guard let listener = clients[id].origin.index else { return }
    meters.listeners[listener].handshakes &+= 1
    let version: HandshakeMeter.Version =
      clients[id].transport.tls?.isVersion13 == true ? .tls13 : .tls12
    meters.listeners[listener].tls.add(version, isResumed: isResumed)
  }

  mutating func countHandshakeFailure(_ id: SlotID, _ failure: HandshakeMeter.Failure) {
    counters.handshakeFailures &+= 1
    if let listener = clients[id].origin.index {
      meters.listeners[listener].handshakeFailures &+= 1
      meters.listeners[listener].tls.add(failure)
    }
  }
}

extension Exchange {
  /// How it ends when it is answered so: a fault of its last server says more than the reply.
  func ending(for reply: Reply) -> Ending {
    switch reply {
    case .badGateway, .noServer: fault ?? reply.ending
    case .refused, .badPath, .forbidden, .noRoute, .misdirected, .contentTooLarge, .headTooLarge,
      .requestTimeout, .gatewayTimeout, .noPrimary, .queueFull, .queueTimeout:
      reply.ending
    }
  }
}
