/// A connection to a server: connecting ──▶ handshaking ──▶ busy ◀──▶ idle ──▶ closed.
struct UpstreamConnection: ~Copyable {
  enum Phase { case connecting, handshaking, busy, idle, closed }

  var transport: Transport
  var phase = Phase.connecting
  /// The generation that it belongs to; it is not kept beyond it.
  var snapshot: Snapshot
  /// Index into the snapshot's servers.
  var server: Int
  /// Whose exchange it carries.
  var client: SlotID?
  /// It has carried an exchange before, so the server may just have closed it.
  var isReused = false
  /// It holds one of its server's slots.
  var holdsSlot = false
  /// An incomplete response head or chunk line.
  var inbound = ByteQueue()
  var phaseSince: Int64
  var armedAt = Int64.max

  init(_ transport: consuming Transport, snapshot: Snapshot, server: Int, now: Int64) {
    self.transport = transport
    self.snapshot = snapshot
    self.server = server
    phaseSince = now
  }

  func deadline(_ times: Times) -> Int64 {
    switch phase {
    case .connecting, .handshaking: phaseSince + times.connect
    case .idle: phaseSince + times.pool
    case .busy, .closed: .max
    }
  }
}
