internal import Glibc

/// The thread that writes the access log: whatever its target does, nobody waits for it.
///
/// Lines that the target does not take are kept and tried again, with pauses that grow; what then comes
/// on top of the queue's limit is dropped there.
final class LogWriter {
  /// For what is held when no more comes.
  static let lastMilliseconds: Int64 = 2000
  /// Pauses between two attempts at a target that fails.
  static let pauses: ClosedRange<Int64> = 250...8000
  /// What comes within this time is written at once: fewer wake-ups, fewer writes.
  private static let gathering: useconds_t = 5000
  private static let blockedWait: Int32 = 200

  private let queue: LogQueue
  private let plan: ProxyConfiguration.AccessLog
  private let log: EventLog
  private var output: LogOutput?
  private var batch: [UInt8] = []
  /// How much of the batch is written; within a line where a target took a part of it.
  private var position = 0
  private var pause = pauses.lowerBound
  private var retryAt = Int64.min
  private var endsAt = Int64.max
  private var complainsAgainAt = Int64.min
  /// Since the last complaint nothing could be written.
  private var hasComplained = false

  init(_ queue: LogQueue, _ plan: ProxyConfiguration.AccessLog, _ log: @escaping EventLog) {
    self.queue = queue
    self.plan = plan
    self.log = log
  }

  func run() {
    while true {
      let orders = queue.takeOrders()
      if orders.wantsReopen { reopen() }
      if orders.isOver, endsAt == .max {
        endsAt = Clock.milliseconds() + Self.lastMilliseconds
        // Once more at once, however long the pause was to be.
        retryAt = .min
        pause = Self.pauses.lowerBound
      }
      if position == batch.count { refill() }
      if batch.isEmpty {
        if orders.isOver { break }
        queue.wait(milliseconds: -1)
        if !queue.isOver { usleep(Self.gathering) }
      } else if Clock.milliseconds() >= endsAt {
        queue.counters.addDropped(lines(in: position..<batch.count))
        break
      } else {
        attempt()
      }
    }
    output = nil
    queue.keep(0)
    queue.tellEnded()
  }

  /// A file that was moved away goes on under its old name until then, so no line is lost; one of which
  /// a part was written is written again.
  private func reopen() {
    output = nil
    position = lineStart(position)
    retryAt = .min
    pause = Self.pauses.lowerBound
  }

  private func refill() {
    batch = queue.take(batch)
    position = 0
  }

  private func attempt() {
    let now = Clock.milliseconds()
    guard now >= retryAt else {
      return queue.wait(milliseconds: Int32(clamping: max(0, min(retryAt, endsAt) - now)))
    }
    if output == nil {
      switch LogOutput.open(plan) {
      case .success(let opened): output = opened.take()
      case .failure(let reason): return failed(reason.text)
      }
    }
    let before = position
    let outcome = output?.send(batch, from: &position) ?? .failed("closed")
    switch outcome {
    case .sent: goesOn()
    case .blocked: output?.waitForRoom(milliseconds: Self.blockedWait)
    case .tooLong:
      queue.counters.addWritten(lines(in: before..<position))
      queue.counters.addDropped(1)
      position = batch[position...].firstIndex(of: LogLine.end).map { $0 + 1 } ?? batch.count
      return queue.keep(batch.count - position)
    case .failed(let reason):
      output = nil
      // Of a line that went out in part, the rest goes with it, once more.
      position = lineStart(position)
      failed(reason)
    }
    // Some may have gone out before it failed.
    if position > before { queue.counters.addWritten(lines(in: before..<position)) }
    queue.keep(batch.count - position)
  }

  private func failed(_ reason: String) {
    let now = Clock.milliseconds()
    retryAt = now + pause
    pause = min(2 * pause, Self.pauses.upperBound)
    let text = "the access log cannot be written to \(plan.target): \(reason)"
    queue.counters.trouble = text
    guard now >= complainsAgainAt else { return }
    complainsAgainAt = now + LogQueue.complaintInterval
    hasComplained = true
    log(.trouble("\(text); it is tried again, traffic goes on"))
  }

  private func goesOn() {
    retryAt = .min
    pause = Self.pauses.lowerBound
    if queue.counters.trouble != nil { queue.counters.trouble = nil }
    guard hasComplained else { return }
    hasComplained = false
    log(
      .trouble(
        "the access log is written to \(plan.target) again; \(queue.counters.dropped) lines lost so far"
      ))
  }

  private func lineStart(_ position: Int) -> Int {
    batch[..<position].lastIndex(of: LogLine.end).map { $0 + 1 } ?? 0
  }

  private func lines(in range: Range<Int>) -> UInt64 {
    batch[range].reduce(0) { $1 == LogLine.end ? $0 + 1 : $0 }
  }
}
