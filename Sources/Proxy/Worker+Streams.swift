/// Listeners that move bytes, whatever they say: a connection to a server for each client's.
extension Worker {
  /// Begins once the client has been let in and has shaken hands, where there is a handshake.
  mutating func openStream(_ id: SlotID) {
    guard let stream = clients[id].origin.stream else { return }
    // It may have kept us waiting over a new generation: what holds is what is asked for now.
    guard !clients[id].isForChallenge, !clients[id].origin.isGone, isServedUnderNewTerms(id),
      snapshot.backends.indices.contains(stream.backend)
    else { return close(client: id) }
    counters.streams &+= 1
    clients[id].exchange = Exchange()
    clients[id].exchange.isStream = true
    clients[id].exchange.requestID = requestIDs.next()
    clients[id].exchange.snapshot = snapshot
    openBooks(id, headBytes: 0)
    clients[id].exchange.backend = stream.backend
    clients[id].exchange.wish = Balancer.Wish(stream)
    clients[id].exchange.wish.key = streamKey(id, stream.backend)
    clients[id].exchange.requestBody = .untilClose
    clients[id].exchange.responseBody = .untilClose
    clients[id].exchange.responsePhase = .body
    clients[id].exchange.isReplayable = false
    clients[id].exchange.isOpening = snapshot.backends[stream.backend].announcement != nil
    clients[id].enter(.tunnel, at: now)
    dispatch(id)
  }

  /// A client may not tell of himself to servers that are told of him: MariaDB believes the last header
  /// that comes before the login, whoever sent it. False while he may be about to, and once he has.
  mutating func mayPass(_ id: SlotID) -> Bool {
    guard clients[id].exchange.isOpening else { return true }
    let input = intake
    switch ProxyProtocol.begins(input.bytes) {
    case nil: return false
    case false?:
      clients[id].exchange.isOpening = false
      return true
    case true?:
      counters.requestsRefused &+= 1
      clients[id].exchange.ending = .malformed
      clients[id].exchange.detail = "a PROXY protocol header of the client's own"
      abort(client: id, .malformed)
      return false
    }
  }

  /// Whether the host that the handshake named still asks of its clients what was asked of this one.
  private func isServedUnderNewTerms(_ id: SlotID) -> Bool {
    guard clients[id].origin.isTLS else { return true }
    let name = clients[id].serverName
    let verifier = clients[id].verifier
    return clients[id].origin.newest?.allows(host: name.span, over: verifier) == true
  }

  /// Of a stream there is but the address to go by.
  private func streamKey(_ id: SlotID, _ backend: Int) -> UInt64? {
    guard case .hash = snapshot.backends[backend].plan.balance else { return nil }
    return Hashing.hash(clients[id].address)
  }

  /// The server could not be reached, so it has seen nothing of the client: another one may.
  mutating func streamFailed(_ id: SlotID, _ failure: UpstreamFailure) {
    switch failure {
    case .refused, .connectTimedOut, .handshake:
      countRetry(id)
      dispatch(id)
    case .spokeFirst, .broke, .badResponse: abort(client: id, .serverGoneInData)
    }
  }

  /// Ends the streams of servers that no longer have the role which their clients asked for: who writes
  /// to what is no longer the primary loses what he writes.
  mutating func cutStreams() {
    for id in clients.ids() where clients[id].exchange.isStream {
      let wish = clients[id].exchange.wish
      guard let role = wish.role, clients[id].origin.stream?.cutsOnRoleLoss != false,
        let upstream = clients[id].exchange.upstream
      else { continue }
      let standing = seat(of: upstream).map { balancers[$0.backend].members[$0.member].standing }
      if standing?.role == role { continue }
      if wish.fallsBackToPrimary, standing?.role == .primary { continue }
      counters.streamsCut &+= 1
      abort(client: id, .roleLost)
    }
  }
}

extension Balancer.Wish {
  /// Of a listener's clients.
  init(_ stream: ProxyConfiguration.Stream) {
    role = stream.role
    fallsBackToPrimary = stream.role == .replica && stream.fallsBackToPrimary
  }
}
