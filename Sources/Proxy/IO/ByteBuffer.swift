internal import Glibc

/// Memory of a fixed size that belongs to one worker and is filled anew for each event.
///
/// A handle: copies name the same memory, so that a span of it can be held while the worker changes.
/// Safe because the worker alone holds handles, and frees the memory when its thread ends.
@safe struct ByteBuffer {
  let capacity: Int
  private let base: UnsafeMutablePointer<UInt8>

  init(capacity: Int) {
    self.capacity = capacity
    unsafe base = .allocate(capacity: capacity)
    // Zeroed once: a span may then cover any part of it without showing uninitialised memory.
    unsafe base.initialize(repeating: 0, count: capacity)
  }

  /// For the owner, at its end.
  func free() { unsafe base.deallocate() }

  @_lifetime(borrow self)
  func bytes(_ range: Range<Int>) -> Span<UInt8> {
    precondition(range.lowerBound >= 0 && range.upperBound <= capacity)
    let span = unsafe Span(_unsafeStart: base + range.lowerBound, count: range.count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Lends the memory at `offset` for a call that fills it and says how much it wrote.
  func fill(
    at offset: Int, atMost count: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) -> Int {
    precondition(offset >= 0 && count >= 0 && offset + count <= capacity)
    return unsafe body(UnsafeMutableRawBufferPointer(start: base + offset, count: count))
  }

  /// Room to write in, from `offset` to the end; what was written stays there.
  @_lifetime(borrow self)
  func output(at offset: Int) -> OutputSpan<UInt8> {
    precondition(offset >= 0 && offset <= capacity)
    let region = unsafe UnsafeMutableBufferPointer(start: base + offset, count: capacity - offset)
    let output = unsafe OutputSpan(buffer: region, initializedCount: 0)
    return unsafe _overrideLifetime(output, borrowing: self)
  }

  func copy(_ source: Span<UInt8>, to offset: Int) {
    precondition(offset >= 0 && offset + source.count <= capacity)
    guard !source.isEmpty else { return }
    unsafe source.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe memmove(base + offset, start, bytes.count)
    }
  }
}
