internal import Glibc

/// What follows when a connection to a server is ready.
extension Worker {
  enum UpstreamFailure {
    case refused(errno: Int32)
    case connectTimedOut
    case handshake(OpenSSLError)
    /// Bytes before anything was asked: that is no HTTP server (nginx CVE-2026-1642).
    case spokeFirst
    /// The connection ended, or broke, after it had been made.
    case broke
    /// The server's answer is not HTTP that may be forwarded.
    case badResponse(HeadRejection)
  }

  mutating func upstreamEvent(_ id: SlotID, _ readiness: Readiness) {
    guard upstreams.contains(id) else { return }
    upstreams[id].transport.note(readiness)
    switch upstreams[id].phase {
    case .connecting:
      guard readiness.isWritable || readiness.isBroken else { return }
      let failure = upstreams[id].transport.socket.connectError()
      guard failure == 0 else { return upstreamFailed(id, .refused(errno: failure)) }
      connected(id)
    case .handshaking:
      // It broke before a byte of the request: as if it could not be reached.
      if readiness.isWritable, upstreams[id].transport.flush() == .failed {
        return upstreamFailed(id, .refused(errno: ECONNRESET))
      }
      stepUpstreamHandshake(id)
    case .busy:
      if readiness.isWritable, upstreams[id].transport.hasOutbound { flush(upstream: id) }
      if readiness.isReadable { serviceUpstream(id) }
    case .idle:
      // Nothing was asked: this can only be the end, or bytes that answer nothing.
      if readiness.isReadable { close(upstream: id) }
    case .closed: return
    }
  }

  private mutating func connected(_ id: SlotID) {
    guard announce(id) else { return upstreamFailed(id, .refused(errno: ECONNRESET)) }
    if upstreams[id].transport.tls != nil {
      upstreams[id].phase = .handshaking
      return stepUpstreamHandshake(id)
    }
    guard !upstreams[id].transport.isReadable || isForStream(id) else {
      return upstreamFailed(id, .spokeFirst)
    }
    ready(id)
  }

  /// Tells the server of the client, where the backend wants it; false when it could not be sent.
  private mutating func announce(_ id: SlotID) -> Bool {
    guard let version = announcement(of: id), let client = upstreams[id].client,
      clients.contains(client)
    else { return true }
    let address = clients[client].address
    let target = Socket.localAddress(of: clients[client].transport.socket.number) ?? address
    let scratch = scratch
    var output = scratch.output(at: 0)
    ProxyProtocol.write(
      version, client: address, clients[client].port, target: target,
      clients[client].origin.port, into: &output)
    let count = output.count
    return upstreams[id].transport.sendPlain(scratch.bytes(0..<count)) != .failed
  }

  func announcement(of id: SlotID) -> ProxyProtocol.Version? {
    let plan = upstreams[id].snapshot
    return plan.backends[plan.servers[upstreams[id].server].backend].announcement
  }

  private mutating func stepUpstreamHandshake(_ id: SlotID) {
    let step = upstreams[id].transport.handshake(
      speaks: true, ciphertext: &ciphertext)
    let sent = upstreams[id].transport.sendCiphertext(&ciphertext)
    switch step {
    case .failed(let error): upstreamFailed(id, .handshake(error))
    case .needsMore: if sent == .failed { upstreamFailed(id, .refused(errno: ECONNRESET)) }
    case .done:
      guard sent != .failed else { return upstreamFailed(id, .refused(errno: ECONNRESET)) }
      // Session tickets are no plaintext.
      let early = upstreams[id].transport.decrypt(
        into: upstreamIntake, at: Self.headroom, ciphertext: &ciphertext)
      guard case .bytes(let count) = early, count == 0 || isForStream(id) else {
        return upstreamFailed(id, .spokeFirst)
      }
      if count > 0 {
        upstreams[id].inbound.append(
          upstreamIntake.bytes(Self.headroom..<Self.headroom + count))
      }
      ready(id)
    }
  }

  /// In a stream the server may speak first, as MySQL's do.
  private func isForStream(_ id: SlotID) -> Bool {
    guard let client = upstreams[id].client, clients.contains(client) else { return false }
    return clients[client].exchange.isStream
  }

  private mutating func ready(_ id: SlotID) {
    upstreams[id].phase = .busy
    guard let client = upstreams[id].client, clients.contains(client) else {
      return close(upstream: id)
    }
    clients[client].exchange.times.connected = nowMicros
    clients[client].lastProgress = now
    pushRequest(client)
    guard clients[client].exchange.upstream == id else { return }
    if clients[client].exchange.isStream { streamIsReady(client, id) }
    guard clients[client].exchange.upstream == id else { return }
    if !clients[client].exchange.isRequestDone { serviceClient(client) }
  }

  private mutating func streamIsReady(_ client: SlotID, _ id: SlotID) {
    if clients[client].exchange.isRequestDone, !upstreams[id].transport.hasOutbound {
      upstreams[id].transport.socket.finishSending()
    }
    guard !upstreams[id].inbound.isEmpty else { return serviceUpstream(id) }
    let early = upstreams[id].inbound.takeAll()
    upstreamIntake.copy(early.bytes, to: Self.headroom)
    relayResponse(client, from: id, Self.headroom..<Self.headroom + early.count)
    guard upstreams[id].phase == .busy else { return }
    serviceUpstream(id)
  }

  private mutating func flush(upstream id: SlotID) {
    switch upstreams[id].transport.flush() {
    case .queued: return
    case .failed: upstreamFailed(id, .broke)
    case .done:
      guard let client = upstreams[id].client, clients.contains(client) else { return }
      clients[client].lastProgress = now
      if clients[client].phase == .tunnel, clients[client].exchange.isRequestDone {
        upstreams[id].transport.socket.finishSending()
      }
      serviceClient(client)
    }
  }

