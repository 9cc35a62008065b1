/// One side's connection: a socket, TLS on it or not, and what the kernel has not yet taken.
///
/// Plaintext in, plaintext out; the two receives and two sends of a request all happen here.
struct Transport: ~Copyable {
  enum Received: Equatable {
    /// Plaintext; for TLS it may be none, when a record is not yet whole.
    case bytes(Int)
    case wouldBlock, endOfStream, failed
  }

  enum Sent: Equatable {
    /// The kernel has it all.
    case done
    /// The rest waits in `outbound`; give no more until it is flushed.
    case queued
    case failed
  }

  let socket: Socket
  var tls: TLSStream?
  /// Bytes for the wire that wait for room.
  private(set) var outbound = ByteQueue()
  /// The last receive did not find the end of what is there.
  private(set) var isReadable = false
  /// The other side has sent its last byte, so a short receive is not the end of what is there.
  private(set) var isHungUp = false
  /// TLS's own end (close_notify) has come: what came before it is whole.
  private(set) var isClosed = false

  init(_ socket: consuming Socket, tls: consuming TLSStream? = nil) {
    self.socket = socket
    self.tls = tls
  }

  var hasOutbound: Bool { !outbound.isEmpty }

  mutating func note(_ readiness: Readiness) {
    if readiness.isReadable { isReadable = true }
    if readiness.isHungUp { isHungUp = true }
  }

  /// Something may have come before the event that tells of it.
  mutating func expectInput() { isReadable = true }

  /// Receives plaintext to `buffer` from `offset` on, at most `limit` bytes of it.
  mutating func receive(
    into buffer: ByteBuffer, at offset: Int, atMost limit: Int,
    ciphertext: inout CipherBuffers
  ) -> Received {
    guard !isClosed else { return .endOfStream }
    guard isReadable else { return .wouldBlock }
    if tls != nil { return receiveTLS(into: buffer, at: offset, ciphertext: &ciphertext) }
    let outcome = socket.receive(into: buffer, at: offset, atMost: limit)
    noteDrained(outcome, room: limit)
    return switch outcome {
    case .bytes(let count): .bytes(count)
    case .wouldBlock: .wouldBlock
    case .endOfStream: .endOfStream
    case .failed: .failed
    }
  }

  /// Sends plaintext, after all that already waits.
  mutating func send(_ plaintext: Span<UInt8>, ciphertext: inout CipherBuffers) -> Sent {
    guard tls != nil else { return sendRaw(plaintext) }
    ciphertext.clearOutgoing()
    // A piece at a time, so that no write is larger than the ciphertext buffer.
    var position = 0
    var outcome = Sent.done
    repeat {
      let end = min(plaintext.count, position + Self.encryptedAtOnce)
      guard tls?.encrypt(plaintext.extracting(position..<end)) == true else { return .failed }
      outcome = sendCiphertext(&ciphertext)
      position = end
    } while position < plaintext.count && outcome != .failed
    return outcome
  }

  /// Sends what the handshake, or an alert, left in the ciphertext buffers.
  mutating func sendCiphertext(_ ciphertext: inout CipherBuffers) -> Sent {
    let outcome = sendRaw(ciphertext.outgoing)
    ciphertext.clearOutgoing()
    return outcome
  }

  /// Says that nothing more comes, so that the end is no truncation.
  mutating func sendCloseNotify(_ ciphertext: inout CipherBuffers) -> Sent {
    ciphertext.clearOutgoing()
    tls?.writeCloseNotify()
    return sendCiphertext(&ciphertext)
  }

  /// Sends bytes that go before TLS.
  mutating func sendPlain(_ bytes: Span<UInt8>) -> Sent { sendRaw(bytes) }

  /// Keeps what is in the ciphertext buffers for the next send.
  mutating func holdCiphertext(_ ciphertext: inout CipherBuffers) {
    outbound.append(ciphertext.outgoing)
    ciphertext.clearOutgoing()
  }

  /// Tries again to send what waits.
  mutating func flush() -> Sent {
    while !outbound.isEmpty {
      switch socket.send(outbound.bytes) {
      case .bytes(let count): outbound.consume(count)
      case .wouldBlock: return .queued
      case .failed: return .failed
      }
    }
    return .done
  }

  /// One step of the handshake over what can be received now. `speaks`: there is something to say
  /// before anything was heard, as a client's hello.
  mutating func handshake(speaks: Bool, ciphertext: inout CipherBuffers) -> TLSStream.Step {
    ciphertext.reset()
    var step = speaks ? tls?.handshake() ?? .done : .needsMore
    while step == .needsMore, isReadable {
      let outcome = ciphertext.receive(from: socket)
      noteDrained(outcome, room: CipherBuffers.incomingCapacity)
      switch outcome {
      case .bytes: step = tls?.handshake() ?? .done
      case .wouldBlock: break
      case .endOfStream, .failed: return .failed(OpenSSLError(code: 0))
      }
    }
    return step
  }

  /// The largest burst of a response, and far above that what OpenSSL answers by itself.
  private static let unfetchedAnswers = 1 << 20
  private static let encryptedAtOnce = 256 << 10

  private mutating func receiveTLS(
    into buffer: ByteBuffer, at offset: Int, ciphertext: inout CipherBuffers
  ) -> Received {
    let outcome = ciphertext.receive(from: socket)
    noteDrained(outcome, room: CipherBuffers.incomingCapacity)
    switch outcome {
    case .bytes: return decrypt(into: buffer, at: offset, ciphertext: &ciphertext)
    case .wouldBlock: return .wouldBlock
    case .endOfStream: return .endOfStream
    case .failed: return .failed
    }
  }

  /// Plaintext of ciphertext that has already been received.
  mutating func decrypt(
    into buffer: ByteBuffer, at offset: Int, ciphertext: inout CipherBuffers
  ) -> Received {
    guard let result = tls?.decrypt(into: buffer, at: offset, from: ciphertext) else {
      return .failed
    }
    // OpenSSL may answer with a KeyUpdate or an alert; who asks for more than he fetches is cut off.
    if !ciphertext.outgoing.isEmpty {
      guard sendCiphertext(&ciphertext) != .failed, outbound.count <= Self.unfetchedAnswers else {
        return .failed
      }
    }
    switch result.ending {
    case .drained: return .bytes(result.count)
    case .closed:
      isReadable = true
      isClosed = true
      return result.count > 0 ? .bytes(result.count) : .endOfStream
    case .failed: return .failed
    }
  }

  private mutating func sendRaw(_ bytes: Span<UInt8>) -> Sent {
    guard !bytes.isEmpty else { return outbound.isEmpty ? .done : .queued }
    guard outbound.isEmpty else {
      outbound.append(bytes)
      return flush()
    }
    switch socket.send(bytes) {
    case .bytes(let count) where count == bytes.count: return .done
    case .bytes(let count): outbound.append(bytes.extracting(count...))
    case .wouldBlock: outbound.append(bytes)
    case .failed: return .failed
    }
    return .queued
  }

  /// A receive shorter than asked for has found the end: the next bytes bring a new event.
  private mutating func noteDrained(_ outcome: ReceiveOutcome, room: Int) {
    switch outcome {
    case .bytes(let count): isReadable = count == room || isHungUp
    case .wouldBlock: isReadable = false
    case .endOfStream, .failed: isReadable = true
    }
  }
}
