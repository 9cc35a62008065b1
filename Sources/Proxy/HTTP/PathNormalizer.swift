/// The one way a path is read before it is matched: what different readers could understand
/// differently is refused, so what is matched here is what the server behind will see.
enum PathNormalizer {
  /// Writes the path with encoded plain letters decoded and `//` merged; false when it is refused:
  /// an encoded NUL, slash or backslash, a backslash, a bad escape, a `.` or `..` segment however
  /// written (`..;x` too).
  static func normalise(_ path: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
    guard output.freeCapacity > path.count else { return false }
    guard !path.isEmpty else {
      output.append(UInt8(ascii: "/"))
      return true
    }
    var segment = Segment()
    var last: UInt8 = 0
    var index = 0
    while index < path.count {
      var byte = path[index]
      var isEncoded = false
      if byte == UInt8(ascii: "%") {
        guard let decoded = escape(path, at: index) else { return false }
        guard decoded != 0, decoded != UInt8(ascii: "/"), decoded != UInt8(ascii: "\\") else {
          return false
        }
        byte = decoded
        isEncoded = true
        index += 2
      }
      index += 1
      guard byte != UInt8(ascii: "\\") else { return false }
      if byte == UInt8(ascii: "/") {
        guard !segment.isDots else { return false }
        segment = Segment()
        if last == UInt8(ascii: "/") { continue }
      } else {
        segment.add(byte)
      }
      last = byte
      guard isEncoded && !isUnreserved(byte) else {
        output.append(byte)
        continue
      }
      // Kept as it was written: `%3f` is no `?`.
      for offset in (index - 3)..<index { output.append(upper(path[offset])) }
    }
    return !segment.isDots
  }

  /// The same as an array of its own, for who has time; nil when it is refused.
  static func normalised(_ path: Span<UInt8>) -> [UInt8]? {
    var isNormal = false
    // The writer wants room to spare.
    let bytes = [UInt8](capacity: path.count + 1) { isNormal = normalise(path, into: &$0) }
    return isNormal ? bytes : nil
  }

  private struct Segment {
    var count = 0
    var dots = 0
    var isOver = false

    mutating func add(_ byte: UInt8) {
      if byte == UInt8(ascii: ";") { isOver = true }
      guard !isOver else { return }
      count += 1
      if byte == UInt8(ascii: ".") { dots += 1 }
    }

    var isDots: Bool { count == dots && (count == 1 || count == 2) }
  }

  /// The byte that the escape at `index` stands for; nil where it is none.
  static func escape(_ path: Span<UInt8>, at index: Int) -> UInt8? {
    guard index + 2 < path.count, let high = hex(path[index + 1]), let low = hex(path[index + 2])
    else { return nil }
    return high << 4 | low
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }

  private static func upper(_ byte: UInt8) -> UInt8 {
    byte >= 0x61 && byte <= 0x66 ? byte & 0xdf : byte
  }

  /// Letters, digits, `-._~` (RFC 3986, section 2.3).
  private static func isUnreserved(_ byte: UInt8) -> Bool {
    let folded = FieldValue.folded(byte)
    return folded >= 0x61 && folded <= 0x7a || byte >= 0x30 && byte <= 0x39
      || byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e
  }
}
