/// Asks grpc.health.v1.Health/Check over HTTP/2: one stream, a few frames, one message.
struct GRPCProbe: ProbeExchange {
  var outgoing: [UInt8]
  private var pending: [UInt8] = []
  private var received = 0
  private var hasSettings = false
  private var block: [UInt8] = []
  private var endsWithBlock = false
  private var isInBlock = false
  private var fields: [String: String] = [:]
  private var message: [UInt8] = []
  private let inflater = HeaderInflater()

  /// Of all frames; an answer has some hundred bytes.
  static let byteLimit = 256 << 10
  /// What we allow a frame, as HTTP/2 does by itself.
  static let frameLimit = 16_384
  static let blockLimit = 32 << 10
  static let messageLimit = 4096

  init(service: String, host: String, isTLS: Bool) {
    var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    bytes += HTTP2Frame.encode(.settings, [])
    let fields = [
      (":method", "POST"), (":scheme", isTLS ? "https" : "http"),
      (":path", "/grpc.health.v1.Health/Check"), (":authority", host),
      ("content-type", "application/grpc"), ("te", "trailers"),
      ("user-agent", "gatehouse-health"),
    ]
    let block = fields.flatMap { HTTP2Frame.literal($0.0, $0.1) }
    bytes += HTTP2Frame.encode(.headers, flags: HTTP2Frame.endHeaders, stream: 1, block)
    // HealthCheckRequest: field 1, a string; left out when empty.
    let name = Array(service.utf8)
    let request = name.isEmpty ? [] : [0x0a] + HTTP2Frame.varint(name.count) + name
    let length = UInt32(truncatingIfNeeded: request.count)
    let prefix: [UInt8] = [0] + HTTP2Frame.bigEndian(length)
    bytes += HTTP2Frame.encode(.data, flags: HTTP2Frame.endStream, stream: 1, prefix + request)
    outgoing = bytes
  }

  var awaited: String { hasSettings ? "the gRPC answer" : "the server's HTTP/2 settings" }

  mutating func take(_ bytes: Span<UInt8>) -> ProbeFinding? {
    received += bytes.count
    guard received <= Self.byteLimit else { return .bad("gRPC: more bytes than any answer has") }
    for index in bytes.indices { pending.append(bytes[index]) }
    var position = 0
    var finding: ProbeFinding?
    while finding == nil {
      switch HTTP2Frame.next(pending[position...], limit: Self.frameLimit) {
      case .needsMore:
        pending.removeFirst(position)
        return nil
      case .tooLong: return .bad("gRPC: no HTTP/2")
      case .frame(let frame, let count):
        position += count
        finding = take(frame)
      }
    }
    return finding
  }

  mutating func end() -> ProbeFinding {
    .bad(hasSettings ? "gRPC: closed before the answer was whole" : "gRPC: no HTTP/2")
  }

  private mutating func take(_ frame: HTTP2Frame) -> ProbeFinding? {
    guard hasSettings || frame.kind == .settings else { return .bad("gRPC: no HTTP/2") }
    guard !isInBlock || frame.kind == .continuation else {
      return .bad("gRPC: a frame between headers")
    }
    switch frame.kind {
    case .settings:
      hasSettings = true
      if frame.flags & HTTP2Frame.ack == 0 {
        outgoing += HTTP2Frame.encode(.settings, flags: HTTP2Frame.ack, [])
      }
    case .ping:
      guard frame.payload.count == 8 else { return .bad("gRPC: a malformed PING") }
      if frame.flags & HTTP2Frame.ack == 0 {
        outgoing += HTTP2Frame.encode(.ping, flags: HTTP2Frame.ack, Array(frame.payload))
      }
    case .headers where frame.stream == 1, .continuation where frame.stream == 1:
      return takeBlock(frame)
    case .data where frame.stream == 1: return takeData(frame)
    case .reset where frame.stream == 1: return .bad("gRPC: the server reset the stream")
    case .goAway:
      guard frame.payload.count >= 8 else { return .bad("gRPC: a malformed GOAWAY") }
      let last = frame.payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
      if last < 1 { return .bad("gRPC: the server goes away") }
    default: break
    }
    return nil
  }

