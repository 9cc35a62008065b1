internal import Glibc

/// Bytes that wait: appended at one end, consumed at the other; holds no memory while empty.
@safe struct ByteQueue: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>?
  private var capacity = 0
  private var start = 0
  private var end = 0

  init() {}

  deinit { unsafe free(base) }

  var count: Int { end - start }
  var isEmpty: Bool { start == end }

  var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get {
      guard let base = unsafe base else { return Span() }
      let span = unsafe Span(_unsafeStart: base + start, count: end - start)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  mutating func append(_ source: Span<UInt8>) {
    guard !source.isEmpty else { return }
    reserve(source.count)
    unsafe source.withUnsafeBufferPointer { bytes in
      guard let from = bytes.baseAddress, let base = unsafe base else { return }
      unsafe memcpy(base + end, from, bytes.count)
    }
    end += source.count
  }

  /// Replaces bytes that wait; there must be as many.
  mutating func overwrite(at place: Int, with bytes: [UInt8]) {
    precondition(place >= 0 && place + bytes.count <= count)
    guard let base = unsafe base else { return }
    for (index, byte) in bytes.enumerated() { unsafe base[start + place + index] = byte }
  }

  mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= end - start)
    start += count
    if start == end { removeAll() }
  }

  /// Everything, leaving nothing: so that it can be looked at while its owner changes.
  mutating func takeAll() -> ByteQueue {
    var taken = ByteQueue()
    swap(&taken, &self)
    return taken
  }

  mutating func removeAll() {
    unsafe free(base)
    unsafe base = nil
    capacity = 0
    start = 0
    end = 0
  }

  private mutating func reserve(_ additional: Int) {
    guard end + additional > capacity else { return }
    let needed = count + additional
    // Doubling, so that many small appends cost one copy each on average.
    let newCapacity = max(needed, min(2 * capacity, needed + (256 << 10)))
    // `allocate` asks glibc for alignment, which its fast path does not know; it is what ends the
    // process when there is no memory.
    let grown =
      unsafe malloc(newCapacity)?.bindMemory(to: UInt8.self, capacity: newCapacity)
      ?? .allocate(capacity: newCapacity)
    if let base = unsafe base {
      unsafe memcpy(grown, base + start, count)
      unsafe free(base)
    }
    end -= start
    start = 0
    capacity = newCapacity
    unsafe base = grown
  }
}
