internal import CLinux
internal import Glibc
internal import Synchronization

/// Lines on their way from the workers to the thread that writes them; holds so many bytes and no
/// more, and nobody ever waits to put some in.
final class LogQueue: Sendable {
  /// What the writing thread is told beside the lines.
  struct Orders {
    var wantsReopen = false
    /// No more will come.
    var isOver = false
  }

  private struct State {
    var bytes: [UInt8] = []
    /// Bytes that the writing thread has taken and not yet written.
    var taken = 0
    var orders = Orders()
    var complainsAgainAt = Int64.min
  }

  /// One complaint of dropped lines in so many milliseconds.
  static let complaintInterval: Int64 = 60_000

  let counters: LogCounters
  private let limit: Int
  private let state = Mutex(State())
  private let event: FileDescriptor
  private let ended: FileDescriptor

  init?(limit: Int, counters: LogCounters) {
    let flags = Int32(EFD_NONBLOCK | EFD_CLOEXEC)
    let numbers = (eventfd(0, flags), eventfd(0, flags))
    guard numbers.0 >= 0, numbers.1 >= 0 else {
      if numbers.0 >= 0 { close(numbers.0) }
      return nil
    }
    event = FileDescriptor(owning: numbers.0)
    ended = FileDescriptor(owning: numbers.1)
    self.limit = limit
    self.counters = counters
  }

  var heldBytes: Int { state.withLock { $0.bytes.count + $0.taken } }

  enum Outcome { case taken, dropped, droppedAndUntold }

  /// Takes whole lines, or drops them when too much waits already.
  func add(_ memory: ByteBuffer, _ range: Range<Int>, lines: UInt64, at now: Int64) -> Outcome {
    let (outcome, wakes) = state.withLock { state -> (Outcome, Bool) in
      guard state.bytes.count + state.taken + range.count <= limit else {
        guard now >= state.complainsAgainAt else { return (.dropped, false) }
        state.complainsAgainAt = now + Self.complaintInterval
        return (.droppedAndUntold, false)
      }
      let wasEmpty = state.bytes.isEmpty
      unsafe memory.bytes(range).withUnsafeBufferPointer {
        unsafe state.bytes.append(contentsOf: $0)
      }
      return (.taken, wasEmpty)
    }
    if outcome != .taken { counters.addDropped(lines) }
    if wakes { eventfd_write(event.number, 1) }
    return outcome
  }

  func reopen() { order { $0.wantsReopen = true } }

  /// What is held is still written, within `LogWriter.lastMilliseconds`.
  func finish() { order { $0.isOver = true } }

  private func order(_ change: (inout Orders) -> Void) {
    state.withLock { change(&$0.orders) }
    eventfd_write(event.number, 1)
  }

  // MARK: For the writing thread

  var isOver: Bool { state.withLock { $0.orders.isOver } }

  /// What was ordered since the last time; the end stays ordered.
  func takeOrders() -> Orders {
    state.withLock { state in
      let orders = state.orders
      state.orders.wantsReopen = false
      return orders
    }
  }

  /// All that waits; `spent` is memory for what comes next.
  func take(_ spent: consuming [UInt8]) -> [UInt8] {
    spent.removeAll(keepingCapacity: spent.capacity <= limit)
    let empty = spent
    return state.withLock { state in
      let bytes = state.bytes
      state.bytes = empty
      state.taken = bytes.count
      return bytes
    }
  }

  /// Of what was taken, so much is still to be written.
  func keep(_ count: Int) { state.withLock { $0.taken = count } }

  /// Until there are lines or orders, or the time is over; for ever when negative.
  func wait(milliseconds: Int32) {
    var poll = pollfd(fd: event.number, events: Int16(POLLIN), revents: 0)
    _ = unsafe Glibc.poll(&poll, 1, milliseconds)
    var count: UInt64 = 0
    unsafe eventfd_read(event.number, &count)
  }

  /// The thread has written what it could.
  var hasEnded: Bool {
    var poll = pollfd(fd: ended.number, events: Int16(POLLIN), revents: 0)
    return unsafe Glibc.poll(&poll, 1, 0) == 1
  }

  func tellEnded() { eventfd_write(ended.number, 1) }

  /// Until the thread has written what it could, or the time is over.
  func waitUntilEnded(milliseconds: Int32) {
    var poll = pollfd(fd: ended.number, events: Int16(POLLIN), revents: 0)
    _ = unsafe Glibc.poll(&poll, 1, milliseconds)
  }
}
