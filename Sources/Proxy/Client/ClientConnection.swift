/// A connection from a client, carrying HTTP/1.
///
/// announcing ──▶ handshaking ──▶ head ──whole head──▶ exchange ──response sent──▶ head
///                  │                      ├──101──▶ tunnel ──▶ closing
///                  └──refused─────────────┴──last response──▶ closing ──flushed──▶ lingering ──▶ closed
struct ClientConnection: ~Copyable {
  enum Phase { case announcing, handshaking, head, exchange, tunnel, closing, lingering, closed }

  var transport: Transport
  /// The client's; a balancer in front may have told of it.
  var address: IPAddress
  var port: UInt16
  /// The balancer in front that told of it.
  var balancer: IPAddress?
  var origin: ListenerFacts
  /// What the hello asked for; empty where it named nobody. OpenSSL forgets it when a session of TLS
  /// 1.2 is resumed.
  var serverName: [UInt8] = []
  /// On a Unix socket.
  var peer: PeerCredentials?
  /// Who asks, once an answer has named him.
  var caller: String?
  /// The terms under which the client's own certificate was asked for; nil where it was not.
  var verifier: ClientVerifier?
  /// As `Client-Cert` tells it to servers (RFC 9440); empty without one.
  var certificate: [UInt8] = []
  /// Common name of its certificate.
  var clientName: [UInt8] = []
  /// The policy would refuse it, if it did more than watch.
  var isAudited = false
  /// What the log will tell of the request under way.
  var note = RequestNote()
  /// The policy lets nobody in from there, but an authority may look for its challenge.
  var isForChallenge = false
  /// Made by the control thread, to see which certificate is served.
  var isProbe = false

  var phase: Phase
  var exchange = Exchange()
  /// Plaintext received past what could be used: part of a head, or a pipelined request.
  var inbound = ByteQueue()
  /// How far an incomplete head was searched for its end.
  var headScanned = 0

  /// When the first byte of an incomplete head came.
  var headSince: Int64?
  let acceptedAt: Int64
  /// When this phase, or this wait within it, began.
  var phaseSince: Int64
  /// When a byte last moved either way.
  var lastProgress: Int64
  /// The time of this connection's live timer entry.
  var armedAt = Int64.max
  var requestCount = 0
  /// How much to read from a server at once: grows while this client takes it all.
  var burst = 64 << 10

  init(
    _ transport: consuming Transport, from address: IPAddress, port: UInt16,
    origin: ListenerFacts, isAnnounced: Bool, now: Int64
  ) {
    self.transport = transport
    self.address = address
    self.port = port
    self.origin = origin
    phase = isAnnounced ? .announcing : origin.isTLS ? .handshaking : .head
    acceptedAt = now
    phaseSince = now
    lastProgress = now
  }

  mutating func enter(_ phase: Phase, at now: Int64) {
    self.phase = phase
    phaseSince = now
    lastProgress = now
  }

  /// When to look at this connection if nothing happens before.
  func deadline(_ times: Times) -> Int64 {
    guard times.unknown < .max, isUnknown else { return ownDeadline(times) }
    return min(ownDeadline(times), acceptedAt + times.unknown)
  }

  /// Has not said who he is, and is not about to be told what he asked for.
  var isUnknown: Bool {
    guard caller == nil, !exchange.isAnsweredLater else { return false }
    return switch phase {
    case .announcing, .handshaking, .head, .exchange: true
    case .tunnel, .closing, .lingering, .closed: false
    }
  }

  private func ownDeadline(_ times: Times) -> Int64 {
    switch phase {
    case .announcing, .handshaking: acceptedAt + times.handshake
    case .head: headSince.map { $0 + times.head } ?? phaseSince + times.idle
    case .exchange: exchange.deadline(times, lastProgress: lastProgress)
    case .tunnel: min(lastProgress + times.tunnel, exchange.queuedUntil)
    case .closing: lastProgress + times.idle
    case .lingering: min(phaseSince + times.lingerInAll, lastProgress + times.linger)
    case .closed: .max
    }
  }

  /// Grows after a burst that the kernel took whole, shrinks for a slow client: a slow one then
  /// holds little memory, a fast one gets few system calls.
  mutating func adaptBurst(taken: Bool) {
    burst = taken ? min(2 * burst, 256 << 10) : 16 << 10
  }
}

/// What a connection keeps of the listener that accepted it; a later generation may have changed it.
struct ListenerFacts {
  let port: UInt16
  let redirectToHTTPSPort: UInt16?
  let name: String
  /// Among the current snapshot's listeners; nil once it is gone.
  var index: Int?
  /// Moves bytes in place of HTTP; that of the newest generation, whose backends it counts.
  var stream: ProxyConfiguration.Stream?
  /// That of the newest generation.
  var admission: Admission
  /// Held while the connection lives: its handshake asks it, and which hosts its requests may name
  /// is a matter of the certificates it was made under.
  let selector: CertificateSelector?
  /// That of the newest generation, for what a host asks of its clients.
  var newest: CertificateSelector?
  /// The newest generation has no listener of this name: nothing may be asked over it any longer.
  var isGone = false

  var isTLS: Bool { selector != nil }
}
