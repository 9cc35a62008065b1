/// One thread and all it owns; it shares nothing, and hears from others through its mailbox only.
///
/// A turn: wait -> dispatch -> again -> timers -> mailbox -> remove what was closed.
struct Worker: ~Copyable {
  enum Phase {
    case running
    case draining(since: Int64)
    case stopped
  }

  let index: Int
  let mailbox: Mailbox
  /// Of all workers, this one's included.
  let mailboxes: [Mailbox]
  let responder: Responder?
  let log: EventLog

  var poller: Poller
  var timers = Timers()
  var listeners = Slab<Listener>()
  var clients = Slab<ClientConnection>()
  var upstreams = Slab<UpstreamConnection>()

  var snapshot: Snapshot
  /// Certificates of the current snapshot's listeners; they may be newer than the snapshot.
  var selectors: Selectors
  /// Per backend, then per server, of the current snapshot.
  var balancers: [Balancer] = []
  var servers: [ServerState] = []
  /// Exchanges that wait for a server, by backend of the current snapshot.
  var queues: [ExchangeQueue] = []

  /// Plaintext from the client, and from the server, of the event being handled.
  var intake = ReadBuffer(capacity: Worker.intakeCapacity)
  let upstreamIntake = ByteBuffer(capacity: Worker.upstreamCapacity)
  /// Heads and chunks on their way to a client.
  let scratch = ByteBuffer(capacity: Worker.scratchCapacity)
  var ciphertext: CipherBuffers
  var warm = WarmConnections()
  var requestHead = RequestHead()
  var responseHead = ResponseHead()

  var counters = Counters()
  var meters: Meters
  /// How long turns took, of some of them.
  var turnTimes = Histogram()
  var refusedSources = RefusedSources()
  var turns: UInt64 = 0
  var requestIDs = RequestIDs()
  /// Connections that have more to do and used up their share of this turn.
  var again: [Token] = []
  /// Connections closed in this turn: they stay where they are until it ends, so that no reference
  /// to them within the turn can fail.
  var closed: [Token] = []
  var bans = BanList()
  /// Refused requests that were told of in the second that began then.
  var refusals = 0
  var refusalsSince = Int64.min / 2
  var isAcceptPaused = false
  /// Clients that get what is published.
  var eventStreams: [SlotID] = []
  /// When the next complaint about a lack may go to the log.
  var complainsAgainAt = Int64.min
  /// Read once a turn.
  var now = Clock.milliseconds()
  var nowMicros = Clock.microseconds()
  var phase = Phase.running

  init(
    index: Int, mailboxes: [Mailbox], snapshot: consuming Snapshot, selectors: consuming Selectors,
    responder: Responder?, log: @escaping EventLog, poller: consuming Poller,
    ciphertext: consuming CipherBuffers
  ) {
    self.index = index
    self.mailboxes = mailboxes
    mailbox = mailboxes[index]
    self.responder = responder
    self.log = log
    self.poller = poller
    self.ciphertext = ciphertext
    self.snapshot = snapshot
    meters = Meters(self.snapshot)
    self.selectors = selectors
  }

  deinit {
    intake.memory.free()
    upstreamIntake.free()
    scratch.free()
  }

  /// Serves until it is told to stop; false when it could not begin.
  mutating func run(_ bound: [BoundListener]) -> Bool {
    guard poller.addLevel(mailbox.number, Token(.mailbox, SlotID(index: 0, generation: 1))) else {
      return false
    }
    makeServers()
    add(bound)
    while true {
      if case .stopped = phase { return true }
      turn()
    }
  }

  private mutating func turn() {
    let count = poller.wait(again.isEmpty ? timers.wait(from: now) : 0)
    nowMicros = Clock.microseconds()
    now = nowMicros / 1000
    var hasMail = false
    closeIdle(count)
    for index in 0..<count {
      let (token, readiness) = poller.event(index)
      switch token.kind {
      case .listener: accept(token.id)
      case .client: clientEvent(token.id, readiness)
      case .upstream: upstreamEvent(token.id, readiness)
      case .mailbox: hasMail = true
      }
    }
    if !again.isEmpty { goOn() }
    while let entry = timers.popDue(at: now) { timerFired(entry) }
    if hasMail { for command in mailbox.takeAll() { obey(command) } }
    removeClosed()
    endDrain()
    measureTurn()
  }

  /// Closes idle connections on which something came, before a request of the same turn can be given
  /// to one: bytes that answer nothing would be taken for its answer.
  private mutating func closeIdle(_ count: Int) {
    for index in 0..<count {
      let (token, readiness) = poller.event(index)
      guard token.kind == .upstream, upstreams.contains(token.id),
        upstreams[token.id].phase == .idle, readiness.isReadable
      else { continue }
      close(upstream: token.id)
    }
  }

  /// Gives the connections that used up their share the next one.
  private mutating func goOn() {
    let tokens = again
    again.removeAll(keepingCapacity: true)
    for token in tokens {
      switch token.kind {
      case .client where clients.contains(token.id): serviceClient(token.id)
      case .upstream where upstreams.contains(token.id): serviceUpstream(token.id)
      case .client, .upstream, .listener, .mailbox: continue
      }
    }
  }

  private mutating func removeClosed() {
    guard !closed.isEmpty else { return }
    for token in closed {
      switch token.kind {
      case .client: clients.remove(token.id)
      case .upstream: upstreams.remove(token.id)
      case .listener, .mailbox: continue
      }
    }
    closed.removeAll(keepingCapacity: true)
    if isAcceptPaused { resumeAccepting() }
  }

  // One receive decrypted, after a partial head and with a partial record before it.
  static let intakeCapacity = CipherBuffers.incomingCapacity + (160 << 10)
  /// Room before a response for the head that replaces the server's.
  static let headroom = 4 << 10
  static let upstreamCapacity = headroom + CipherBuffers.incomingCapacity + (160 << 10)
  static let scratchCapacity = upstreamCapacity + (64 << 10)
  /// Receives for one connection before others get their turn.
  static let receivesPerTurn = 4
}

/// Answers requests within this process: the admin socket, the demo's servers.
public typealias Responder = @Sendable (LocalRequest) -> LocalResponse

/// Where a worker tells what an administrator would want to know; never per request.
public typealias EventLog = @Sendable (ProxyEvent) -> Void

public enum ProxyEvent: Sendable, Equatable {
  /// Gets nothing from one worker for so long.
  case serverEjected(ServerID, reason: String, milliseconds: Int64)
  /// A request that the policy refused, or that was malformed; at most 1,000 a second and worker.
  case refusedRequest(client: IPAddress, listener: String)
  /// A request that was followed is over; at most one each.
  case traced(FinishedTrace)
  case trouble(String)
}
