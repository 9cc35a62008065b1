/// How connections end.
extension Worker {
  /// Ends a client connection after all that was sent has gone out.
  mutating func endClient(_ id: SlotID) {
    guard clients[id].phase != .closed else { return }
    if clients[id].transport.tls != nil {
      if clients[id].transport.sendCloseNotify(&ciphertext) == .failed { return close(client: id) }
    }
    clients[id].enter(.closing, at: now)
    if clients[id].transport.hasOutbound { return arm(client: id) }
    finishClosing(id)
  }

  /// Ends our direction only, and waits for the client to end his: closing over bytes that he has
  /// just sent would reset the connection before he has read the answer (RFC 9112, section 9.6).
  mutating func finishClosing(_ id: SlotID) {
    clients[id].transport.socket.finishSending()
    clients[id].enter(.lingering, at: now)
    arm(client: id)
    again.append(Token(.client, id))
  }

  /// Ends a client connection and its exchange at once; what was not sent is lost.
  mutating func abort(client id: SlotID, _ ending: Ending) {
    guard clients[id].phase != .closed else { return }
    if clients[id].phase == .exchange { counters.aborts &+= 1 }
    settle(id, ending)
    close(client: id)
  }

  /// The poller forgets it when its socket closes, at the end of this turn, with the next wait after that.
  mutating func close(client id: SlotID) {
    guard clients.contains(id), clients[id].phase != .closed else { return }
    settleBrokenHead(id)
    settle(id, clientGone(id))
    leaveQueue(id)
    clients[id].phase = .closed
    closed.append(Token(.client, id))
    if let upstream = clients[id].exchange.upstream { close(upstream: upstream) }
  }

  /// Closes a connection to a server and parts it from its exchange.
  mutating func close(upstream id: SlotID) {
    guard upstreams.contains(id), upstreams[id].phase != .closed else { return }
    let wasIdle = upstreams[id].phase == .idle
    upstreams[id].phase = .closed
    closed.append(Token(.upstream, id))
    if let client = upstreams[id].client, clients.contains(client) {
      clients[client].exchange.upstream = nil
    }
    upstreams[id].client = nil
    guard wasIdle else { return endExchange(upstream: id) }
    if upstreams[id].snapshot === snapshot {
      servers[upstreams[id].server].idle.removeAll { $0 == id }
    }
  }
}
