internal import Synchronization

/// Clients that are told of what happens, as it happens (server-sent events, HTML section 9.2).
///
/// Such a client stays in its exchange: it sends nothing more, and gets all that is published. Without
/// a byte for `timeouts.response` it is closed, as one that reads nothing.
extension Worker {
  /// Clients at a time; the next one is told to come again.
  static let eventStreamLimit = 64
  /// Bytes that wait for a client; with more he is too slow, and is closed.
  static let eventBacklogLimit = 512 << 10

  mutating func openEventStream(_ id: SlotID, _ response: LocalResponse) {
    forgetEndedStreams()
    if let limit = snapshot.callers?.eventStreams, let caller = clients[id].caller,
      eventStreams.count(where: { clients[$0].caller == caller }) >= limit
    {
      return refuseStream(
        id, 429, "you follow the events over \(limit) connections already, as many as one may")
    }
    guard eventStreams.count < Self.eventStreamLimit, !isDraining else {
      return refuseStream(
        id, 503,
        "as many follow the events as may at a time (\(Self.eventStreamLimit)); try again soon")
    }
    clients[id].exchange.keepsAlive = false
    clients[id].exchange.responsePhase = .body
    counters.countResponse(response.status)
    clients[id].exchange.status = response.status
    // Counted before it hears anything: what is published from then on must reach it.
    eventStreams.append(id)
    forgetEndedStreams()
    if sendHead(of: response, to: id, count: nil) { send(event: response.body, to: id) }
  }

  /// In the form of all that the admin API refuses; the text needs no escape.
  private mutating func refuseStream(_ id: SlotID, _ status: UInt16, _ text: String) {
    var refusal = LocalResponse(
      status: status, contentType: "application/json",
      body: Array("{\"errors\": [\"\(text)\"]}\n".utf8))
    refusal.fields = [LocalField("Retry-After", "5")]
    deliver(refusal, to: id)
  }

  /// Gives the bytes to each; who cannot follow, or has been here for long, is closed and may come again.
  mutating func publish(_ bytes: [UInt8]) {
    for id in eventStreams where isEventStream(id) {
      let waiting = clients[id].transport.outbound.count
      if waiting > 0, waiting + bytes.count > Self.eventBacklogLimit {
        abort(client: id, .clientStalled)
      } else if now - clients[id].acceptedAt >= snapshot.times.connectionAge {
        endEventStream(id)
      } else {
        send(event: bytes, to: id)
      }
    }
    forgetEndedStreams()
  }

  mutating func endEventStreams() {
    for id in eventStreams where isEventStream(id) { endEventStream(id) }
    forgetEndedStreams()
  }

  private mutating func send(event bytes: [UInt8], to id: SlotID) {
    switch clients[id].transport.send(bytes.span, ciphertext: &ciphertext) {
    case .done: clients[id].lastProgress = now
    case .queued: break
    case .failed: return abort(client: id, .clientGoneInData)
    }
    clients[id].exchange.bytesOut &+= UInt64(bytes.count)
  }

  private mutating func endEventStream(_ id: SlotID) {
    settle(id, .done)
    clients[id].exchange = Exchange()
    endClient(id)
  }

  private mutating func forgetEndedStreams() {
    let open = eventStreams.filter { isEventStream($0) }
    eventStreams = open
    mailbox.audience.store(open.count, ordering: .relaxed)
  }

  private func isEventStream(_ id: SlotID) -> Bool {
    clients.contains(id) && clients[id].phase == .exchange && clients[id].exchange.isLocal
      && clients[id].exchange.responsePhase == .body
  }
}
