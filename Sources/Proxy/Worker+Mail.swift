/// What follows a command from the control thread.
extension Worker {
  mutating func obey(_ command: Command) {
    switch command {
    case .adopt(let snapshot, let selectors, let listeners, let standings):
      adopt(snapshot, selectors, listeners, standings)
    case .adoptSelectors(let parcel): adopt(parcel)
    case .useTicketKeys(let keys): selectors.use(keys)
    case .answer(let challenges):
      if let trouble = selectors.answer(challenges) { log(.trouble(trouble)) }
    case .serve(let socket, let listener): serve(socket, listener)
    case .stand(let standings): stand(standings)
    case .serveQueue(let backend, let others): serveQueue(named: backend, others: others)
    case .tellOfServer(let key, let backend, let number):
      tell(ofServer: key, in: backend, number)
    case .eject(let key, let backend, let until, let reason):
      takeOut(key, in: backend, until: until, reason: reason)
    case .ban(let client, let until): ban(client, until: until)
    case .unban(let client): bans.remove(client)
    case .report(let request): request.answer(report())
    case .deliver(let response, let id, let request): deliver(response, to: id, of: request)
    case .publish(let bytes): publish(bytes)
    case .endEventStreams: endEventStreams()
    case .drain: drain()
    case .stop: phase = .stopped
    }
  }

  /// Connections keep the certificates they were made under; the terms for their next requests are
  /// the new ones.
  private mutating func adopt(_ certificates: Parcel<Selectors>) {
    guard let chosen = certificates.take() else { return }
    selectors = chosen
    refreshListeners()
    for id in clients.ids() where !clients[id].origin.isGone {
      clients[id].origin.newest = selectors[clients[id].origin.name]
    }
    askTermsAnew()
  }

  /// Connections whose host now asks other terms of its clients: what is idle ends, so that its client
  /// comes again under the new ones, and so do tunnels; a request under way is answered.
  mutating func askTermsAnew() {
    for id in clients.ids() {
      let isIdle = clients[id].phase == .head && clients[id].inbound.isEmpty
      guard isIdle || clients[id].phase == .tunnel, clients[id].origin.isTLS else { continue }
      let name = clients[id].serverName
      let verifier = clients[id].verifier
      if clients[id].origin.newest?.allows(host: name.span, over: verifier) == true { continue }
      if isIdle { endClient(id) } else { abort(client: id, .policyChanged) }
    }
  }

  private func report() -> WorkerReport {
    var list: [WorkerReport.Server] = []
    for (group, backend) in snapshot.backends.enumerated() {
      var queued = [Int](repeating: 0, count: backend.servers.count)
      for id in queues[group].all where clients.contains(id) {
        if let member = clients[id].exchange.wish.stuckTo, queued.indices.contains(member) {
          queued[member] += 1
        }
      }
      for index in backend.servers {
        let member = index - backend.servers.lowerBound
        list.append(
          WorkerReport.Server(
            backend: backend.name, name: snapshot.servers[index].name,
            weight: balancers[group].members[member].standing.weight / 100,
            isSetAside: balancers[group].isEjected(member, at: now),
            ejectReason: balancers[group].members[member].ejection.reason,
            ejectedFor: balancers[group].ejectedFor(member, at: now),
            active: balancers[group].members[member].active,
            queued: queued[member], idle: servers[index].idle.count,
            requests: meters.servers[index].requests))
      }
    }
    let queued = Dictionary(
      zip(snapshot.backends.map(\.name), queues.map(\.count))
    ) { first, _ in first }
    return WorkerReport(
      worker: self.index, clients: clients.count, counters: counters, servers: list,
      queued: queued, traffic: trafficReport(), turnTimes: turnTimes,
      refusedSources: refusedSources.all)
  }

  /// Takes nothing new, ends what is idle, and lets what runs finish.
  private mutating func drain() {
    guard case .running = phase else { return }
    // Accept what already waits: a socket closed with a queue resets it (operations.md, 4.1).
    for id in listeners.ids() {
      // More than any queue holds (net.core.somaxconn is 4096).
      for _ in 0..<Self.drainedAccepts { accept(id) }
      poller.remove(listeners[id].socket.number)
      listeners.remove(id)
    }
    phase = .draining(since: now)
    // Nothing else may happen until then, and the wait must end.
    timers.add(Token(.mailbox, SlotID(index: 0, generation: 1)), at: now + snapshot.times.drain)
    for id in clients.ids() where clients[id].phase == .head && clients[id].inbound.isEmpty {
      endClient(id)
    }
    endEventStreams()
  }

  private static var drainedAccepts: Int { 64 }

  mutating func endDrain() {
    guard case .draining(let since) = phase else { return }
    guard clients.count > 0, now - since < snapshot.times.drain else {
      for id in clients.ids() { settle(id, .drained) }
      phase = .stopped
      return
    }
  }

  var isDraining: Bool {
    if case .running = phase { false } else { true }
  }
}
