internal import Logging
internal import Proxy
internal import Synchronization

/// Has the servers checked, and tells the book what comes of it.
final class HealthDesk: Sendable {
  private let book: ServerBook
  /// Nil when the system gave no thread for it: all servers are then taken for up.
  private let monitor: HealthMonitor?
  private let paused = Mutex<Set<ServerID>>([])

  init(_ book: ServerBook, _ logger: Logger) {
    self.book = book
    do throws(HealthMonitor.StartError) {
      monitor = try HealthMonitor { id, report in book.told([id: report]) }
    } catch {
      monitor = nil
      logger.error("\(error.reason): all servers are taken for up")
    }
  }

  /// Other servers, or other checks.
  func adopt(_ configuration: ProxyConfiguration) {
    monitor?.adopt(configuration)
    // Those that begin anew begin with being checked.
    paused.withLock { all in for id in all { monitor?.pause(id) } }
  }

  /// Servers in maint are not checked, and last results are told.
  func follow() {
    let unchecked = book.look { $0.unchecked }
    paused.withLock { all in
      for id in unchecked.subtracting(all) { monitor?.pause(id) }
      for id in all.subtracting(unchecked) { monitor?.resume(id) }
      all = unchecked
    }
    if let monitor { book.told(monitor.reports()) }
  }

  /// Workers saw it fail: it is looked at before its time.
  func checkSoon(_ id: ServerID) { monitor?.checkSoon(id) }

  /// The result of a check made elsewhere, such as a database's.
  func record(_ result: ProbeResult, of id: ServerID) { monitor?.record(result, of: id) }

  func stop() { monitor?.stop() }
}
