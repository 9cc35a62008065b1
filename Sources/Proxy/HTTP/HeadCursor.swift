/// A place in the bytes of a head.
struct HeadCursor: ~Escapable {
  enum LineEnd { case passed, needsMore, bad }

  let bytes: Span<UInt8>
  private(set) var position = 0

  @_lifetime(copy bytes)
  init(_ bytes: Span<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { position >= bytes.count }
  var remaining: Int { bytes.count - position }
  /// The byte here; 0, which no head may have, at the end.
  var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }

  mutating func advance() { position += 1 }

  /// One empty line before a request is let pass (RFC 9112, section 2.2); false when only its
  /// first byte is there.
  mutating func skipEmptyLine() -> Bool {
    guard !bytes.isEmpty, bytes[0] == 0x0d else { return true }
    guard bytes.count >= 2 else { return false }
    if bytes[1] == 0x0a { position = 2 }
    return true
  }

  /// To the first byte that is not of a token (RFC 9110, section 5.6.2); false at the end.
  mutating func skipToken() -> Bool {
    var index = position
    let end = bytes.count
    while index < end {
      guard Self.isToken(bytes[index]) else {
        position = index
        return true
      }
      index += 1
    }
    position = index
    return false
  }

  /// To the first byte that a target may not have; false at the end.
  mutating func skipTarget() -> Bool {
    var index = position
    let end = bytes.count
    while index < end {
      let byte = bytes[index]
      guard byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "#") else {
        position = index
        return true
      }
      index += 1
    }
    position = index
    return false
  }

  /// To the first control byte but a tab; false at the end.
  mutating func skipFieldValue() -> Bool {
    var index = position
    let end = bytes.count
    while index < end {
      let byte = bytes[index]
      guard byte >= 0x20 && byte != 0x7f || byte == 0x09 else {
        position = index
        return true
      }
      index += 1
    }
    position = index
    return false
  }

  mutating func lineEnd() -> LineEnd {
    guard !isAtEnd else { return .needsMore }
    guard byte == 0x0d else { return .bad }
    guard remaining >= 2 else { return .needsMore }
    guard bytes[position + 1] == 0x0a else { return .bad }
    position += 2
    return .passed
  }

  /// `!#$%&'*+-.^_`|~`, digits and letters, a bit each.
  static func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03ff_6cfa_0000_0000
    let high: UInt64 = 0x57ff_ffff_c7ff_fffe
    guard byte < 128 else { return false }
    return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte - 64)) & 1 == 1
  }
}

/// The field lines of a head or a trailer.
enum FieldParser {
  static func parse(
    _ cursor: inout HeadCursor, limits: HeadLimits, into fields: inout [HeaderField]
  ) -> HeadOutcome {
    fields.removeAll(keepingCapacity: true)
    while true {
      guard !cursor.isAtEnd else { return .needsMore }
      if cursor.byte == 0x0d || cursor.byte == 0x0a {
        switch cursor.lineEnd() {
        case .needsMore: return .needsMore
        case .bad: return .reject(.badLineEnd)
        case .passed: return .head
        }
      }
      guard fields.count < limits.fields else { return .reject(.tooManyFields) }
      let start = cursor.position
      guard cursor.byte != 0x20, cursor.byte != 0x09 else {
        return .reject(fields.isEmpty ? .badFieldName : .foldedField)
      }
      guard cursor.skipToken() else { return .needsMore }
      let name = ByteRange(start, cursor.position)
      guard !name.isEmpty, cursor.byte == UInt8(ascii: ":") else { return .reject(.badFieldName) }
      cursor.advance()
      let valueStart = cursor.position
      guard cursor.skipFieldValue() else { return .needsMore }
      let value = trimmed(cursor.bytes, valueStart, cursor.position)
      switch cursor.lineEnd() {
      case .needsMore: return .needsMore
      case .bad:
        return .reject(cursor.byte == 0x0d || cursor.byte == 0x0a ? .badLineEnd : .badFieldValue)
      case .passed: break
      }
      fields.append(
        HeaderField(
          name: name, value: value, known: KnownHeader(cursor.bytes.extracting(name)),
          isDropped: false))
    }
  }

  private static func trimmed(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> ByteRange {
    var start = start
    var end = end
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    return ByteRange(start, end)
  }
}
