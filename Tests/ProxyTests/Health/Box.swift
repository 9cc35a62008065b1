import Synchronization

@testable import Proxy

/// Holds a monitor for the closure that it was made with.
final class Box: Sendable {
  private let state = Mutex<(monitor: HealthMonitor?, isStopped: Bool)>((nil, false))

  var isStopped: Bool { state.withLock(\.isStopped) }

  func set(_ monitor: HealthMonitor) { state.withLock { $0.monitor = monitor } }

  func stop() {
    let monitor = state.withLock { state in
      let monitor = state.monitor
      state.monitor = nil
      return monitor
    }
    guard let monitor else { return }
    monitor.stop()
    state.withLock { $0.isStopped = true }
  }
}
