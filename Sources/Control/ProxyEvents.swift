internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// What is done about what the workers tell; none of them waits for the disk.
final class ProxyEvents: Sendable {
  private let bans: RefusalBans
  private let servers: ServerBook
  private let health: HealthDesk
  private let traces: TraceExporter
  private let logger: Logger
  private let later = DispatchQueue(label: "ejections")
  /// The workers begin before there is a server to hand them bans.
  private let proxy = Mutex<ProxyServer?>(nil)
  /// Until when each server was said to be set aside: workers find it out one by one.
  private let told = Mutex<[ServerID: ContinuousClock.Instant]>([:])

  init(
    _ bans: RefusalBans, _ servers: ServerBook, _ health: HealthDesk, _ traces: TraceExporter,
    _ logger: Logger
  ) {
    self.bans = bans
    self.servers = servers
    self.health = health
    self.traces = traces
    self.logger = logger
  }

  func begin(with proxy: ProxyServer) { self.proxy.withLock { $0 = proxy } }

  func take(_ event: ProxyEvent) {
    if isNews(event) { Self.log(event, to: logger) }
    switch event {
    case .refusedRequest(let client, let listener):
      bans.count(client, listener, proxy.withLock { $0 })
    case .serverEjected(let id, let reason, let milliseconds):
      let end = Date() + Double(milliseconds) / 1000
      later.async { [servers] in servers.ejected(id, until: end, reason: reason) }
      health.checkSoon(id)
    case .traced(let trace): traces.add(trace)
    case .trouble: return
    }
  }

  private func isNews(_ event: ProxyEvent) -> Bool {
    guard case .serverEjected(let id, _, let milliseconds) = event else { return true }
    let now = ContinuousClock.now
    return told.withLock { told in
      if let end = told[id], now < end { return false }
      told = told.filter { now < $0.value }
      told[id] = now + .milliseconds(milliseconds)
      return true
    }
  }

  static func log(_ event: ProxyEvent, to logger: Logger) {
    switch event {
    // The book of servers tells of ejections: it knows which are news.
    case .refusedRequest, .traced, .serverEjected: return
    case .trouble(let what): logger.error("\(what)")
    }
  }
}