  private mutating func takeBlock(_ frame: HTTP2Frame) -> ProbeFinding? {
    guard isInBlock == (frame.kind == .continuation), let part = frame.content,
      block.count + part.count <= Self.blockLimit
    else { return .bad("gRPC: malformed headers") }
    block += part
    if frame.kind == .headers { endsWithBlock = frame.flags & HTTP2Frame.endStream != 0 }
    isInBlock = frame.flags & HTTP2Frame.endHeaders == 0
    guard !isInBlock else { return nil }
    guard let found = inflater?.inflate(block) else { return .bad("gRPC: malformed headers") }
    block = []
    for (name, value) in found { fields[name] = value }
    if let status = fields[":status"], status != "200" {
      // Interim answers do not end the stream.
      if status.hasPrefix("1"), !endsWithBlock { return nil }
      return .bad("gRPC: status \(Array(status.utf8).printable), not 200")
    }
    return endsWithBlock ? judge() : nil
  }

  private mutating func takeData(_ frame: HTTP2Frame) -> ProbeFinding? {
    guard let part = frame.content, message.count + part.count <= Self.messageLimit else {
      return .bad("gRPC: malformed or too much data")
    }
    message += part
    return frame.flags & HTTP2Frame.endStream != 0 ? judge() : nil
  }

  private func judge() -> ProbeFinding {
    guard let status = fields["grpc-status"] else { return .bad("gRPC: no grpc-status") }
    guard status == "0" else {
      let words = Array((fields["grpc-message"] ?? "").utf8).printable
      let code = Array(status.utf8).printable
      return .bad("gRPC: grpc-status \(code)\(words.isEmpty ? "" : ": \(words)")")
    }
    switch GRPCHealthMessage.status(message) {
    case nil: return .bad("gRPC: the answer is no HealthCheckResponse")
    case 1?: return ProbeFinding(isGood: true, text: "SERVING")
    case 2?: return .bad("gRPC: NOT_SERVING")
    case 3?: return .bad("gRPC: SERVICE_UNKNOWN")
    case .some: return .bad("gRPC: UNKNOWN")
    }
  }
}

/// grpc.health.v1.HealthCheckResponse in its five-byte frame.
enum GRPCHealthMessage {
  /// Field 1, 0 when it is left out; nil when malformed or compressed.
  static func status(_ bytes: [UInt8]) -> UInt64? {
    guard bytes.count >= 5, bytes[0] == 0 else { return nil }
    let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
    guard length == bytes.count - 5 else { return nil }
    var rest = bytes[5...]
    var status: UInt64 = 0
    while !rest.isEmpty {
      guard let key = varint(&rest), key >> 3 > 0 else { return nil }
      switch key & 7 {
      case 0:
        guard let value = varint(&rest) else { return nil }
        if key >> 3 == 1 { status = value }
      case 1: guard skip(8, &rest) else { return nil }
      case 2: guard let count = varint(&rest), skip(count, &rest) else { return nil }
      case 5: guard skip(4, &rest) else { return nil }
      default: return nil
      }
    }
    return status
  }

  private static func skip(_ count: UInt64, _ rest: inout ArraySlice<UInt8>) -> Bool {
    guard count <= UInt64(rest.count) else { return false }
    rest.removeFirst(Int(count))
    return true
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for index: UInt64 in 0..<10 {
      guard let byte = rest.popFirst() else { return nil }
      guard index < 9 || byte <= 1 else { return nil }
      value |= UInt64(byte & 0x7f) << (7 * index)
      if byte & 0x80 == 0 { return value }
    }
    return nil
  }
}
