/// Reading field values: numbers, and lists of tokens (RFC 9110, section 5.6.1).
enum FieldValue {
  /// Digits only, at most 2^63: no sign, no list, no space.
  static func contentLength(_ value: Span<UInt8>) -> UInt64? {
    guard value.count > 0, value.count <= 19 else { return nil }
    var number: UInt64 = 0
    for index in value.indices {
      let digit = value[index] &- 0x30
      guard digit <= 9 else { return nil }
      number = number * 10 + UInt64(digit)
    }
    return number <= UInt64(Int64.max) ? number : nil
  }

  static func hasToken(_ list: Span<UInt8>, _ wanted: StaticString) -> Bool {
    var position = 0
    while let token = nextToken(list, &position) {
      if list.extracting(token).isEqual(wanted) { return true }
    }
    return false
  }

  /// The next element of a comma-separated list, spaces around it left out.
  static func nextToken(_ list: Span<UInt8>, _ position: inout Int) -> ByteRange? {
    while position < list.count, isSeparator(list[position]) { position += 1 }
    guard position < list.count else { return nil }
    let start = position
    while position < list.count, list[position] != UInt8(ascii: ",") { position += 1 }
    var end = position
    while end > start, isSeparator(list[end - 1]) { end -= 1 }
    return ByteRange(start, end)
  }

  static func isSameName(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    guard one.count == other.count else { return false }
    for index in one.indices where folded(one[index]) != folded(other[index]) { return false }
    return true
  }

  static func contains(_ value: Span<UInt8>, _ wanted: StaticString) -> Bool {
    let count = wanted.utf8CodeUnitCount
    guard value.count >= count else { return false }
    for start in 0...(value.count - count)
    where value.extracting(start..<start + count).isEqual(wanted) { return true }
    return false
  }

  static func folded(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }

  private static func isSeparator(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == 0x20 || byte == 0x09
  }
}
