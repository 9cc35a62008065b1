/// Netlink read by indices alone, as its man page has it.
struct PlainNetlink {
  /// Bounds of a body within the bytes.
  struct Attribute: Equatable {
    var type: UInt16
    var body: Range<Int>
  }

  let bytes: ArraySlice<UInt8>

  /// The bounds of every message's payload.
  var payloads: [Range<Int>] {
    var payloads: [Range<Int>] = []
    var start = bytes.startIndex
    while start + 16 <= bytes.endIndex {
      let length = number(at: start, byteCount: 4)
      guard length >= 16 else { break }
      payloads.append(start + 16..<min(start + length, bytes.endIndex))
      start += (length + 3) / 4 * 4
    }
    return payloads
  }

  func attributes(in range: Range<Int>) -> [Attribute] {
    var attributes: [Attribute] = []
    var start = range.lowerBound
    while start + 4 <= range.upperBound {
      let length = number(at: start, byteCount: 2)
      guard length >= 4, start + length <= range.upperBound else { break }
      let type = UInt16(number(at: start + 2, byteCount: 2) % 0x4000)
      attributes.append(Attribute(type: type, body: start + 4..<start + length))
      start += (length + 3) / 4 * 4
    }
    return attributes
  }

  private func number(at start: Int, byteCount: Int) -> Int {
    (0..<byteCount).reduce(0) {
      // Netlink's own numbers are in the order of the machine.
      let place = 1.bigEndian == 1 ? byteCount - 1 - $1 : $1
      return $0 + Int(bytes[start + $1]) << (8 * place)
    }
  }
}
