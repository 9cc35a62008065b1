import CNftables

/// Where an element lies in a packed list; read without a copy, since there are millions of them.
struct PackedElement {
  /// Of its attributes.
  private let range: Range<Int>

  /// The element at an offset, which is moved to the next one; nil where the list ends.
  static func next(_ bytes: borrowing Span<UInt8>, _ offset: inout Int) -> PackedElement? {
    attribute(bytes, &offset, bytes.count).map { PackedElement(range: $0.body) }
  }

  /// As `ElementPacking.Boundary(reading:)`; nil without a key.
  func boundary(_ bytes: borrowing Span<UInt8>) -> ElementPacking.Boundary? {
    var key: UInt128?
    var isEnd = false
    var timeoutSeconds: UInt64?
    var chain: String?
    var offset = range.lowerBound
    while let (type, body) = Self.attribute(bytes, &offset, range.upperBound) {
      switch type {
      case NFTA_SET_ELEM_KEY.rawValue:
        key = Self.nested(NFTA_DATA_VALUE.rawValue, bytes, body).map { Self.number(bytes, $0) }
      case NFTA_SET_ELEM_FLAGS.rawValue:
        isEnd = Self.number(bytes, body) & UInt128(NFT_SET_ELEM_INTERVAL_END.rawValue) != 0
      case NFTA_SET_ELEM_TIMEOUT.rawValue:
        timeoutSeconds = UInt64(truncatingIfNeeded: Self.number(bytes, body)) / 1000
      case NFTA_SET_ELEM_DATA.rawValue:
        chain = Self.nested(NFTA_DATA_VERDICT.rawValue, bytes, body)
          .flatMap { Self.nested(NFTA_VERDICT_CHAIN.rawValue, bytes, $0) }
          .map { Self.text(bytes, $0) }
      default: break
      }
    }
    guard let key else { return nil }
    return .init(key: key, isEnd: isEnd, timeoutSeconds: timeoutSeconds, chain: chain)
  }

  /// What a set that counts packets tells of one source.
  struct Count {
    var key: UInt128
    var packets: UInt64 = 0
    var bytes: UInt64 = 0
    /// Until the element is forgotten.
    var millisecondsLeft: UInt64 = 0
  }

  /// Nil without a key.
  func count(_ bytes: borrowing Span<UInt8>) -> Count? {
    var key: UInt128?
    var count = Count(key: 0)
    var offset = range.lowerBound
    while let (type, body) = Self.attribute(bytes, &offset, range.upperBound) {
      switch type {
      case NFTA_SET_ELEM_KEY.rawValue:
        key = Self.nested(NFTA_DATA_VALUE.rawValue, bytes, body).map { Self.number(bytes, $0) }
      case NFTA_SET_ELEM_EXPIRATION.rawValue:
        count.millisecondsLeft = UInt64(truncatingIfNeeded: Self.number(bytes, body))
      case NFTA_SET_ELEM_EXPR.rawValue:
        guard let data = Self.nested(NFTA_EXPR_DATA.rawValue, bytes, body) else { continue }
        func number(_ type: UInt32) -> UInt64 {
          Self.nested(type, bytes, data).map { UInt64(truncatingIfNeeded: Self.number(bytes, $0)) }
            ?? 0
        }
        count.packets = number(NFTA_COUNTER_PACKETS.rawValue)
        count.bytes = number(NFTA_COUNTER_BYTES.rawValue)
      default: break
      }
    }
    guard let key else { return nil }
    count.key = key
    return count
  }

  private static func attribute(
    _ bytes: borrowing Span<UInt8>, _ offset: inout Int, _ end: Int
  ) -> (type: UInt32, body: Range<Int>)? {
    guard offset + 4 <= end else { return nil }
    let length = short(bytes, offset)
    guard length >= 4, offset + length <= end else { return nil }
    let start = offset
    offset += length.alignedUp
    return (UInt32(short(bytes, start + 2) & 0x3fff), start + 4..<start + length)
  }

  private static func nested(
    _ wanted: UInt32, _ bytes: borrowing Span<UInt8>, _ range: Range<Int>
  ) -> Range<Int>? {
    var offset = range.lowerBound
    while let (type, body) = attribute(bytes, &offset, range.upperBound) {
      if type == wanted { return body }
    }
    return nil
  }

  /// In the machine's order.
  private static func short(_ bytes: borrowing Span<UInt8>, _ index: Int) -> Int {
    let (one, other) = (Int(bytes[index]), Int(bytes[index + 1]))
    return 1.bigEndian == 1 ? one << 8 | other : other << 8 | one
  }

  /// In the network's order.
  private static func number(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> UInt128 {
    var value: UInt128 = 0
    for index in range.prefix(16) { value = value << 8 | UInt128(bytes[index]) }
    return value
  }

  private static func text(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> String {
    var letters: [UInt8] = []
    for index in range where bytes[index] != 0 { letters.append(bytes[index]) }
    return String(decoding: letters, as: UTF8.self)
  }
}
