internal import CLinux
internal import Glibc
internal import Synchronization

/// What other threads tell the thread that checks.
enum HealthCommand: Sendable {
  case adopt([(target: ProbeTarget, settings: ProxyConfiguration.Health)])
  case pause(ServerID)
  case resume(ServerID)
  case checkSoon(ServerID)
  case record(ProbeResult, ServerID)
}

/// Where the threads meet: commands in, reports out.
final class HealthMailbox: Sendable {
  private struct State {
    var commands: [HealthCommand] = []
    var reports: [ServerID: HealthReport] = [:]
    var isStopped = false
  }

  private let state = Mutex(State())
  private let event: FileDescriptor

  init?() {
    let number = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard number >= 0 else { return nil }
    event = FileDescriptor(owning: number)
  }

  /// Readable while there is something to do.
  var number: Int32 { event.number }

  func post(_ command: HealthCommand) {
    state.withLock { $0.commands.append(command) }
    eventfd_write(event.number, 1)
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    eventfd_write(event.number, 1)
  }

  var isStopped: Bool { state.withLock(\.isStopped) }

  /// All commands, oldest first.
  func takeAll() -> [HealthCommand] {
    var count: UInt64 = 0
    unsafe eventfd_read(event.number, &count)
    return state.withLock { state in
      let all = state.commands
      state.commands = []
      return all
    }
  }

  var reports: [ServerID: HealthReport] { state.withLock(\.reports) }

  func publish(_ report: HealthReport, of id: ServerID) {
    state.withLock { $0.reports[id] = report }
  }

  func forget(_ id: ServerID) {
    state.withLock { _ = $0.reports.removeValue(forKey: id) }
  }
}