  /// Reads from the server as long as the client takes it.
  mutating func serviceUpstream(_ id: SlotID) {
    guard upstreams.contains(id) else { return }
    for _ in 0..<Self.receivesPerTurn {
      guard upstreams[id].phase == .busy, let client = upstreams[id].client,
        clients.contains(client),
        !clients[client].transport.hasOutbound
          || clients[client].exchange.responsePhase == .awaited
      else { return }
      let held = upstreams[id].inbound.count
      if held > 0 {
        let rest = upstreams[id].inbound.takeAll()
        upstreamIntake.copy(rest.bytes, to: Self.headroom)
        upstreams[id].inbound.append(rest.bytes)
      }
      let received = upstreams[id].transport.receive(
        into: upstreamIntake, at: Self.headroom + held, atMost: clients[client].burst,
        ciphertext: &ciphertext)
      switch received {
      case .bytes(0): continue
      case .bytes(let count):
        upstreams[id].inbound.removeAll()
        clients[client].lastProgress = now
        relayResponse(client, from: id, Self.headroom..<Self.headroom + held + count)
      case .wouldBlock: return
      case .endOfStream: return ended(upstream: id)
      case .failed: return upstreamFailed(id, .broke)
      }
    }
    again.append(Token(.upstream, id))
  }

  /// The server has sent its last byte.
  private mutating func ended(upstream id: SlotID) {
    guard let client = upstreams[id].client, clients.contains(client) else {
      return close(upstream: id)
    }
    guard clients[client].phase != .tunnel else { return endTunnel(fromServer: client) }
    // Over TLS only close_notify tells an end from a truncation (RFC 9112, section 9.8).
    let isWhole = upstreams[id].transport.tls == nil || upstreams[id].transport.isClosed
    guard case .untilClose = clients[client].exchange.responseBody, isWhole,
      clients[client].exchange.responsePhase == .body
    else { return upstreamFailed(id, .broke) }
    clients[client].exchange.responseBody = .done
    if clients[client].exchange.chunksToClient {
      let scratch = scratch
      var output = scratch.output(at: 0)
      ChunkWriter.writeEnd(into: &output)
      let count = output.count
      guard sendScratch(to: client, count) else { return }
    }
    finishExchange(client)
  }

  /// Ends the connection; its exchange goes to another server where the retry rule allows it.
  mutating func upstreamFailed(_ id: SlotID, _ failure: UpstreamFailure) {
    let wasReused = upstreams[id].isReused
    let server = upstreams[id].server
    let client = upstreams[id].client
    let isCurrent = upstreams[id].snapshot === snapshot
    let gotNothing = upstreams[id].inbound.isEmpty
    if !(wasReused && gotNothing), let reason = failure.passiveReason {
      countFailure(upstream: id, reason: reason)
    }
    close(upstream: id)
    if isCurrent, let reason = failure.setAsideReason { setAside(server, reason: reason) }
    guard let client, clients.contains(client), clients[client].phase != .closed else { return }
    clients[client].exchange.fault = failure.ending
    clients[client].exchange.trace?.end(failure.ending, at: nowMicros)
    clients[client].exchange.detail = failure.detail
    guard !clients[client].exchange.isStream else { return streamFailed(client, failure) }
    guard clients[client].phase == .exchange, clients[client].exchange.responsePhase == .awaited
    else { return abort(client: client, .serverGoneInData) }
    switch failure {
    case .refused, .connectTimedOut, .handshake, .spokeFirst:
      countRetry(client)
      dispatch(client)
    case .broke
    where wasReused && gotNothing && clients[client].exchange.interimCount == 0
      && clients[client].exchange.isSafeToRepeat:
      // The server closed an idle connection as the request was on its way: not its fault, so it
      // may be asked again; over a new connection, so that this happens once.
      countRetry(client)
      clients[client].exchange.attempts -= 1
      dispatch(client, isFresh: true)
    case .broke, .badResponse: answer(client, .badGateway)
    }
  }
}

extension Worker {
  /// The exchange is given to a server once more.
  mutating func countRetry(_ id: SlotID) {
    counters.retries &+= 1
    clients[id].exchange.retries &+= 1
    if let backend = clients[id].exchange.backend { meters.backends[backend].retries &+= 1 }
  }
}

extension Worker.UpstreamFailure {
  /// How the exchange ends if nobody else takes it.
  var ending: Ending {
    switch self {
    case .refused, .handshake, .spokeFirst: .connectFailed
    case .connectTimedOut: .connectTimedOut
    case .broke: .serverGone
    case .badResponse: .badResponse
    }
  }

  /// More than its ending says.
  var detail: StaticString? {
    if case .badResponse(let why) = self { why.reason } else { nil }
  }

  /// What passive health is told; nil where the server is set aside anyway.
  var passiveReason: String? {
    switch self {
    case .refused, .connectTimedOut, .handshake, .spokeFirst: nil
    case .broke: "it closed the connection before its answer was whole"
    case .badResponse: "its answer was no HTTP"
    }
  }

  /// Why a server gets nothing for a while; nil when the failure is not that of reaching it.
  var setAsideReason: String? {
    switch self {
    case .refused(let code): unsafe String(cString: strerror(code))
    case .connectTimedOut: "connect timed out"
    case .handshake(let error): "TLS: \(error.reason)"
    case .spokeFirst: "sent bytes before it was asked"
    case .broke, .badResponse: nil
    }
  }
}
