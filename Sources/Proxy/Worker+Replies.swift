/// What the proxy itself answers.
extension Worker {
  /// Refuses a head or a body that can't be forwarded, and ends the connection: where the next
  /// request would begin is not known.
  mutating func refuse(_ id: SlotID, _ why: HeadRejection) {
    counters.requestsRefused &+= 1
    if clients[id].origin.admission.requests?.trustedProxies?.allows(
      clients[id].address, at: Clock.unixSeconds()) != true
    {
      tellRefused(clients[id].address, id)
    }
    if let upstream = clients[id].exchange.upstream { close(upstream: upstream) }
    guard clients[id].exchange.responsePhase == .awaited else {
      return abort(client: id, .malformedBody)
    }
    if clients[id].phase == .head {
      clients[id].exchange = Exchange()
      clients[id].exchange.requestID = requestIDs.next()
      openBooks(id, headBytes: 0)
    }
    clients[id].exchange.keepsAlive = false
    clients[id].exchange.ending = Reply.refused(why).ending
    reply(id, .refused(why))
  }

  /// Answers in the server's place.
  mutating func answer(_ id: SlotID, _ reply: Reply) {
    leaveQueue(id)
    if let upstream = clients[id].exchange.upstream { close(upstream: upstream) }
    // With a part of the body still to come, where the next request begins is far away.
    let isWhole = clients[id].exchange.isRequestDone
    clients[id].exchange.keepsAlive = clients[id].exchange.keepsAlive && isWhole
    clients[id].exchange.ending = clients[id].exchange.ending(for: reply)
    self.reply(id, reply)
  }

  mutating func redirectToHTTPS(_ id: SlotID, port: UInt16) {
    guard !requestHead.host.isEmpty else { return answer(id, .noRoute) }
    let head = intake.prefix(requestHead.byteCount)
    let location = RedirectTarget.secure(requestHead, head, port: port)
    sendLocation(id, location, status: 308)
  }

  mutating func redirect(_ id: SlotID, route: Int) {
    guard case .redirect(let target, let status) = snapshot.routes[route].action else { return }
    let head = intake.prefix(requestHead.byteCount)
    let location = RedirectTarget.filled(target, requestHead, head)
    let headers =
      clients[id].origin.isTLS
      ? snapshot.routes[route].secureHeaders.now : snapshot.routes[route].responseHeaders
    sendLocation(
      id, location, status: UInt16(clamping: status), adding: headers.lines)
  }

  /// Far above a target and a pattern, far below the room for a reply.
  private static let locationLimit = 256 << 10

  private mutating func sendLocation(
    _ id: SlotID, _ location: [UInt8], status: UInt16, adding lines: [UInt8] = []
  ) {
    guard location.count <= Self.locationLimit else { return answer(id, .headTooLarge) }
    let context = context(of: id)
    clients[id].exchange.ending = .redirected
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.writeRedirect(
      to: location.span, status: status, context, adding: lines.span, into: &output)
    finishReply(id, output.count, status: status)
  }

  private mutating func reply(_ id: SlotID, _ reply: Reply) {
    let context = context(of: id)
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.write(reply, context, into: &output)
    finishReply(id, output.count, status: reply.status)
  }

  mutating func finishReply(_ id: SlotID, _ count: Int, status: UInt16) {
    counters.countResponse(status)
    clients[id].exchange.status = status
    clients[id].exchange.responsePhase = .done
    let wasWhole = clients[id].exchange.isRequestDone
    guard sendScratch(to: id, count) else { return }
    settle(id, .done)
    let keeps = clients[id].exchange.keepsAlive && wasWhole
    clients[id].exchange = Exchange()
    guard keeps else { return endClient(id) }
    awaitRequest(id)
  }

  private func context(of id: SlotID) -> ReplyContext {
    ReplyContext(
      requestID: clients[id].exchange.requestID, isHead: clients[id].exchange.method == .head,
      accepts: clients[id].exchange.accepts, isHTTP10: clients[id].exchange.isHTTP10,
      keepsAlive: clients[id].exchange.keepsAlive)
  }
}
