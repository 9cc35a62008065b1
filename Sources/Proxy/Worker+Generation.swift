/// What goes on from one generation to the next.
extension Worker {
  /// Exchanges in flight keep the routes of the snapshot they began with; servers that go on keep
  /// their connections and what is known of them.
  mutating func adopt(
    _ parcel: Parcel<Snapshot>, _ certificates: Parcel<Selectors>, _ bound: [BoundListener],
    _ standings: [ServerID: ServerStanding]
  ) {
    guard let next = parcel.take(), let chosen = certificates.take() else { return }
    let old = snapshot
    // They bear the names of the old one.
    handOverLines()
    let counted = TrafficReport(meters, old)
    snapshot = next
    meters = Meters(next, after: counted)
    selectors = chosen
    findListenersAgain()
    carryServers(from: old, standings)
    refreshListeners()
    askAccessAnew()
    askTermsAnew()
    add(bound)
    // The limit may have been raised.
    resumeAccepting()
    serveQueues()
    cutStreams()
  }

  /// The balancers, pools and queues of the first snapshot.
  mutating func makeServers(_ standings: [ServerID: ServerStanding] = [:]) {
    balancers = snapshot.backends.map { Balancer($0, snapshot, standings) }
    servers = snapshot.servers.map { _ in ServerState() }
    queues = snapshot.backends.map { _ in ExchangeQueue() }
  }

  private mutating func carryServers(
    from old: Snapshot, _ standings: [ServerID: ServerStanding]
  ) {
    let (oldBalancers, oldServers, oldQueues) = (balancers, servers, queues)
    makeServers(standings)
    let heirs = old.heirs(in: snapshot)
    let backends = old.backends.map { plan in
      snapshot.backends.firstIndex { $0.name == plan.name }
    }
    var known = Set<Int>()
    for (index, heir) in heirs.enumerated() {
      guard let heir else { continue }
      known.insert(heir)
      servers[heir] = oldServers[index]
      let (before, after) = (old.servers[index].backend, snapshot.servers[heir].backend)
      let member = oldBalancers[before].members[index - old.backends[before].servers.lowerBound]
      balancers[after].carry(
        member, to: heir - snapshot.backends[after].servers.lowerBound, at: now)
    }
    for (backend, plan) in snapshot.backends.enumerated() where backends.contains(backend) {
      for server in plan.servers where !known.contains(server) {
        balancers[backend].welcome(server - plan.servers.lowerBound, at: now)
      }
    }
    carryUpstreams(from: old, heirs)
    carryExchanges(oldQueues, from: old, to: backends, heirs)
  }

  private mutating func carryUpstreams(from old: Snapshot, _ heirs: [Int?]) {
    for id in upstreams.ids() where upstreams[id].snapshot === old {
      if let heir = heirs[upstreams[id].server] {
        upstreams[id].snapshot = snapshot
        upstreams[id].server = heir
      } else if upstreams[id].phase == .idle {
        close(upstream: id)
      }
    }
  }

  /// An exchange finds its backend again by its name; those that wait for one that is gone do so in
  /// vain.
  private mutating func carryExchanges(
    _ oldQueues: [ExchangeQueue], from old: Snapshot, to backends: [Int?], _ heirs: [Int?]
  ) {
    var lost: [SlotID] = []
    for (index, queue) in oldQueues.enumerated() {
      var queue = queue
      let waiting = queue.takeAll().filter { clients.contains($0) && clients[$0].exchange.isQueued }
      if let backend = backends[index] {
        for id in waiting { queues[backend].append(id) }
      } else {
        for _ in waiting { old.backends[index].waiting.leave() }
        old.backends[index].waiting.note(worker: self.index, waits: false)
        lost += waiting
      }
    }
    for id in clients.ids() {
      guard let backend = clients[id].exchange.backend else { continue }
      let heir = clients[id].exchange.server.flatMap {
        heirs[old.backends[backend].servers.lowerBound + $0]
      }
      clients[id].exchange.backend = backends[backend]
      clients[id].exchange.server = heir.flatMap { heir in
        backends[backend].map { heir - snapshot.backends[$0].servers.lowerBound }
      }
      clients[id].exchange.wish.stuckTo = nil
    }
    for id in lost {
      clients[id].exchange.queuedUntil = .max
      fail(id, .noServer)
    }
  }

  /// What the control thread says of the servers, until it says otherwise.
  mutating func stand(_ standings: [ServerID: ServerStanding]) {
    for (backend, plan) in snapshot.backends.enumerated() {
      for server in plan.servers {
        let id = ServerID(backend: plan.name, server: snapshot.servers[server].name)
        guard let standing = standings[id] else { continue }
        balancers[backend].stand(server - plan.servers.lowerBound, standing, at: now)
      }
    }
    serveQueues()
    cutStreams()
  }
}

extension Balancer {
  /// `standings`: of servers that stand otherwise than the snapshot has them.
  init(
    _ backend: Snapshot.Backend, _ snapshot: Snapshot, _ standings: [ServerID: ServerStanding] = [:]
  ) {
    let members = backend.servers.map { index in
      let server = snapshot.servers[index]
      let name = Array(server.name.utf8)
      let standing =
        standings[ServerID(backend: backend.name, server: server.name)] ?? server.standing
      return Member(
        standing: standing, tier: server.plan.tier, seed: Hashing.hash(name.span),
        slots: server.slots, weight: standing.weight)
    }
    let slowStart = backend.plan.slowStart
    self.init(
      members, balance: backend.plan.balance, passive: backend.plan.health.passive,
      slowStart: slowStart == .zero ? 0 : slowStart.milliseconds)
  }
}

extension Snapshot {
  /// By server: the one in the next generation that it goes on as, with its connections; nil where
  /// there is none that is spoken to in the same way.
  func heirs(in next: Snapshot) -> [Int?] {
    var places: [ServerID: Int] = [:]
    for (index, server) in next.servers.enumerated() {
      places[ServerID(backend: next.backends[server.backend].name, server: server.name)] = index
    }
    return servers.map { server in
      let plan = backends[server.backend].plan
      guard let index = places[ServerID(backend: plan.name, server: server.name)] else {
        return nil
      }
      let heir = next.servers[index]
      let other = next.backends[heir.backend].plan
      let isSame =
        heir.address == server.address && other.tls == plan.tls
        && other.announcement == plan.announcement
      return isSame ? index : nil
    }
  }
}
