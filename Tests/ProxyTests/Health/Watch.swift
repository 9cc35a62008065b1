import Foundation
import Synchronization

@testable import Proxy

/// A monitor, and what it told.
final class Watch {
  let monitor: HealthMonitor
  private let told: Told

  private final class Told: Sendable {
    let changes = Mutex<[(ServerID, HealthReport)]>([])
  }

  init() throws {
    let told = Told()
    self.told = told
    monitor = try HealthMonitor { id, report in told.changes.withLock { $0.append((id, report)) } }
  }

  deinit { monitor.stop() }

  static let id = ServerID(backend: "b", server: "s")

  static func backend(
    _ port: UInt16, _ check: ProxyConfiguration.Health.Check
  ) -> ProxyConfiguration.Backend {
    var backend = ProxyConfiguration.Backend(
      name: "b", servers: [.init(name: "s", address: .ipv4(0x7f00_0001, port: port))])
    backend.health.check = check
    backend.health.interval = .milliseconds(200)
    backend.health.fastInterval = .milliseconds(100)
    backend.health.timeout = .seconds(2)
    return backend
  }

  func adopt(_ backend: ProxyConfiguration.Backend) {
    var configuration = ProxyConfiguration()
    configuration.backends = [backend]
    monitor.adopt(configuration)
  }

  var report: HealthReport { monitor.reports()[Self.id] ?? HealthReport() }
  var changes: [HealthReport] { told.changes.withLock { $0.map(\.1) } }

  /// The first report that holds; the last one there was when none did within 20 s.
  func until(_ holds: (HealthReport) -> Bool) -> HealthReport {
    let end = Date.now + 20
    while Date.now < end {
      let report = report
      if holds(report) { return report }
      usleep(5000)
    }
    return report
  }

  /// What the first check says.
  func first(_ backend: ProxyConfiguration.Backend) -> HealthReport {
    adopt(backend)
    return until { $0.checks > 0 }
  }
}
