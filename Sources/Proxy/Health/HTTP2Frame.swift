/// Frames of HTTP/2 (RFC 9113, section 4), as far as one question and its answer need them.
struct HTTP2Frame {
  enum Kind: UInt8 {
    case data, headers, priority, reset, settings, pushPromise, ping, goAway, windowUpdate
    case continuation
    case other = 0xff
  }

  enum Step {
    case needsMore
    case tooLong
    case frame(HTTP2Frame, byteCount: Int)
  }

  static let endStream: UInt8 = 0x1
  static let ack: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  private static let padded: UInt8 = 0x8
  private static let hasPriority: UInt8 = 0x20

  let kind: Kind
  let flags: UInt8
  let stream: UInt32
  let payload: ArraySlice<UInt8>

  static func next(_ bytes: ArraySlice<UInt8>, limit: Int) -> Step {
    guard bytes.count >= 9 else { return .needsMore }
    let start = bytes.startIndex
    let length = bytes[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
    guard length <= limit else { return .tooLong }
    guard bytes.count >= 9 + length else { return .needsMore }
    let stream = bytes[start + 5..<start + 9].reduce(0) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
    let frame = HTTP2Frame(
      kind: Kind(rawValue: bytes[start + 3]) ?? .other, flags: bytes[start + 4], stream: stream,
      payload: bytes[start + 9..<start + 9 + length])
    return .frame(frame, byteCount: 9 + length)
  }

  /// The payload without padding and priority; nil when they do not fit in it.
  var content: ArraySlice<UInt8>? {
    var rest = payload
    guard kind != .continuation else { return rest }
    if flags & Self.padded != 0 {
      guard let count = rest.popFirst(), Int(count) <= rest.count else { return nil }
      rest.removeLast(Int(count))
    }
    guard kind == .headers, flags & Self.hasPriority != 0 else { return rest }
    guard rest.count >= 5 else { return nil }
    return rest.dropFirst(5)
  }

  static func encode(
    _ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8]
  ) -> [UInt8] {
    precondition(payload.count < 1 << 14, "what we send is small")
    var bytes = Array(bigEndian(UInt32(payload.count)).dropFirst())
    bytes += [kind.rawValue, flags]
    return bytes + bigEndian(stream) + payload
  }

  static func bigEndian(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  /// A header field as HPACK's literal that is not indexed (RFC 7541, section 6.2.2).
  static func literal(_ name: String, _ value: String) -> [UInt8] {
    [0] + string(name) + string(value)
  }

  private static func string(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    // A prefix of 7 bits, without Huffman's code.
    guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
    return [127] + varint(bytes.count - 127) + bytes
  }

  /// Seven bits a byte, the lowest first.
  static func varint(_ number: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = number
    while rest >= 128 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
