/// Requests answered within this process: the admin socket, and the demo's servers.
extension Worker {
  /// Bytes of a request body for a local responder; more is 413.
  static let localBodyLimit = 1 << 20

  /// Begins to collect the request; what is collected is kept in the exchange.
  mutating func beginLocal(_ id: SlotID) {
    let head = intake.prefix(requestHead.byteCount)
    clients[id].exchange.isLocal = true
    clients[id].exchange.ending = .answeredHere
    clients[id].exchange.local = LocalRequest(
      method: String(copying: head.extracting(requestHead.methodText)),
      path: String(copying: head.extracting(requestHead.path)),
      query: String(copying: head.extracting(requestHead.query)), body: [],
      ifMatch: ifMatch(head), peer: clients[id].peer)
    if clients[id].exchange.continueState == .awaited { sendContinue(id) }
    answerLocalIfWhole(id)
  }

  /// Answers once the body is whole.
  mutating func answerLocalIfWhole(_ id: SlotID) {
    guard clients[id].exchange.request.count <= Self.localBodyLimit else {
      return answer(id, .contentTooLarge)
    }
    guard clients[id].exchange.isRequestDone, var request = clients[id].exchange.local else {
      return
    }
    guard let responder else { return answer(id, .noRoute) }
    let body = clients[id].exchange.request.takeAll()
    request.body = [UInt8](copying: body.bytes)
    let response = responder(request)
    let type = Array(response.contentType.utf8)
    let tag = Array((response.tag.map { "ETag: \"\($0)\"\r\n" } ?? "").utf8)
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.writeHead(
      status: response.status, contentType: type.span, count: response.body.count,
      ReplyContext(
        requestID: clients[id].exchange.requestID, isHead: false, accepts: .text,
        isHTTP10: clients[id].exchange.isHTTP10, keepsAlive: clients[id].exchange.keepsAlive),
      adding: tag, into: &output)
    let count = output.count
    guard sendScratch(to: id, count) else { return }
    if clients[id].exchange.method != .head {
      let sent = clients[id].transport.send(response.body.span, ciphertext: &ciphertext)
      guard sent != .failed else { return abort(client: id, .clientGoneInData) }
      clients[id].exchange.bytesOut &+= UInt64(response.body.count)
    }
    finishReply(id, 0, status: response.status)
  }

  /// Nil where the request has none; several are one list.
  private func ifMatch(_ head: Span<UInt8>) -> String? {
    let values = requestHead.fields.filter { head.extracting($0.name).isEqual("if-match") }
      .map { String(copying: head.extracting($0.value)) }
    return values.isEmpty ? nil : values.joined(separator: ",")
  }
}

extension Worker {
  /// The answer that a certificate authority looks for (RFC 8555, section 8.3); its connection ends.
  mutating func answerChallenge(_ id: SlotID, _ body: [UInt8]) {
    clients[id].exchange.keepsAlive =
      clients[id].exchange.isRequestDone && !clients[id].isForChallenge
      && clients[id].exchange.keepsAlive
    clients[id].exchange.ending = .answeredHere
    let isHead = clients[id].exchange.method == .head
    let type = Array("application/octet-stream".utf8)
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.writeHead(
      status: 200, contentType: type.span, count: body.count,
      ReplyContext(
        requestID: clients[id].exchange.requestID, isHead: isHead, accepts: .text,
        isHTTP10: clients[id].exchange.isHTTP10, keepsAlive: clients[id].exchange.keepsAlive),
      into: &output)
    if !isHead { output.put(body.span) }
    finishReply(id, output.count, status: 200)
  }
}

/// A request to this process itself.
public struct LocalRequest: Sendable {
  public let method: String
  /// Without the query; as it was sent.
  public let path: String
  public let query: String
  public internal(set) var body: [UInt8]
  /// As it was sent.
  public var ifMatch: String?
  /// Who asks, on a Unix socket.
  public var peer: PeerCredentials?
}

public struct LocalResponse: Sendable {
  public let status: UInt16
  public let contentType: String
  public let body: [UInt8]
  /// Sent as ETag, in quotes; letters, digits, `.` and `-` only.
  public let tag: String?

  public init(status: UInt16, contentType: String, body: [UInt8], tag: String? = nil) {
    self.status = status
    self.contentType = contentType
    self.body = body
    self.tag = tag
  }
}

extension String {
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension [UInt8] {
  init(copying bytes: Span<UInt8>) {
    self = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
  }
}
