/// One request and its response, whatever carried them: rules meet carriers here.
///
/// The client's carrier fills `request` and counts `requestBody` down; the server's carrier counts
/// `responseBody` down. Both sides done: the exchange is over.
struct Exchange: ~Copyable {
  /// What is still to come of a body.
  enum Remaining {
    case done
    case bytes(UInt64)
    case chunks(ChunkedDecoder)
    case untilClose
  }

  enum ResponsePhase {
    /// No byte of a final head yet.
    case awaited
    case body
    case done
  }

  /// Whether the client waits for `100 Continue` before it sends its body.
  struct Asked {
    /// As it came, without the port.
    var host: [UInt8]
    /// Normalised.
    var path: [UInt8]
  }
  enum Continue { case notAsked, awaited, given }

  var snapshot: Snapshot?
  /// Who asks, where trusted proxies in front tell it.
  var client: IPAddress?
  /// What was asked for, where the policy has rules for requests: a new one is held against it.
  var asked: Asked?
  var upstream: SlotID?
  /// Index into the backends of the worker's current snapshot; nil once it has no such backend.
  var backend: Int?
  /// The server chosen last, by its index in the backend.
  var server: Int?
  /// What it wants of its server.
  var wish = Balancer.Wish()
  /// Of a backend that tells reads from writes.
  var isWrite = false
  /// Bytes both ways, of which nothing is understood.
  var isStream = false
  /// A stream whose client has not said enough to be told from one that tells of himself.
  var isOpening = false
  /// When it stops to wait for a server; `.max` while it does not.
  var queuedUntil = Int64.max
  /// In microseconds; 0 where nobody measures.
  var sentAt: Int64 = 0
  var attempts = 0

  /// It is to be counted when it ends.
  var isOpen = false
  var times = ExchangeTimes()
  /// Sent to the client; 0 while nothing is.
  var status: UInt16 = 0
  var ending = Ending.done
  /// Why it ended so, where more is known than the ending says.
  var detail: StaticString?
  /// What the policy's rules for requests said.
  var judgement = Judgement()
  /// Of the trace that it is part of; none when zero.
  var traceID = RequestID()
  /// Of the last server that failed it.
  var fault: Ending?
  /// Tries beyond the first.
  var retries: UInt16 = 0
  /// Of the head; of the body see `requestBodyBytes`.
  var bytesIn: UInt64 = 0
  /// To the client, heads and framing included.
  var bytesOut: UInt64 = 0

  var method = Method.get
  var isHTTP10 = false
  var keepsAlive = true
  var wantsUpgrade = false
  var takesTrailers = false
  var isLocal = false
  var local: LocalRequest?
  /// Its answer is being made elsewhere in this process.
  var isAnsweredLater = false
  var accepts = AcceptedReply.text
  /// Nil where the file does not ask for tracing.
  var trace: TraceRecord?
  var requestID = RequestID()
  /// Index into the routes of `snapshot`; nil while none has taken it.
  var route: Int?

  /// The request as the server gets it: kept whole while it may be sent again, else what waits.
  var request = ByteQueue()
  var requestHeadCount = 0
  /// How much of `request` a connection has been given.
  var requestGiven = 0
  var isReplayable = true
  /// The server takes no more of it.
  var isRequestRefused = false
  var requestBody = Remaining.done
  var requestBodyBytes: UInt64 = 0
  var bodyLimit = UInt64.max
  /// Of a body in chunks, what has come of it without their framing.
  var chunkedBytes: UInt64 = 0
  var continueState = Continue.notAsked

  var responsePhase = ResponsePhase.awaited
  /// 1xx responses so far.
  var interimCount = 0
  var responseBody = Remaining.done
  /// The client gets chunks though the server sends none, or the other way round.
  var chunksToClient = false
  var upstreamKeepsAlive = false
  /// When the rate of the request's body is looked at next.
  var bodyCheckAt = Int64.max
  var startedAt: Int64 = 0

  init() {}

  init(
    _ head: borrowing RequestHead, id: RequestID, keepsAlive: Bool, snapshot: Snapshot, now: Int64
  ) {
    self.snapshot = snapshot
    method = head.method
    isHTTP10 = head.isHTTP10
    wantsUpgrade = head.wantsUpgrade
    takesTrailers = head.takesTrailers
    accepts = head.accepts
    requestID = id
    self.keepsAlive = keepsAlive
    startedAt = now
    switch head.framing {
    case .none, .untilClose, .length(0): requestBody = .done
    case .length(let count): requestBody = .bytes(count)
    case .chunked: requestBody = .chunks(ChunkedDecoder())
    }
    guard !isRequestDone else { return }
    bodyCheckAt = now + snapshot.times.bodyRateCheck
    if head.expectsContinue, !isHTTP10 { continueState = .awaited }
  }

  var isRequestDone: Bool {
    if case .done = requestBody { true } else { false }
  }

  var isQueued: Bool { queuedUntil != .max }

  var isResponseDone: Bool {
    if case .done = responseBody { true } else { false }
  }

  /// May be sent again after the connection it was given to has failed without a byte in answer
  /// (http.md, section 4): what is idempotent, or what no server can have begun to act on.
  var isSafeToRepeat: Bool {
    guard isReplayable, responsePhase == .awaited else { return false }
    return method.isIdempotent || requestGiven == 0
  }

  func deadline(_ times: Times, lastProgress: Int64) -> Int64 {
    if isQueued { return queuedUntil }
    if continueState == .awaited { return lastProgress + times.continueWait }
    if !isRequestDone { return min(bodyCheckAt, lastProgress + times.body) }
    return lastProgress + times.response
  }
}
