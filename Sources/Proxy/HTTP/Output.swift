internal import Glibc

extension OutputSpan<UInt8> {
  /// Appends all of it; there must be room: a writer asks for it once, for all that it writes.
  @inline(__always)
  mutating func put(_ bytes: Span<UInt8>) {
    precondition(bytes.count <= freeCapacity)
    unsafe bytes.withUnsafeBufferPointer { source in
      unsafe append(copying: source)
    }
  }

  /// Inlined, so that a short text becomes a few moves instead of a call.
  @inline(__always)
  mutating func put(_ text: StaticString) {
    precondition(text.utf8CodeUnitCount <= freeCapacity)
    unsafe append(
      copying: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func put(decimal number: some BinaryInteger) {
    var rest = UInt64(clamping: number)
    var digits: InlineArray<20, UInt8> = .init(repeating: 0)
    var count = 0
    repeat {
      digits[count] = UInt8(rest % 10) + 0x30
      rest /= 10
      count += 1
    } while rest > 0
    while count > 0 {
      count -= 1
      append(digits[count])
    }
  }

  @inline(__always)
  private mutating func append(copying source: UnsafeBufferPointer<UInt8>) {
    guard let start = source.baseAddress else { return }
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      guard let target = buffer.baseAddress else { return }
      unsafe memcpy(target + count, start, source.count)
      count += source.count
    }
  }
}
