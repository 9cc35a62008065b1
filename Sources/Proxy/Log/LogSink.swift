internal import Glibc

/// A target of the access log with its queue and its thread; ends with the last who writes to it.
final class LogSink: Sendable {
  let plan: ProxyConfiguration.AccessLog
  let queue: LogQueue

  /// Nil when the system gives no thread or descriptor.
  init?(_ plan: ProxyConfiguration.AccessLog, _ counters: LogCounters, _ log: @escaping EventLog) {
    guard let queue = LogQueue(limit: plan.heldBytes, counters: counters) else { return nil }
    self.plan = plan
    self.queue = queue
    guard LogThread(queue, plan, log).launch() else { return nil }
  }

  deinit { queue.finish() }
}

/// What the writing thread is started with.
private final class LogThread: Sendable {
  private let queue: LogQueue
  private let plan: ProxyConfiguration.AccessLog
  private let log: EventLog

  init(_ queue: LogQueue, _ plan: ProxyConfiguration.AccessLog, _ log: @escaping EventLog) {
    self.queue = queue
    self.plan = plan
    self.log = log
  }

  func launch() -> Bool {
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(self)
    let answer = unsafe pthread_create(
      &thread, nil,
      { argument in
        if let argument = unsafe argument {
          unsafe Unmanaged<LogThread>.fromOpaque(argument).takeRetainedValue().run()
        }
        return nil
      }, start.toOpaque())
    guard answer == 0 else {
      unsafe start.release()
      return false
    }
    // Nobody waits for it: a write to a disk that hangs may never return.
    pthread_detach(thread)
    return true
  }

  private func run() { LogWriter(queue, plan, log).run() }
}
