/// From an exchange to a server that gets it.
extension Worker {
  /// Gives the exchange a connection to a server, and the request to that connection; or has it wait,
  /// or answers it.
  ///
  /// `isFresh`: a new connection, to any server; else an idle one if there is one, and not to the
  /// server that was tried last.
  mutating func dispatch(_ id: SlotID, isFresh: Bool = false) {
    switch place(id, isFresh: isFresh) {
    case .under: return
    case .full: waitForServer(id, reply: .noServer)
    case .nobody(let reply): giveUp(id, reply)
    }
  }

  enum Placing {
    /// A server has it, or it is over.
    case under
    case full
    case nobody(Reply)
  }

  /// `hasWaited`: the server that was tried last may be asked again, if it is not out any more.
  mutating func place(
    _ id: SlotID, isFresh: Bool = false, hasWaited: Bool = false
  ) -> Placing {
    guard let backend = clients[id].exchange.backend else { return .nobody(.badGateway) }
    while clients[id].exchange.attempts < Self.attempts {
      var wish = clients[id].exchange.wish
      wish.now = now
      wish.excluded =
        clients[id].exchange.attempts > 0 && !isFresh ? clients[id].exchange.server : nil
      if hasWaited, let tried = wish.excluded, !balancers[backend].isEjected(tried, at: now) {
        wish.excluded = nil
      }
      let member: Int
      switch balancers[backend].choose(wish) {
      case .server(let found): member = found
      case .full: return .full
      case .none: return .nobody(wish.role == .primary ? .noPrimary : .noServer)
      }
      let server = snapshot.backends[backend].servers.lowerBound + member
      let slots = snapshot.servers[server].slots
      // Another worker may have been quicker; then it is seen to be full.
      if let slots, !slots.take() { continue }
      clients[id].exchange.server = member
      clients[id].exchange.times.placeAnew(at: nowMicros)
      beginTry(id, server)
      clients[id].exchange.attempts += 1
      clients[id].exchange.requestGiven = 0
      clients[id].exchange.isRequestRefused = false
      switch connect(id, to: server, isFresh: isFresh, holdsSlot: slots != nil) {
      case .under: return .under
      case .failed(let reason):
        clients[id].exchange.fault = .connectFailed
        clients[id].exchange.trace?.end(.connectFailed, at: nowMicros)
        giveBack(slots, backend)
        setAside(server, reason: reason)
      case .exhausted:
        giveBack(slots, backend)
        // Ours is the lack, so no server is to blame, and no other would be better.
        complain("no socket for a connection to a server: \(Self.limitHint)")
        clients[id].exchange.fault = .outOfSockets
        return .nobody(.noServer)
      }
    }
    return .nobody(.noServer)
  }

  private func giveBack(_ slots: ServerSlots?, _ backend: Int) {
    guard let slots else { return }
    slots.giveBack()
    wake(snapshot.backends[backend])
  }

  /// Tries where no request byte can have had an effect, each on another server.
  private static var attempts: Int { 3 }

  /// A write may wait for a primary to come.
  private mutating func giveUp(_ id: SlotID, _ reply: Reply) {
    if case .noPrimary = reply, let backend = clients[id].exchange.backend,
      let split = snapshot.backends[backend].split, split.queueWrites > 0
    {
      return waitForServer(id, reply: reply)
    }
    fail(id, reply)
  }

  /// Answers in the server's place; a stream has nothing that it could be told.
  mutating func fail(_ id: SlotID, _ reply: Reply) {
    guard clients[id].exchange.isStream else { return answer(id, reply) }
    abort(client: id, clients[id].exchange.ending(for: reply))
  }

  private enum Connecting {
    case under
    case failed(reason: String)
    /// Out of descriptors, memory or ports.
    case exhausted
  }

  private mutating func connect(
    _ id: SlotID, to server: Int, isFresh: Bool, holdsSlot: Bool
  ) -> Connecting {
    meters.servers[server].requests &+= 1
    let backend = snapshot.servers[server].backend
    let member = server - snapshot.backends[backend].servers.lowerBound
    if balancers[backend].measuresLatency {
      clients[id].exchange.sentAt = Clock.microseconds()
    }
    if !isFresh, !clients[id].exchange.isStream, let idle = takeIdle(server) {
      balancers[backend].began(member)
      clients[id].exchange.upstream = idle
      upstreams[idle].client = id
      upstreams[idle].phase = .busy
      upstreams[idle].holdsSlot = holdsSlot
      clients[id].exchange.times.connected = nowMicros
      pushRequest(id)
      return .under
    }
    do throws(SocketError) {
      guard let upstream = try openConnection(to: server) else { return .exhausted }
      balancers[backend].began(member)
      clients[id].exchange.upstream = upstream
      upstreams[upstream].client = id
      upstreams[upstream].holdsSlot = holdsSlot
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
}

// MARK: - What follows when a server is done

extension Worker {
  /// The connection's exchange is no longer with its server.
  mutating func endExchange(upstream id: SlotID) {
    if let (backend, member) = seat(of: id) { balancers[backend].ended(member) }
    guard upstreams[id].holdsSlot else { return }
    upstreams[id].holdsSlot = false
    let plan = upstreams[id].snapshot
    let server = plan.servers[upstreams[id].server]
    server.slots?.giveBack()
    wake(plan.backends[server.backend])
  }
}
