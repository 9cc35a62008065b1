/// The server's bytes on their way to the client.
extension Worker {
  /// Takes what a server sent: heads, then body.
  mutating func relayResponse(_ id: SlotID, from upstream: SlotID, _ range: Range<Int>) {
    var range = range
    var headCount = 0
    while clients[id].exchange.responsePhase == .awaited {
      let outcome = HeadParser.parseResponse(
        upstreamIntake.bytes(range), to: clients[id].exchange.method,
        limits: snapshot.responseHeadLimits, into: &responseHead)
      switch outcome {
      case .needsMore:
        return upstreams[upstream].inbound.append(upstreamIntake.bytes(range))
      case .reject(let why): return upstreamFailed(upstream, .badResponse(why))
      case .head: break
      }
      let next = range.lowerBound + responseHead.byteCount
      if responseHead.isInterim {
        guard clients[id].exchange.interimCount < Self.interimLimit else {
          return upstreamFailed(upstream, .badResponse(.badStatus))
        }
        guard relayInterim(id, range) else { return }
      } else {
        guard let count = beginResponse(id, range) else {
          return upstreamFailed(upstream, .badResponse(.badStatus))
        }
        headCount = count
      }
      range = next..<range.upperBound
      // More may follow an interim response at once, or later.
      if range.isEmpty && clients[id].exchange.responsePhase == .awaited { return }
    }
    relayBody(id, from: upstream, range, headCount: headCount)
  }

  /// 1xx responses before the final one: without a limit they would hold off every timeout.
  private static var interimLimit: Int { 16 }

  /// Passes on a 1xx response to a client that may get one; false when that ended the client.
  private mutating func relayInterim(_ id: SlotID, _ range: Range<Int>) -> Bool {
    clients[id].exchange.interimCount += 1
    let isContinue = responseHead.status == 100
    if isContinue {
      // Ours has gone out already, or nobody asked.
      guard clients[id].exchange.continueState == .awaited else { return true }
      sendContinue(id)
      return clients[id].phase == .exchange
    }
    guard !clients[id].exchange.isHTTP10, responseHead.status != 101 else { return true }
    let scratch = scratch
    var output = scratch.output(at: 0)
    guard HeadWriter.writeInterim(responseHead, upstreamIntake.bytes(range), into: &output) else {
      return true
    }
    let count = output.count
    return sendScratch(to: id, count)
  }

  /// Tells the client to go on with its body, and reads it.
  mutating func sendContinue(_ id: SlotID) {
    clients[id].exchange.continueState = .given
    clients[id].lastProgress = now
    let scratch = scratch
    var output = scratch.output(at: 0)
    Replies.writeContinue(into: &output)
    let count = output.count
    guard sendScratch(to: id, count) else { return }
    again.append(Token(.client, id))
  }

  /// Writes the client's head into `scratch` and says how long it is; nil when there can be none.
  private mutating func beginResponse(_ id: SlotID, _ range: Range<Int>) -> Int? {
    let status = responseHead.status
    let isUpgrade = status == 101
    guard !isUpgrade || clients[id].exchange.wantsUpgrade else { return nil }
    clients[id].exchange.upstreamKeepsAlive = responseHead.keepsAlive
    setFraming(id)
    // An answer before the request's end: the rest of the request could only be thrown away.
    let keeps = clients[id].exchange.keepsAlive && clients[id].exchange.isRequestDone && !isDraining
    clients[id].exchange.keepsAlive = keeps
    let context = ResponseContext(
      isHTTP10: clients[id].exchange.isHTTP10, keepsAlive: keeps, isUpgrade: isUpgrade,
      isChunked: clients[id].exchange.chunksToClient, length: responseLength,
      requestID: clients[id].exchange.requestID)
    let scratch = scratch
    var output = scratch.output(at: 0)
    let route = clients[id].exchange.route
    let headers = route.flatMap { route in
      clients[id].origin.isTLS
        ? clients[id].exchange.snapshot?.routes[route].secureHeaders.now
        : clients[id].exchange.snapshot?.routes[route].responseHeaders
    }
    guard
      HeadWriter.writeResponse(
        responseHead, upstreamIntake.bytes(range), context, setting: headers,
        adding: ownCookies(id, status).span, into: &output)
    else { return nil }
    let count = output.count
    counters.countResponse(status)
    clients[id].exchange.status = status
    clients[id].exchange.times.answered = nowMicros
    if let upstream = clients[id].exchange.upstream {
      countAnswer(id, from: upstream, status: status)
    }
    clients[id].exchange.responsePhase = .body
    forgetRequest(id)
    if isUpgrade {
      clients[id].exchange.responseBody = .untilClose
      clients[id].exchange.requestBody = .untilClose
      clients[id].enter(.tunnel, at: now)
      again.append(Token(.client, id))
    }
    return count
  }

