/// The request's bytes on their way to the server.
extension Worker {
  /// Moves body bytes from the intake towards the server, as many as belong to this request.
  mutating func relayRequestBody(_ id: SlotID, push: Bool = true) {
    let before = intake.count
    switch clients[id].exchange.requestBody {
    case .done: return
    case .bytes(let remaining):
      let count = Int(min(remaining, UInt64(intake.count)))
      clients[id].exchange.requestBody =
        UInt64(count) == remaining ? .done : .bytes(remaining - UInt64(count))
      give(id, count)
    case .chunks: relayChunks(id)
    case .untilClose: give(id, intake.count)
    }
    let moved = before - intake.count
    guard moved > 0, clients[id].phase == .exchange else { return }
    clients[id].exchange.requestBodyBytes &+= UInt64(moved)
    if clients[id].exchange.continueState == .awaited {
      clients[id].exchange.continueState = .given
    }
    if clients[id].exchange.isLocal { return answerLocalIfWhole(id) }
    if push { pushRequest(id) }
  }

  /// Gives what is kept of the request to the connection, if it is ready for it.
  mutating func pushRequest(_ id: SlotID) {
    guard let upstream = clients[id].exchange.upstream, upstreams[upstream].phase == .busy else {
      return
    }
    guard !clients[id].exchange.isRequestRefused else { return forgetAll(id) }
    let given = clients[id].exchange.requestGiven
    guard given < clients[id].exchange.request.count else { return }
    var request = clients[id].exchange.request.takeAll()
    // Before the send: one that fails half-way may have given a part.
    clients[id].exchange.requestGiven = request.count
    let sent = upstreams[upstream].transport.send(
      request.bytes.extracting(given...), ciphertext: &ciphertext)
    swap(&request, &clients[id].exchange.request)
    guard sent != .failed else { return sendFailed(to: upstream, of: id) }
    if !clients[id].exchange.isReplayable { forgetRequest(id) }
  }

  /// What was given need not be kept any more.
  mutating func forgetRequest(_ id: SlotID) {
    clients[id].exchange.request.consume(clients[id].exchange.requestGiven)
    clients[id].exchange.requestGiven = 0
    clients[id].exchange.isReplayable = false
  }

  private mutating func forgetAll(_ id: SlotID) {
    clients[id].exchange.request.removeAll()
    clients[id].exchange.requestGiven = 0
  }

  /// More must not be read from the client before the server has taken what there is.
  func isRequestBlockedByServer(_ id: SlotID) -> Bool {
    guard !clients[id].exchange.isLocal else { return false }
    guard let upstream = clients[id].exchange.upstream, upstreams.contains(upstream) else {
      return true
    }
    switch upstreams[upstream].phase {
    case .busy: return upstreams[upstream].transport.hasOutbound
    case .connecting, .handshaking:
      return clients[id].exchange.request.count >= snapshot.limits.replayBytes
    case .idle, .closed: return true
    }
  }

  /// Takes `count` bytes of the intake, of a body whose framing needs none of ours.
  private mutating func give(_ id: SlotID, _ count: Int) {
    guard count > 0 else { return }
    guard !clients[id].exchange.isRequestRefused else { return intake.consume(count) }
    let input = intake
    let kept = clients[id].exchange.request.count
    let fits = kept + count <= snapshot.limits.replayBytes
    if clients[id].exchange.isLocal || (clients[id].exchange.isReplayable && fits) {
      clients[id].exchange.request.append(input.prefix(count))
      return intake.consume(count)
    }
    clients[id].exchange.isReplayable = false
    pushRequest(id)
    guard clients[id].phase == .exchange || clients[id].phase == .tunnel else { return }
    guard let upstream = clients[id].exchange.upstream, upstreams[upstream].phase == .busy else {
      clients[id].exchange.request.append(input.prefix(count))
      return intake.consume(count)
    }
    forgetRequest(id)
    let sent = upstreams[upstream].transport.send(
      input.prefix(count), ciphertext: &ciphertext)
    intake.consume(count)
    if sent == .failed { sendFailed(to: upstream, of: id) }
  }

  /// The server takes no more; but it may have answered before it closed, as one does that refuses
  /// a large body. Then the rest of the request is read and dropped.
  private mutating func sendFailed(to upstream: SlotID, of id: SlotID) {
    upstreams[upstream].transport.expectInput()
    clients[id].exchange.isRequestRefused = true
    serviceUpstream(upstream)
    guard upstreams[upstream].phase == .busy, clients[id].exchange.upstream == upstream,
      clients[id].exchange.responsePhase == .awaited
    else { return }
    upstreamFailed(upstream, .broke)
  }

  /// Decodes chunks and writes our own: framing that we forward is always ours.
  private mutating func relayChunks(_ id: SlotID) {
    guard case .chunks(var decoder) = clients[id].exchange.requestBody else { return }
    let input = intake
    var position = 0
    var used = 0
    var isOver = false
    var isTooLarge = false
    var refusal: HeadRejection?
    var total = clients[id].exchange.request.count
    while !isOver && refusal == nil {
      let step = decoder.next(input.bytes, from: &position)
      switch step {
      case .data(let range):
        let data = input.bytes.extracting(range)
        total += data.count
        clients[id].exchange.chunkedBytes &+= UInt64(data.count)
        isTooLarge = clients[id].exchange.chunkedBytes > clients[id].exchange.bodyLimit
        guard !isTooLarge else {
          isOver = true
          break
        }
        if clients[id].exchange.isLocal {
          clients[id].exchange.request.append(data)
        } else {
          appendChunk(id, data)
        }
      case .needsMore: isOver = true
      case .end:
        if !clients[id].exchange.isLocal, !appendLastChunk(id, decoder) { refusal = .badTrailer }
        clients[id].exchange.requestBody = .done
        isOver = true
      case .reject(let why): refusal = why
      }
      used = position
    }
    intake.consume(used)
    if let refusal { return refuse(id, refusal) }
    if isTooLarge {
      guard clients[id].exchange.responsePhase == .awaited else {
        return abort(client: id, .malformedBody)
      }
      return answer(id, .contentTooLarge)
    }
    if !clients[id].exchange.isRequestDone { clients[id].exchange.requestBody = .chunks(decoder) }
    if total > snapshot.limits.replayBytes { clients[id].exchange.isReplayable = false }
  }

  private mutating func appendChunk(_ id: SlotID, _ data: Span<UInt8>) {
    let scratch = scratch
    var output = scratch.output(at: 0)
    ChunkWriter.writeSize(data.count, into: &output)
    let count = output.count
    clients[id].exchange.request.append(scratch.bytes(0..<count))
    clients[id].exchange.request.append(data)
    clients[id].exchange.request.append(Self.lineEnd.span)
  }

  private mutating func appendLastChunk(
    _ id: SlotID, _ decoder: borrowing ChunkedDecoder
  ) -> Bool {
    let scratch = scratch
    var output = scratch.output(at: 0)
    guard ChunkWriter.writeEnd(decoder, into: &output) else { return false }
    let count = output.count
    clients[id].exchange.request.append(scratch.bytes(0..<count))
    return true
  }

  static let lineEnd: InlineArray<2, UInt8> = [13, 10]
}
