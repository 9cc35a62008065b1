/// What follows when a client connection is ready.
extension Worker {
  mutating func clientEvent(_ id: SlotID, _ readiness: Readiness) {
    guard clients.contains(id) else { return }
    clients[id].transport.note(readiness)
    switch clients[id].phase {
    case .announcing: readAnnouncement(id)
    case .handshaking:
      if readiness.isWritable, clients[id].transport.flush() == .failed { return close(client: id) }
      stepHandshake(id)
    case .head, .exchange, .tunnel:
      guard !readiness.isBroken else { return abort(client: id, clientGone(id)) }
      if clients[id].phase == .exchange, readiness.isHungUp, isAbandoned(id) {
        return abort(client: id, clientGone(id))
      }
      if readiness.isWritable, clients[id].transport.hasOutbound { flush(client: id) }
      if readiness.isReadable { serviceClient(id) }
    case .closing:
      if readiness.isBroken { return close(client: id) }
      if readiness.isWritable { flush(client: id) }
    case .lingering: serviceClient(id)
    case .closed: return
    }
  }

  /// Reads what there is, uses what can be used, and keeps the rest for later.
  mutating func serviceClient(_ id: SlotID) {
    guard clients.contains(id) else { return }
    intake.reset()
    if !clients[id].inbound.isEmpty {
      let rest = clients[id].inbound.takeAll()
      intake.append(rest.bytes)
    }
    receive(from: id)
    keepRest(of: id)
  }

  /// Takes the PROXY protocol header off the front, byte for byte, and leaves what follows to TLS
  /// or HTTP. The client it names must be let in by the policy, too.
  private mutating func readAnnouncement(_ id: SlotID) {
    intake.reset()
    let input = intake.memory
    let limit = ProxyProtocol.byteLimit
    guard case .bytes(let count) = clients[id].transport.socket.peek(into: input, atMost: limit)
    else { return endAnnouncement(id) }
    let length: Int
    switch ProxyProtocol.parse(input.bytes(0..<count)) {
    case .needsMore: return
    case .malformed: return refuseAnnouncement(id)
    case .local(let byteCount): length = byteCount
    case .client(let address, let port, let byteCount):
      let audited = counters.wouldRefuse
      if isRefused(address, clients[id].origin.admission) { return close(client: id) }
      if counters.wouldRefuse != audited { clients[id].isAudited = true }
      clients[id].balancer = clients[id].address
      clients[id].address = address
      clients[id].port = port
      length = byteCount
    }
    let taken = clients[id].transport.socket.receive(into: input, at: 0, atMost: length)
    guard taken == .bytes(length) else { return refuseAnnouncement(id) }
    // What follows may be there already, and no other event would tell of it.
    clients[id].transport.expectInput()
    guard !clients[id].origin.isTLS else {
      clients[id].phase = .handshaking
      return stepHandshake(id)
    }
    clients[id].enter(.head, at: now)
    if clients[id].origin.stream != nil { openStream(id) }
    serviceClient(id)
  }

  private mutating func refuseAnnouncement(_ id: SlotID) {
    counters.requestsRefused &+= 1
    close(client: id)
  }

  /// Nothing there yet, or the end.
  private mutating func endAnnouncement(_ id: SlotID) {
    if clients[id].transport.isHungUp { close(client: id) }
  }

  /// Takes the handshake further, and whatever came right behind it.
  private mutating func stepHandshake(_ id: SlotID) {
    clients[id].origin.selector?.prepare(
      for: clients[id].transport.socket,
      onlyChallenges: clients[id].isForChallenge && !clients[id].isProbe)
    let step = clients[id].transport.handshake(
      speaks: false, ciphertext: &ciphertext)
    switch clients[id].origin.selector?.takeChoice() {
    case .certificate(let verifier, let name):
      clients[id].verifier = verifier
      clients[id].serverName = name
    case .challenge: clients[id].isForChallenge = true
    case nil: break
    }
    switch step {
    case .needsMore:
      if !ciphertext.outgoing.isEmpty,
        clients[id].transport.sendCiphertext(&ciphertext) == .failed
      {
        close(client: id)
      }
    case .failed(let error):
      countHandshakeFailure(id, error.handshakeFailure)
      // The alert tells an honest client why; nobody waits for it to arrive.
      _ = clients[id].transport.sendCiphertext(&ciphertext)
      close(client: id)
    case .done: handshakeDone(id)
    }
  }

  private mutating func handshakeDone(_ id: SlotID) {
    guard !clients[id].isForChallenge else { return endChallenge(id) }
    countHandshake(id)
    if clients[id].verifier != nil, !takeCertificate(id) { return close(client: id) }
    clients[id].enter(.head, at: now)
    // The session ticket waits for the first response: one send less.
    clients[id].transport.holdCiphertext(&ciphertext)
    readAfterHandshake(id)
    guard clients[id].phase == .head || clients[id].phase == .tunnel,
      clients[id].transport.hasOutbound
    else { return }
    if clients[id].transport.flush() == .failed { close(client: id) }
  }

  /// What came right behind the handshake is in the ciphertext's buffers: it is taken out before a
  /// stream is opened, for that needs them.
  private mutating func readAfterHandshake(_ id: SlotID) {
    intake.reset()
    if !ciphertext.isDrained {
      let received = clients[id].transport.decrypt(
        into: intake.memory, at: 0, ciphertext: &ciphertext)
      switch received {
      case .bytes(let count): intake.add(count)
      case .endOfStream, .failed: return close(client: id)
      case .wouldBlock: break
      }
    }
    guard clients[id].origin.stream != nil else {
      receive(from: id)
      return keepRest(of: id)
    }
    keepRest(of: id)
    openStream(id)
    serviceClient(id)
  }

