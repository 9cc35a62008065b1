internal import Foundation
internal import Synchronization

/// Something done again and again, on a thread of its own, until it is stopped.
final class Chore: Sendable {
  private let isStopped = Mutex(false)

  init(every seconds: TimeInterval, _ work: @escaping @Sendable () -> Void) {
    Thread.detachNewThread { [self] in
      while true {
        Thread.sleep(forTimeInterval: seconds)
        guard !isStopped.withLock({ $0 }) else { return }
        work()
      }
    }
  }

  /// Takes effect before the next time.
  func stop() { isStopped.withLock { $0 = true } }
}