  /// Cookies that keep the client with his server, or with the primary after a write.
  private func ownCookies(_ id: SlotID, _ status: UInt16) -> [UInt8] {
    guard let backend = clients[id].exchange.backend,
      snapshot.choosesByRequest[backend]
    else { return [] }
    let plan = snapshot.backends[backend]
    let isTLS = clients[id].origin.isTLS
    var lines: [UInt8] = []
    // After a new generation it is not known which server this is.
    if let server = clients[id].exchange.server, clients[id].exchange.wish.stuckTo != server {
      lines += plan.affinity.setCookie(server, isTLS: isTLS)
    }
    if let split = plan.split, clients[id].exchange.isWrite, (200..<400).contains(status) {
      lines += split.setCookie(isTLS: isTLS, at: Clock.unixSeconds())
    }
    return lines
  }

  /// What Content-Length says to the client; nil where the field itself is passed on, or none is.
  private var responseLength: UInt64? {
    if case .length(let count) = responseHead.framing { count } else { nil }
  }

  private mutating func setFraming(_ id: SlotID) {
    let isHTTP10 = clients[id].exchange.isHTTP10
    clients[id].exchange.chunksToClient = false
    switch responseHead.framing {
    case .none: clients[id].exchange.responseBody = .done
    case .length(0): clients[id].exchange.responseBody = .done
    case .length(let count): clients[id].exchange.responseBody = .bytes(count)
    case .chunked:
      clients[id].exchange.responseBody = .chunks(ChunkedDecoder())
      clients[id].exchange.chunksToClient = !isHTTP10
      if isHTTP10 { clients[id].exchange.keepsAlive = false }
    case .untilClose:
      clients[id].exchange.responseBody = .untilClose
      clients[id].exchange.chunksToClient = !isHTTP10
      if isHTTP10 { clients[id].exchange.keepsAlive = false }
    }
  }

  /// Passes on body bytes, behind a head of `headCount` bytes that waits in `scratch`.
  private mutating func relayBody(
    _ id: SlotID, from upstream: SlotID, _ range: Range<Int>, headCount: Int
  ) {
    var isClean = true
    switch clients[id].exchange.responseBody {
    case .done:
      isClean = range.isEmpty
      guard sendScratch(to: id, headCount) else { return }
    case .bytes(let remaining):
      let count = Int(min(remaining, UInt64(range.count)))
      isClean = count == range.count
      clients[id].exchange.responseBody =
        UInt64(count) == remaining ? .done : .bytes(remaining - UInt64(count))
      guard send(to: id, range.prefix(count), headCount: headCount) else { return }
    case .untilClose where !clients[id].exchange.chunksToClient:
      guard send(to: id, range, headCount: headCount) else { return }
    case .untilClose:
      let count = wrapChunk(range, after: headCount)
      guard sendScratch(to: id, count) else { return }
    case .chunks(var decoder):
      guard let used = rechunk(id, &decoder, range, after: headCount) else {
        return upstreamFailed(upstream, .badResponse(.badChunk))
      }
      guard sendScratch(to: id, used.written) else { return }
      isClean = used.consumed == range.count || !clients[id].exchange.isResponseDone
    }
    guard clients[id].phase == .exchange, clients[id].exchange.isResponseDone else { return }
    // Bytes after the end answer nothing: that connection is not used again.
    if !isClean { clients[id].exchange.upstreamKeepsAlive = false }
    finishExchange(id)
  }

