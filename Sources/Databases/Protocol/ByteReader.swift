/// Takes numbers and strings from the front of a packet; nil where it is too short.
struct ByteReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func byte() -> UInt8? { rest.popFirst() }

  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// Little-endian, at most 8 bytes.
  mutating func number(byteCount: Int) -> UInt64? {
    bytes(byteCount)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// What stands before the next zero byte, which is taken, too.
  mutating func bytesUntilZero() -> ArraySlice<UInt8>? {
    guard let end = rest.firstIndex(of: 0) else { return nil }
    defer { rest = rest[(end + 1)...] }
    return rest[..<end]
  }

  /// A length-encoded number; nil also for the marks of NULL (251) and of an error (255).
  mutating func lengthEncodedNumber() -> UInt64? {
    guard let first = byte() else { return nil }
    return switch first {
    case ..<0xfb: UInt64(first)
    case 0xfc: number(byteCount: 2)
    case 0xfd: number(byteCount: 3)
    case 0xfe: number(byteCount: 8)
    default: nil
    }
  }

  mutating func lengthEncodedBytes() -> ArraySlice<UInt8>? {
    guard let count = lengthEncodedNumber(), let count = Int(exactly: count) else { return nil }
    return bytes(count)
  }
}
