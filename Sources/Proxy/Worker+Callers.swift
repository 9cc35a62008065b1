/// Bounds for each of those who ask, so that nobody keeps the others out (`CallerLimits`).
///
/// Each look goes over all connections: a door has a few hundred at most.
extension Worker {
  /// Of a connection that was just accepted; false where none could be made.
  mutating func makeRoom(for id: SlotID) -> Bool {
    guard let limits = snapshot.callers else { return true }
    if let peer = clients[id].peer {
      clients[id].caller = "uid \(peer.user)"
      return makeRoom(beside: id, limits.connections)
    }
    // Those that linger among them.
    let unknown = clients.ids().filter {
      clients[$0].caller == nil && clients[$0].phase != .closed
        && !clients[$0].exchange.isAnsweredLater
    }
    let source = Self.source(clients[id].address)
    let near = unknown.filter { Self.source(clients[$0].address) == source }
    if near.count > limits.unknownPerSource {
      closeOldest(of: near)
    } else if unknown.count > limits.unknown {
      closeOldest(of: unknown)
    }
    return true
  }

  /// Remembers who asks; with more connections than one may have, one that is idle makes room, or this
  /// one ends with its answer.
  mutating func know(_ id: SlotID, as caller: String?) {
    guard let caller, clients[id].caller == nil, let limits = snapshot.callers else { return }
    clients[id].caller = caller
    if !makeRoom(beside: id, limits.connections) { clients[id].exchange.keepsAlive = false }
  }

  /// True where its client's time to say who he is is over, and the connection with it.
  mutating func unknownIsLate(_ id: SlotID) -> Bool {
    guard snapshot.times.unknown < .max, clients[id].isUnknown,
      now - clients[id].acceptedAt >= snapshot.times.unknown
    else { return false }
    // At once: who lingers takes up room, too.
    close(client: id)
    return true
  }

  /// Among the connections of one caller; who waits for an answer, or follows events, does not make room.
  private mutating func makeRoom(beside id: SlotID, _ limit: Int) -> Bool {
    let caller = clients[id].caller
    let own = clients.ids().filter { clients[$0].caller == caller && clients[$0].phase != .closed }
    guard own.count > limit else { return true }
    let others = own.filter { other in
      guard other != id else { return false }
      return switch clients[other].phase {
      case .exchange: !clients[other].exchange.isRequestDone
      case .announcing, .handshaking, .head, .closing, .lingering: true
      case .tunnel, .closed: false
      }
    }
    // To whom something is still being sent comes last.
    let quiet = others.filter { !clients[$0].transport.hasOutbound }
    guard
      let idle = (quiet.isEmpty ? others : quiet)
        .min(by: { clients[$0].lastProgress < clients[$1].lastProgress })
    else { return false }
    close(client: idle)
    return true
  }

  private mutating func closeOldest(of all: [SlotID]) {
    if let oldest = all.min(by: { clients[$0].acceptedAt < clients[$1].acceptedAt }) {
      close(client: oldest)
    }
  }

  /// Who has one address of an IPv6 /64 has all of them.
  private static func source(_ address: IPAddress) -> IPAddress {
    switch address {
    case .ipv4: address
    case .ipv6(let bits): .ipv6(bits >> 64)
    }
  }
}
