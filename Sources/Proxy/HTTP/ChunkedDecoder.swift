/// Takes chunks apart (RFC 9112, section 7.1), over as many pieces as they come in.
struct ChunkedDecoder {
  enum Step: Equatable {
    /// Bytes of the body, where they lie in the input.
    case data(ByteRange)
    case needsMore, end
    case reject(HeadRejection)
  }

  private enum State {
    case size, sizeEnd
    case quotedOrPlainExtension
    case data(UInt64)
    case dataEnd, dataEndLine
    case trailerStart, trailer, trailerEnd, lastEnd
    case done
  }

  /// Of all chunks of one body: a body of one-byte chunks may carry no more.
  private static let extensionLimit = 4096
  private static let trailerLimit = 8192

  private var state = State.size
  private var size: UInt64 = 0
  private var digits = 0
  private var extensionBytes = 0
  /// The trailer section as it came: field lines with CR LF.
  private(set) var trailers: [UInt8] = []

  /// The next step over `bytes` from `position` on, which it moves.
  mutating func next(_ bytes: Span<UInt8>, from position: inout Int) -> Step {
    while position < bytes.count {
      if case .data(let remaining) = state {
        let count = Int(min(remaining, UInt64(bytes.count - position)))
        let range = ByteRange(position, position + count)
        position += count
        state = UInt64(count) == remaining ? .dataEnd : .data(remaining - UInt64(count))
        return .data(range)
      }
      let byte = bytes[position]
      position += 1
      if let why = take(byte) { return .reject(why) }
      if case .done = state { return .end }
    }
    return .needsMore
  }

  /// One byte of framing; the reason when it may not stand here.
  private mutating func take(_ byte: UInt8) -> HeadRejection? {
    switch state {
    case .size: return takeSize(byte)
    case .quotedOrPlainExtension:
      if byte == 0x0d {
        state = .sizeEnd
        return nil
      }
      extensionBytes += 1
      guard extensionBytes <= Self.extensionLimit else { return .chunkExtensionTooLong }
      return byte >= 0x20 && byte != 0x7f || byte == 0x09 ? nil : .badChunk
    case .sizeEnd:
      guard byte == 0x0a else { return .badChunk }
      state = size == 0 ? .trailerStart : .data(size)
      size = 0
      digits = 0
    case .dataEnd:
      guard byte == 0x0d else { return .badChunk }
      state = .dataEndLine
    case .dataEndLine:
      guard byte == 0x0a else { return .badChunk }
      state = .size
    case .trailerStart, .trailer, .trailerEnd: return takeTrailer(byte)
    case .lastEnd:
      guard byte == 0x0a else { return .badTrailer }
      state = .done
    case .data, .done: return .badChunk
    }
    return nil
  }

  private mutating func takeSize(_ byte: UInt8) -> HeadRejection? {
    let folded = byte | 0x20
    if byte >= 0x30 && byte <= 0x39 || folded >= 0x61 && folded <= 0x66 {
      let digit = byte <= 0x39 ? byte - 0x30 : folded - 0x61 + 10
      digits += 1
      // 15 digits stay far below 2^63.
      guard digits <= 15 else { return .badChunk }
      size = size << 4 | UInt64(digit)
      return nil
    }
    guard digits > 0 else { return .badChunk }
    if byte == 0x0d {
      state = .sizeEnd
      return nil
    }
    guard byte == UInt8(ascii: ";") else { return .badChunk }
    state = .quotedOrPlainExtension
    return nil
  }

  private mutating func takeTrailer(_ byte: UInt8) -> HeadRejection? {
    if case .trailerStart = state, byte == 0x0d {
      state = .lastEnd
      return nil
    }
    if case .trailerEnd = state {
      guard byte == 0x0a else { return .badTrailer }
      trailers.append(byte)
      state = .trailerStart
      return nil
    }
    guard trailers.count < Self.trailerLimit, byte != 0x0a else { return .badTrailer }
    trailers.append(byte)
    state = byte == 0x0d ? .trailerEnd : .trailer
    return nil
  }
}

/// Writes chunks: framing that goes out is always ours.
enum ChunkWriter {
  /// The size line of a chunk of `count` bytes.
  static func writeSize(_ count: Int, into output: inout OutputSpan<UInt8>) {
    precondition(count > 0)
    var shift = (Int.bitWidth - count.leadingZeroBitCount - 1) / 4 * 4
    while shift >= 0 {
      let digit = UInt8(count >> shift & 0xf)
      output.append(digit < 10 ? digit + 0x30 : digit - 10 + 0x61)
      shift -= 4
    }
    output.put("\r\n")
  }

  /// The last chunk, without trailers.
  static func writeEnd(into output: inout OutputSpan<UInt8>) { output.put("0\r\n\r\n") }

  /// The last chunk and the trailers that may be passed on; false when one is malformed.
  static func writeEnd(
    _ decoder: borrowing ChunkedDecoder, into output: inout OutputSpan<UInt8>
  ) -> Bool {
    guard !decoder.trailers.isEmpty else {
      writeEnd(into: &output)
      return true
    }
    let bytes = decoder.trailers + [0x0d, 0x0a]
    let limits = HeadLimits(bytes: bytes.count, targetBytes: 0, fields: 64)
    // Each field may grow by the space after its colon; the last chunk is 3 bytes.
    guard output.freeCapacity >= bytes.count + limits.fields + 3 else { return false }
    var cursor = HeadCursor(bytes.span)
    var fields: [HeaderField] = []
    guard FieldParser.parse(&cursor, limits: limits, into: &fields) == .head else { return false }
    output.put("0\r\n")
    for field in fields where isPassedOn(field, bytes.span) {
      output.put(bytes.span.extracting(field.name))
      output.put(": ")
      output.put(bytes.span.extracting(field.value))
      output.put("\r\n")
    }
    output.put("\r\n")
    return true
  }

  /// Not what a head alone may say: framing, routing, credentials, caching, what the body is
  /// (RFC 9110, section 6.5.1).
  private static func isPassedOn(_ field: HeaderField, _ bytes: Span<UInt8>) -> Bool {
    guard field.known == .other else { return false }
    let name = bytes.extracting(field.name)
    if name.count >= 8, name.extracting(0..<8).isEqual("content-") { return false }
    for refused: StaticString in [
      "set-cookie", "www-authenticate", "proxy-authenticate", "proxy-authorization", "location",
      "cache-control", "age", "expires", "date", "vary", "max-forwards", "range", "retry-after",
    ] where name.isEqual(refused) { return false }
    return true
  }
}