  /// The authority, or the probe, has seen the certificate that it looked for.
  private mutating func endChallenge(_ id: SlotID) {
    clients[id].transport.holdCiphertext(&ciphertext)
    endClient(id)
  }

  /// Keeps what the client has shown; false where it no longer holds: a session may be resumed after
  /// its certificate has ended.
  private mutating func takeCertificate(_ id: SlotID) -> Bool {
    switch clients[id].transport.tls?.clientCertificate() {
    case .some(.good(let field)):
      clients[id].certificate = field
      clients[id].clientName = clients[id].transport.tls?.clientCommonName ?? []
      return true
    case .some(.ended):
      countHandshakeFailure(id, .clientCertificateBad)
      return false
    case .some(.none), nil: return true
    }
  }

  private mutating func receive(from id: SlotID) {
    for _ in 0..<Self.receivesPerTurn {
      use(id)
      guard wantsInput(id) else { return }
      intake.makeRoom()
      let received = clients[id].transport.receive(
        into: intake.memory, at: intake.writeOffset,
        atMost: min(intake.room, CipherBuffers.incomingCapacity), ciphertext: &ciphertext)
      switch received {
      case .bytes(let count):
        intake.add(count)
        clients[id].lastProgress = now
      case .wouldBlock: return
      case .endOfStream: return ended(client: id)
      case .failed: return abort(client: id, clientGone(id))
      }
    }
    use(id)
    if wantsInput(id) { again.append(Token(.client, id)) }
  }

  /// Uses the intake as far as the connection's phase allows.
  private mutating func use(_ id: SlotID) {
    while true {
      switch clients[id].phase {
      case .head:
        guard !intake.isEmpty, takesRequests(id), readHead(id) else { return }
      case .exchange:
        relayRequestBody(id)
        guard clients[id].phase == .head else { return }
      case .tunnel:
        return relayTunnel(id)
      case .closing, .lingering, .announcing, .handshaking, .closed:
        return intake.consume(intake.count)
      }
    }
  }

  /// Parses one head and begins its exchange; false when it is not whole or was refused.
  private mutating func readHead(_ id: SlotID) -> Bool {
    requestHead.scanned = clients[id].headScanned
    let input = intake
    let outcome = HeadParser.parseRequest(
      input.bytes, limits: snapshot.headLimits, into: &requestHead)
    switch outcome {
    case .needsMore:
      clients[id].headScanned = requestHead.scanned
      if clients[id].headSince == nil { clients[id].headSince = now }
      return false
    case .reject(let why):
      intake.consume(intake.count)
      refuse(id, why)
      return false
    case .head:
      clients[id].headScanned = 0
      begin(id)
      return true
    }
  }

  private func wantsInput(_ id: SlotID) -> Bool {
    switch clients[id].phase {
    case .head: takesRequests(id)
    case .lingering: true
    case .exchange: !clients[id].exchange.isRequestDone && !isRequestBlockedByServer(id)
    case .tunnel: !clients[id].exchange.isRequestDone && !isRequestBlockedByServer(id)
    case .announcing, .handshaking, .closing, .closed: false
    }
  }

  /// Responses that a client does not fetch: above this, no more of its requests are read.
  private static var unfetchedLimit: Int { 16 << 10 }

  private func takesRequests(_ id: SlotID) -> Bool {
    clients[id].transport.outbound.count < Self.unfetchedLimit
  }

  private mutating func keepRest(of id: SlotID) {
    if !intake.isEmpty, clients[id].phase != .closed {
      let input = intake
      clients[id].inbound.append(input.bytes)
    }
    arm(client: id)
  }

  /// Over TLS nobody ends only his own direction to wait for an answer, so he has gone; in clear
  /// some do, and get it.
  private func isAbandoned(_ id: SlotID) -> Bool {
    clients[id].origin.isTLS && clients[id].exchange.isRequestDone
  }

  /// The client has sent its last byte.
  private mutating func ended(client id: SlotID) {
    switch clients[id].phase {
    case .head where clients[id].transport.hasOutbound:
      // He ended his direction only, and still fetches what he asked for.
      clients[id].enter(.closing, at: now)
      arm(client: id)
      // No event may come that would do it.
      flush(client: id)
    case .head, .announcing, .handshaking, .lingering: close(client: id)
    case .exchange: abort(client: id, clientGone(id))
    case .tunnel:
      // It was the beginning of a header, and no more comes.
      clients[id].exchange.isOpening = false
      if !intake.isEmpty { relayTunnel(id) }
      if clients[id].phase == .tunnel { endTunnel(fromClient: id) }
    case .closing, .closed: return
    }
  }

  /// Sends what waits, then goes on with what waited for that.
  mutating func flush(client id: SlotID) {
    switch clients[id].transport.flush() {
    case .queued: clients[id].lastProgress = now
    case .failed: abort(client: id, clientGone(id))
    case .done:
      clients[id].lastProgress = now
      if clients[id].phase == .closing { return finishClosing(id) }
      if clients[id].phase == .head { return again.append(Token(.client, id)) }
      guard let upstream = clients[id].exchange.upstream else { return }
      serviceUpstream(upstream)
    }
  }
}
