/// What follows when a deadline has come.
extension Worker {
  /// Makes sure that the connection is looked at by its deadline.
  mutating func arm(client id: SlotID) {
    let time = clients[id].deadline(snapshot.times)
    guard time < clients[id].armedAt else { return }
    clients[id].armedAt = time
    timers.add(Token(.client, id), at: time)
  }

  mutating func arm(upstream id: SlotID) {
    let time = upstreams[id].deadline(snapshot.times)
    guard time < upstreams[id].armedAt else { return }
    upstreams[id].armedAt = time
    timers.add(Token(.upstream, id), at: time)
  }

  mutating func timerFired(_ entry: Timers.Entry) {
    let id = entry.token.id
    switch entry.token.kind {
    case .client where clients.contains(id) && clients[id].armedAt == entry.time:
      clients[id].armedAt = .max
      if clients[id].deadline(snapshot.times) <= now { clientIsLate(id) }
      arm(client: id)
    case .upstream where upstreams.contains(id) && upstreams[id].armedAt == entry.time:
      upstreams[id].armedAt = .max
      if upstreams[id].deadline(snapshot.times) <= now { upstreamIsLate(id) }
      arm(upstream: id)
    case .listener: resumeAccepting()
    case .mailbox: returnsAreDue()
    case .client, .upstream: return
    }
  }

  private mutating func clientIsLate(_ id: SlotID) {
    guard !unknownIsLate(id) else { return }
    switch clients[id].phase {
    case .tunnel where clients[id].exchange.isQueued: queueIsLate(id)
    case .tunnel: abort(client: id, .clientStalled)
    case .announcing, .handshaking, .closing, .lingering:
      if clients[id].phase == .handshaking { countHandshakeFailure(id, .timeout) }
      close(client: id)
    case .head:
      if clients[id].headSince == nil { endClient(id) } else { refuse(id, .requestTimeout) }
    case .exchange: exchangeIsLate(id)
    case .closed: return
    }
  }

  private mutating func exchangeIsLate(_ id: SlotID) {
    guard !clients[id].exchange.isQueued else { return queueIsLate(id) }
    if clients[id].exchange.continueState == .awaited {
      sendContinue(id)
      return serviceClient(id)
    }
    guard clients[id].exchange.isRequestDone else { return requestBodyIsLate(id) }
    let isAwaited = clients[id].exchange.responsePhase == .awaited
    if let upstream = clients[id].exchange.upstream {
      countFailure(upstream: upstream, reason: "no answer in time")
      close(upstream: upstream)
    }
    if isAwaited { return answer(id, .gatewayTimeout) }
    abort(client: id, clients[id].transport.hasOutbound ? .clientStalled : .serverStalled)
  }

  /// Idle too long, or a trickle: 500 bytes a second on average after the first ten seconds.
  private mutating func requestBodyIsLate(_ id: SlotID) {
    let times = snapshot.times
    let waits = isRequestBlockedByServer(id)
    let elapsed = now - clients[id].exchange.startedAt
    let isSlow =
      clients[id].exchange.requestBodyBytes < UInt64(max(0, elapsed)) * 500 / 1000
    let isIdle = now - clients[id].lastProgress >= times.body
    guard isIdle || (isSlow && !waits) else {
      // Looked at and found fast enough: look again after the next interval.
      clients[id].exchange.bodyCheckAt = now + times.bodyRateCheck
      return
    }
    if let upstream = clients[id].exchange.upstream { close(upstream: upstream) }
    guard clients[id].exchange.responsePhase == .awaited else {
      return abort(client: id, waits ? .serverStalled : .bodyTimedOutInData)
    }
    answer(id, waits ? .gatewayTimeout : .requestTimeout)
  }

  private mutating func upstreamIsLate(_ id: SlotID) {
    switch upstreams[id].phase {
    case .connecting, .handshaking: upstreamFailed(id, .connectTimedOut)
    case .idle: close(upstream: id)
    case .busy, .closed: return
    }
  }
}
