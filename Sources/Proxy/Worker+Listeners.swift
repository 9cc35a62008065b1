internal import Glibc

/// Accepting, and who is let in.
extension Worker {
  /// Connections accepted from one listener before others get their turn.
  private static var acceptsPerTurn: Int { 64 }

  mutating func add(_ bound: [BoundListener]) {
    for item in bound {
      guard let number = item.take() else { continue }
      let socket = Socket(FileDescriptor(owning: number))
      guard let index = listenerIndex(of: item.address) else { continue }
      let id = listeners.insert(
        Listener(socket, address: item.address, index: index, facts: facts(index, item.address)))
      guard !isAcceptPaused else { continue }
      if !poller.addLevel(number, Token(.listener, id)) {
        log(.trouble("worker \(self.index) can't watch \(item.address)"))
      }
    }
  }

  /// After a new generation: which of its listeners each socket serves; the rest are closed.
  mutating func refreshListeners() {
    for id in listeners.ids() {
      let address = listeners[id].address
      guard let index = listenerIndex(of: address) else {
        poller.remove(listeners[id].socket.number)
        listeners.remove(id)
        continue
      }
      listeners[id].index = index
      listeners[id].facts = facts(index, address)
    }
  }

  mutating func accept(_ id: SlotID) {
    guard listeners.contains(id) else { return }
    let limit = max(1, snapshot.connectionsPerWorker)
    for _ in 0..<Self.acceptsPerTurn {
      guard clients.count < limit else { return pauseAccepting() }
      switch listeners[id].socket.accept() {
      case .connection(let socket, let address, let port):
        admit(socket, from: address, port: port, by: id)
      case .wouldBlock: return
      case .failed(let code):
        guard SocketError.isExhaustion(code) else { continue }
        complain("can't accept: \(unsafe String(cString: strerror(code))); \(Self.limitHint)")
        return pauseAccepting()
      }
    }
  }

  private mutating func admit(
    _ socket: consuming Socket, from address: IPAddress, port: UInt16, by id: SlotID
  ) {
    counters.connectionsAccepted &+= 1
    let index = listeners[id].index
    meters.listeners[index].accepted &+= 1
    let listener = snapshot.listeners[index]
    let facts = listeners[id].facts
    var isForChallenge = false
    let audited = counters.wouldRefuse
    if isRefused(address, listener.admission) {
      meters.listeners[index].refused &+= 1
      // A stream in clear has nothing that an authority could look at.
      guard facts.isTLS || facts.stream == nil else { return }
      isForChallenge = facts.isTLS ? selectors.hasTLSChallenges : selectors.hasHTTPChallenges
      guard isForChallenge, !bans.covers(address, at: Clock.unixSeconds()) else { return }
    }
    let number = socket.number
    var stream: TLSStream?
    if let selector = facts.selector {
      stream = selector.accept(over: ciphertext)
      guard stream != nil else { return log(.trouble("no memory for a TLS connection")) }
    }
    let client = clients.insert(
      ClientConnection(
        Transport(socket, tls: stream.take()), from: address, port: port, origin: facts,
        isAnnounced: listener.announcers?.allows(address, at: 0) == true, now: now))
    clients[client].isForChallenge = isForChallenge
    clients[client].isAudited = counters.wouldRefuse != audited
    if listeners[id].address.isUnix { clients[client].peer = PeerCredentials(of: number) }
    guard poller.add(number, Token(.client, client)) else { return close(client: client) }
    guard snapshot.callers == nil || makeRoom(for: client) else { return close(client: client) }
    arm(client: client)
    if clients[client].phase == .head, clients[client].origin.stream != nil { openStream(client) }
  }

  static var limitHint: String { "raise `ulimit -n`, or lower `limits.connections`" }

  /// Tells of a lack, once in ten seconds.
  mutating func complain(_ text: String) {
    guard now >= complainsAgainAt else { return }
    complainsAgainAt = now + 10_000
    log(.trouble("worker \(index) \(text)"))
  }

  /// At the limit, or out of descriptors: new connections wait in the kernel's queue.
  private mutating func pauseAccepting() {
    guard !isAcceptPaused else { return }
    isAcceptPaused = true
    for id in listeners.ids() { poller.remove(listeners[id].socket.number) }
    timers.add(Token(.listener, SlotID(index: 0, generation: 0)), at: now + 100)
  }

  mutating func resumeAccepting() {
    guard isAcceptPaused, clients.count < max(1, snapshot.connectionsPerWorker) else { return }
    isAcceptPaused = false
    for id in listeners.ids() {
      if !poller.addLevel(listeners[id].socket.number, Token(.listener, id)) {
        log(.trouble("worker \(index) can't watch \(listeners[id].address)"))
      }
    }
  }

  private func listenerIndex(of address: SocketAddress) -> Int? {
    snapshot.listeners.firstIndex { $0.addresses.contains(address) }
  }

  private func facts(_ index: Int, _ address: SocketAddress) -> ListenerFacts {
    let listener = snapshot.listeners[index]
    return ListenerFacts(
      port: address.port, redirectToHTTPSPort: listener.redirectToHTTPSPort, name: listener.name,
      index: index,
      stream: listener.stream,
      admission: listener.admission, selector: selectors[listener.name],
      newest: selectors[listener.name])
  }

  /// Serves a connection that was made for this worker alone, to ask it for a certificate: over a
  /// socket pair, so from no address.
  mutating func serve(_ bound: BoundListener, _ name: String) {
    guard let number = bound.take() else { return }
    let socket = Socket(FileDescriptor(owning: number))
    guard let index = snapshot.listeners.firstIndex(where: { $0.name == name }),
      let address = snapshot.listeners[index].addresses.first
    else { return }
    let origin = facts(index, address)
    guard let stream = origin.selector?.accept(over: ciphertext) else { return }
    let client = clients.insert(
      ClientConnection(
        Transport(socket, tls: stream), from: .ipv4(0), port: 0, origin: origin,
        isAnnounced: false, now: now))
    // It may shake hands, and no more.
    clients[client].isForChallenge = true
    clients[client].isProbe = true
    guard poller.add(number, Token(.client, client)) else { return close(client: client) }
    arm(client: client)
  }
}
