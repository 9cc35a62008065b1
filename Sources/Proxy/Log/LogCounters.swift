internal import Synchronization

/// What became of the lines, over all that the log was written to.
final class LogCounters: Sendable {
  private let writtenLines = Atomic<UInt64>(0)
  private let droppedLines = Atomic<UInt64>(0)
  private let lastTrouble = Mutex<String?>(nil)

  var written: UInt64 { writtenLines.load(ordering: .relaxed) }
  var dropped: UInt64 { droppedLines.load(ordering: .relaxed) }

  /// Why lines cannot be written just now.
  var trouble: String? {
    get { lastTrouble.withLock { $0 } }
    set { lastTrouble.withLock { $0 = newValue } }
  }

  func addWritten(_ count: UInt64) { writtenLines.wrappingAdd(count, ordering: .relaxed) }
  func addDropped(_ count: UInt64) { droppedLines.wrappingAdd(count, ordering: .relaxed) }
}
