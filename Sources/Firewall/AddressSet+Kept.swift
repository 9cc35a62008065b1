/// A set as a file for machines: with text, writing a list of a million took as long as packing it. Ends
/// are not kept: feeds have none.
///
/// ```
/// "ghlist1\n" | how many IPv4 and how many IPv6 intervals, 8 bytes each
/// first and last of each, 4 bytes each for IPv4, then 16 for IPv6 | check, 8 bytes
/// ```
/// Numbers are in the network's order; the check is FNV-1a over the words of eight bytes before it.
extension AddressSet {
  private static let magic: UInt64 = 0x6768_6c69_7374_310a
  private static let headByteCount = 24

  /// Hands over the bytes piece by piece.
  public func write(_ sink: ([UInt8]) throws -> Void) rethrows {
    var writer = WordWriter()
    writer.append(Self.magic)
    writer.append(UInt64(ipv4.count))
    writer.append(UInt64(ipv6.count))
    for interval in ipv4 {
      writer.append(UInt64(interval.first) << 32 | UInt64(interval.last))
      if writer.isFull { try writer.flush(sink) }
    }
    for interval in ipv6 {
      writer.append(interval.first)
      writer.append(interval.last)
      if writer.isFull { try writer.flush(sink) }
    }
    writer.append(writer.check.value)
    try writer.flush(sink)
  }

  /// Nil for what is not whole, or was damaged. `isText`: kept by a version that kept lines.
  public init?(kept bytes: [UInt8], isText: Bool) {
    if isText {
      self.init(lines: bytes)
      return
    }
    let raw = unsafe bytes.span.bytes
    guard raw.byteCount >= Self.headByteCount, raw.word(0) == Self.magic else { return nil }
    let counts = (raw.word(8), raw.word(16))
    let most = UInt64(raw.byteCount)
    guard counts.0 <= most, counts.1 <= most,
      most == UInt64(Self.headByteCount) + counts.0 * 8 + counts.1 * 32 + 8
    else { return nil }
    var check = WordCheck()
    for offset in stride(from: 0, to: raw.byteCount - 8, by: 8) { check.add(raw.word(offset)) }
    guard check.value == raw.word(raw.byteCount - 8) else { return nil }
    var ipv4: [AddressInterval<UInt32>] = []
    var ipv6: [AddressInterval<UInt128>] = []
    ipv4.reserveCapacity(Int(counts.0))
    ipv6.reserveCapacity(Int(counts.1))
    var offset = Self.headByteCount
    for _ in 0..<counts.0 {
      let word = raw.word(offset)
      ipv4.append(
        AddressInterval(first: UInt32(word >> 32), last: UInt32(truncatingIfNeeded: word)))
      offset += 8
    }
    for _ in 0..<counts.1 {
      ipv6.append(AddressInterval(first: raw.longWord(offset), last: raw.longWord(offset + 16)))
      offset += 32
    }
    guard ipv4.allSatisfy({ $0.first <= $0.last }), ipv6.allSatisfy({ $0.first <= $0.last })
    else { return nil }
    self.init(ipv4: ipv4, ipv6: ipv6)
  }
}

/// FNV-1a by words instead of bytes: any one word that is another makes it another.
private struct WordCheck {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01b3 }
}

private struct WordWriter {
  private static let pieceCount = 8192

  private var words: [UInt64] = []
  private(set) var check = WordCheck()

  init() { words.reserveCapacity(Self.pieceCount + 8) }

  var isFull: Bool { words.count >= Self.pieceCount }

  mutating func append(_ word: UInt64) {
    check.add(word)
    words.append(word.bigEndian)
  }

  mutating func append(_ long: UInt128) {
    append(UInt64(truncatingIfNeeded: long >> 64))
    append(UInt64(truncatingIfNeeded: long))
  }

  mutating func flush(_ sink: ([UInt8]) throws -> Void) rethrows {
    try sink(unsafe words.withUnsafeBytes { unsafe Array($0) })
    words.removeAll(keepingCapacity: true)
  }
}

extension RawSpan {
  /// Eight bytes in the network's order.
  fileprivate func word(_ offset: Int) -> UInt64 {
    UInt64(bigEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  fileprivate func longWord(_ offset: Int) -> UInt128 {
    UInt128(word(offset)) << 64 | UInt128(word(offset + 8))
  }
}