  /// One chunk of the whole range, behind what `scratch` holds; says how long it is then.
  private mutating func wrapChunk(_ range: Range<Int>, after written: Int) -> Int {
    guard !range.isEmpty else { return written }
    let scratch = scratch
    var output = scratch.output(at: written)
    ChunkWriter.writeSize(range.count, into: &output)
    var end = written + output.count
    scratch.copy(upstreamIntake.bytes(range), to: end)
    end += range.count
    scratch.copy(Self.lineEnd.span, to: end)
    return end + Self.lineEnd.count
  }

  /// Decodes the server's chunks and writes ours, or plain bytes for HTTP/1.0; nil when the server's
  /// are malformed.
  private mutating func rechunk(
    _ id: SlotID, _ decoder: inout ChunkedDecoder, _ range: Range<Int>, after written: Int
  ) -> (written: Int, consumed: Int)? {
    var end = written
    var position = 0
    while true {
      switch decoder.next(upstreamIntake.bytes(range), from: &position) {
      case .data(let data):
        let piece = range.lowerBound + Int(data.start)..<range.lowerBound + Int(data.end)
        if clients[id].exchange.chunksToClient {
          end = wrapChunk(piece, after: end)
        } else {
          scratch.copy(upstreamIntake.bytes(piece), to: end)
          end += piece.count
        }
      case .needsMore:
        clients[id].exchange.responseBody = .chunks(decoder)
        return (end, position)
      case .end:
        clients[id].exchange.responseBody = .done
        guard clients[id].exchange.chunksToClient else { return (end, position) }
        return endChunks(decoder, id, after: end).map { ($0, position) }
      case .reject: return nil
      }
    }
  }

  /// The last chunk, with the trailers if the client asked for any.
  private func endChunks(
    _ decoder: borrowing ChunkedDecoder, _ id: SlotID, after end: Int
  ) -> Int? {
    let scratch = scratch
    var output = scratch.output(at: end)
    if clients[id].exchange.takesTrailers {
      guard ChunkWriter.writeEnd(decoder, into: &output) else { return nil }
    } else {
      ChunkWriter.writeEnd(into: &output)
    }
    return end + output.count
  }

  /// The response is whole: the server's connection goes to its pool, the client may ask again.
  mutating func finishExchange(_ id: SlotID) {
    let isRequestDone = clients[id].exchange.isRequestDone
    if let upstream = clients[id].exchange.upstream {
      release(upstream, of: id, isReusable: isRequestDone)
    }
    let keeps = clients[id].exchange.keepsAlive && isRequestDone
    settle(id, .done)
    clients[id].exchange = Exchange()
    guard keeps else { return endClient(id) }
    awaitRequest(id)
  }

  /// The client may ask again; while draining only who has already done so.
  mutating func awaitRequest(_ id: SlotID) {
    clients[id].enter(.head, at: now)
    if clients[id].transport.isReadable || !clients[id].inbound.isEmpty {
      again.append(Token(.client, id))
    } else if isDraining {
      endClient(id)
    }
  }

  private mutating func release(_ upstream: SlotID, of id: SlotID, isReusable: Bool) {
    let server = upstreams[upstream].server
    guard isReusable, clients[id].exchange.upstreamKeepsAlive,
      announcement(of: upstream) == nil,
      upstreams[upstream].snapshot === snapshot, !upstreams[upstream].transport.hasOutbound,
      !upstreams[upstream].transport.isReadable,
      servers[server].idle.count < snapshot.limits.idlePerServer
    else { return close(upstream: upstream) }
    clients[id].exchange.upstream = nil
    upstreams[upstream].client = nil
    upstreams[upstream].phase = .idle
    upstreams[upstream].phaseSince = now
    endExchange(upstream: upstream)
    servers[server].idle.append(upstream)
    arm(upstream: upstream)
  }
}
