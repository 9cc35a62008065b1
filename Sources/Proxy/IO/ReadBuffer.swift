/// The plaintext of the one connection that a worker is looking at, and how far it has been used.
struct ReadBuffer {
  let memory: ByteBuffer
  private(set) var start = 0
  private(set) var end = 0

  init(capacity: Int) { memory = ByteBuffer(capacity: capacity) }

  var count: Int { end - start }
  var isEmpty: Bool { start == end }
  var room: Int { memory.capacity - end }
  /// Where the next received byte goes.
  var writeOffset: Int { end }

  var bytes: Span<UInt8> {
    @_lifetime(borrow self)
    get { memory.bytes(start..<end) }
  }

  /// The first `count` bytes that are not yet used.
  @_lifetime(borrow self)
  func prefix(_ count: Int) -> Span<UInt8> { memory.bytes(start..<start + count) }

  mutating func reset() {
    start = 0
    end = 0
  }

  /// Moves what is not yet used to the front, so that a whole receive fits behind it: requests that
  /// are answered at once use up the front without ever emptying the buffer.
  mutating func makeRoom() {
    guard start > 0 else { return }
    memory.copy(bytes, to: 0)
    end -= start
    start = 0
  }

  mutating func append(_ bytes: Span<UInt8>) {
    memory.copy(bytes, to: end)
    end += bytes.count
  }

  /// Counts bytes that were received at `writeOffset`.
  mutating func add(_ count: Int) {
    precondition(count >= 0 && count <= room)
    end += count
  }

  mutating func consume(_ count: Int) {
    precondition(count >= 0 && count <= end - start)
    start += count
    // All room again: a receive into less than its full room could not decrypt what it brought.
    if start == end { reset() }
  }
}
