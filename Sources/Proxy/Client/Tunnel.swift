/// After `101 Switching Protocols`: bytes both ways, until both sides have ended.
extension Worker {
  /// Moves the client's bytes to the server.
  mutating func relayTunnel(_ id: SlotID) {
    guard mayPass(id) else { return }
    let count = intake.count
    relayRequestBody(id)
    clients[id].exchange.bytesIn &+= UInt64(count - intake.count)
    intake.consume(intake.count)
  }

  /// The client has ended its direction; the other may go on.
  mutating func endTunnel(fromClient id: SlotID) {
    guard !clients[id].exchange.isRequestDone else { return }
    clients[id].exchange.requestBody = .done
    guard !clients[id].exchange.isResponseDone, let upstream = clients[id].exchange.upstream else {
      settle(id, .tunnelEnded)
      return endClient(id)
    }
    // Else when what waits has been flushed.
    if upstreams[upstream].phase == .busy, !upstreams[upstream].transport.hasOutbound {
      upstreams[upstream].transport.socket.finishSending()
    }
  }

  /// The server has ended its direction: what it sent goes out, then the tunnel ends.
  mutating func endTunnel(fromServer id: SlotID) {
    clients[id].exchange.responseBody = .done
    settle(id, .tunnelEnded)
    if let upstream = clients[id].exchange.upstream { close(upstream: upstream) }
    endClient(id)
  }
}
