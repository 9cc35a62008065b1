/// Requests answered within this process: the admin socket, and the demo's servers.
extension Worker {
  /// Bytes of a request body for a local responder; more is 413.
  static let localBodyLimit = 1 << 20

  /// Begins to collect the request; what is collected is kept in the exchange.
  mutating func beginLocal(_ id: SlotID) {
    clients[id].exchange.isLocal = true
    clients[id].exchange.ending = .answeredHere
    clients[id].exchange.local = localRequest(id)
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
    clients[id].exchange.local = nil
    guard let responder else { return answer(id, .noRoute) }
    let body = clients[id].exchange.request.takeAll()
    request.body = [UInt8](copying: body.bytes)
    let response = responder(request)
    know(id, as: response.caller)
    guard let later = response.later else { return deliver(response, to: id) }
    clients[id].exchange.isAnsweredLater = true
    let (requestID, mailbox) = (clients[id].exchange.requestID, mailbox)
    later { mailbox.post(.deliver($0, id, requestID)) }
  }

  /// What was made elsewhere; whoever asked may have gone, or have been told that it takes too long.
  mutating func deliver(_ response: LocalResponse, to id: SlotID, of request: RequestID) {
    guard clients.contains(id), clients[id].phase == .exchange,
      clients[id].exchange.isAnsweredLater, clients[id].exchange.requestID == request
    else { return }
    clients[id].exchange.isAnsweredLater = false
    clients[id].lastProgress = now
    deliver(response, to: id)
    guard clients[id].phase != .closed else { return }
    // What came meanwhile is looked at, as after any other answer.
    if clients[id].phase == .head { again.append(Token(.client, id)) }
    arm(client: id)
  }

  mutating func deliver(_ response: LocalResponse, to id: SlotID) {
    guard !response.isEventStream || clients[id].exchange.method == .head else {
      return openEventStream(id, response)
    }
    guard sendHead(of: response, to: id, count: response.body.count) else { return }
    if clients[id].exchange.method != .head {
      let sent = clients[id].transport.send(response.body.span, ciphertext: &ciphertext)
      guard sent != .failed else { return abort(client: id, .clientGoneInData) }
      clients[id].exchange.bytesOut &+= UInt64(response.body.count)
    }
    finishReply(id, 0, status: response.status)
  }

  /// False when that ended the client. `count`: of the body; nil where only its end tells.
  mutating func sendHead(of response: LocalResponse, to id: SlotID, count: Int?) -> Bool {
    let type = Array(response.contentType.utf8)
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.writeHead(
      status: response.status, contentType: type.span, count: count,
      ReplyContext(
        requestID: clients[id].exchange.requestID, isHead: false, accepts: .text,
        isHTTP10: clients[id].exchange.isHTTP10, keepsAlive: clients[id].exchange.keepsAlive),
      adding: response.lines, into: &output)
    let written = output.count
    return sendScratch(to: id, written)
  }

  private func localRequest(_ id: SlotID) -> LocalRequest {
    let head = intake.prefix(requestHead.byteCount)
    var request = LocalRequest(
      method: String(copying: head.extracting(requestHead.methodText)),
      path: String(copying: head.extracting(requestHead.path)),
      query: String(copying: head.extracting(requestHead.query)))
    request.fields = requestHead.fields.map {
      LocalField(
        String(copying: head.extracting($0.name)).lowercased(),
        String(copying: head.extracting($0.value)))
    }
    request.authority = String(copying: head.extracting(requestHead.authority))
    request.isTLS = clients[id].origin.isTLS
    request.peer = clients[id].peer
    if request.peer == nil {
      request.address = SocketAddress(clients[id].address, port: clients[id].port)
    }
    // A handshake under terms goes on only with a certificate that meets them, or none.
    if clients[id].verifier != nil {
      request.certificate = clients[id].transport.tls?.clientNames()
    }
    return request
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
