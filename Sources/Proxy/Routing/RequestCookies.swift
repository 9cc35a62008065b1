/// Reads one cookie of a request (RFC 6265, section 4.2.1).
enum RequestCookies {
  /// Where the first cookie of this name has its value; names are case-sensitive.
  static func value(
    of name: Span<UInt8>, _ head: borrowing RequestHead, _ bytes: Span<UInt8>
  ) -> ByteRange? {
    for index in head.fields.indices where head.fields[index].known == .cookie {
      if let found = find(name, bytes, head.fields[index].value) { return found }
    }
    return nil
  }

  private static func find(
    _ name: Span<UInt8>, _ bytes: Span<UInt8>, _ field: ByteRange
  ) -> ByteRange? {
    var position = Int(field.start)
    let end = Int(field.end)
    while position < end {
      while position < end, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
      var next = position
      while next < end, bytes[next] != UInt8(ascii: ";") { next += 1 }
      if let value = value(bytes, position..<next, name) { return value }
      position = next + 1
    }
    return nil
  }

  private static func value(
    _ bytes: Span<UInt8>, _ pair: Range<Int>, _ name: Span<UInt8>
  ) -> ByteRange? {
    guard pair.count > name.count, bytes[pair.lowerBound + name.count] == UInt8(ascii: "=")
    else { return nil }
    for index in name.indices where bytes[pair.lowerBound + index] != name[index] { return nil }
    var end = pair.upperBound
    while end > pair.lowerBound, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    return ByteRange(pair.lowerBound + name.count + 1, end)
  }
}

extension Span<UInt8> {
  /// Exactly as many hexadecimal digits as 64 bits need, in lower case.
  var hexadecimal: UInt64? {
    guard count == 16 else { return nil }
    var number: UInt64 = 0
    for index in indices {
      switch self[index] {
      case 0x30...0x39: number = number << 4 | UInt64(self[index] - 0x30)
      case 0x61...0x66: number = number << 4 | UInt64(self[index] - 0x57)
      default: return nil
      }
    }
    return number
  }
}

extension UInt64 {
  /// 16 digits.
  var hexadecimal: String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
