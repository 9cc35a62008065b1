internal import Glibc

/// What the probes of one thread share; only the probe at hand uses it.
final class ProbeRoom {
  var ciphertext: CipherBuffers
  /// A whole receive and the partial record before it.
  let buffer = ByteBuffer(capacity: CipherBuffers.incomingCapacity + (32 << 10))

  init(_ ciphertext: consuming CipherBuffers) { self.ciphertext = ciphertext }

  deinit { buffer.free() }
}

/// One check under way: connects, shakes hands, asks, and judges; never blocks.
final class Probe {
  private enum Phase { case connecting, handshaking, exchanging }

  private var transport: Transport
  private var phase = Phase.connecting
  private var exchange: (any ProbeExchange)?
  private let announcement: ProxyConfiguration.Backend.Announcement?
  /// In microseconds.
  let start: Int64

  /// Receives of one event; nothing that may come needs as many, so more is a flood.
  private static let receivesPerEvent = 64
  private static let receiveLimit = 64 << 10

  init(_ target: ProbeTarget, _ context: TLSContext?, _ room: ProbeRoom) throws(SocketError) {
    start = Clock.microseconds()
    announcement = target.announcement
    exchange = target.check.exchange(host: target.host, isTLS: target.tls != nil)
    let socket = try Socket.connect(to: target.address)
    guard let tls = target.tls, let context else {
      transport = Transport(socket)
      return
    }
    let stream = TLSStream.connecting(context, name: tls.serverName, over: room.ciphertext)
    if case .grpc = target.check { stream?.offer([2, 0x68, 0x32]) }
    guard stream != nil else { throw SocketError(attempted: "start TLS", errno: ENOMEM) }
    transport = Transport(socket, tls: stream)
  }

  var number: Int32 { transport.socket.number }

  /// What is awaited, as "timed out while ..." goes on.
  var awaited: String {
    switch phase {
    case .connecting: "connecting"
    case .handshaking: "waiting for the TLS handshake"
    case .exchanging: "waiting for \(exchange?.awaited ?? "nothing")"
    }
  }

  /// Goes as far as it can; a finding ends it.
  func advance(_ readiness: Readiness, _ room: ProbeRoom) -> ProbeFinding? {
    transport.note(readiness)
    if readiness.isWritable, phase != .connecting, transport.flush() == .failed { return broke }
    switch phase {
    case .connecting:
      guard readiness.isWritable || readiness.isBroken else { return nil }
      let failure = transport.socket.connectError()
      guard failure == 0 else { return Self.unreachable(failure) }
      guard announce() else { return broke }
      guard transport.tls != nil else { return ready(room) }
      phase = .handshaking
      return shakeHands(room)
    case .handshaking: return shakeHands(room)
    case .exchanging: return receive(room)
    }
  }

  static func unreachable(_ code: Int32) -> ProbeFinding {
    let text = unsafe String(cString: strerror(code))
    return .bad("connect: \(text.prefix(1).lowercased())\(text.dropFirst())")
  }

  /// Says goodbye where TLS wants it.
  func close(_ room: ProbeRoom) {
    guard transport.tls != nil, phase == .exchanging else { return }
    _ = transport.sendCloseNotify(&room.ciphertext)
  }

  private var broke: ProbeFinding { .bad("the connection broke while \(awaited)") }

  private static let unknownClient = Array("PROXY UNKNOWN\r\n".utf8)
  private static let localCommand: [UInt8] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x20, 0, 0, 0,
  ]

  /// We speak for ourselves: no client is named.
  private func announce() -> Bool {
    guard let announcement else { return true }
    let header = announcement == .version1 ? Self.unknownClient : Self.localCommand
    return transport.sendPlain(header.span) != .failed
  }

  private func shakeHands(_ room: ProbeRoom) -> ProbeFinding? {
    let step = transport.handshake(speaks: true, ciphertext: &room.ciphertext)
    let sent = transport.sendCiphertext(&room.ciphertext)
    switch step {
    case .failed(let error):
      let reason = transport.tls?.certificateTrouble ?? error.words
      return .bad("TLS: \(reason)")
    case .needsMore: return sent == .failed ? broke : nil
    case .done: return sent == .failed ? broke : ready(room)
    }
  }

  private func ready(_ room: ProbeRoom) -> ProbeFinding? {
    let isTLS = transport.tls != nil
    phase = .exchanging
    guard exchange != nil else {
      return ProbeFinding(isGood: true, text: isTLS ? "TLS handshake" : "connected")
    }
    if let finding = send(room) { return finding }
    if isTLS {
      // What came with the end of the handshake is still in the buffers, in most cases nothing.
      let early = transport.decrypt(into: room.buffer, at: 0, ciphertext: &room.ciphertext)
      if let finding = judge(early, room) { return finding }
    }
    return receive(room)
  }

  private func send(_ room: ProbeRoom) -> ProbeFinding? {
    guard let bytes = exchange?.outgoing, !bytes.isEmpty else { return nil }
    exchange?.outgoing = []
    return transport.send(bytes.span, ciphertext: &room.ciphertext) == .failed ? broke : nil
  }

  private func receive(_ room: ProbeRoom) -> ProbeFinding? {
    for _ in 0..<Self.receivesPerEvent {
      let received = transport.receive(
        into: room.buffer, at: 0, atMost: Self.receiveLimit, ciphertext: &room.ciphertext)
      if received == .wouldBlock { return nil }
      if let finding = judge(received, room) { return finding }
    }
    return .bad("more bytes than any answer has")
  }

  private func judge(_ received: Transport.Received, _ room: ProbeRoom) -> ProbeFinding? {
    switch received {
    case .bytes(let count):
      guard count > 0 else { return nil }
      let buffer = room.buffer
      return exchange?.take(buffer.bytes(0..<count)) ?? send(room)
    case .wouldBlock: return nil
    case .endOfStream: return exchange?.end() ?? broke
    case .failed: return broke
    }
  }
}

extension OpenSSLError {
  /// A code of 0 is an end that OpenSSL did not see.
  fileprivate var words: String { code == 0 ? "the connection ended in the handshake" : reason }
}
