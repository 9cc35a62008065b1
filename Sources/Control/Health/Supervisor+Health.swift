internal import Configuration
internal import Foundation
internal import Proxy
internal import Synchronization

/// How well this process is, for whoever sends it traffic or restarts it.
extension Supervisor {
  func openHealth(_ loaded: LoadedConfiguration) throws {
    try healthDoor.adopt(
      loaded.healthAddresses,
      log: { [logger] in if case .trouble(let what) = $0 { logger.error("health: \(what)") } },
      { [weak self] in self?.verdict(on: $0) ?? HealthVerdict(["ending"]) })
  }

  func verdict(on question: HealthDoor.Question) -> HealthVerdict {
    // Workers that have finished answer no more, and nobody should kill them for it.
    if isEnding.load(ordering: .relaxed) {
      return HealthVerdict(question == .readyz ? ["draining: send new clients elsewhere"] : [])
    }
    let reports = proxy.report()
    guard reports.count == proxy.workerCount else {
      let silent = Set(0..<proxy.workerCount).subtracting(reports.map(\.worker)).sorted()
      return HealthVerdict(silent.map { "worker \($0) does not answer" })
    }
    // All workers have answered, so the first generation runs.
    guard question == .readyz else { return HealthVerdict() }
    let configuration = loaded.proxy
    let view = TrafficView(reports, history)
    let backends = servers.look { book in book.applied.backends.map { book.status($0, view) } }
    return .readiness(backends, needed: Self.needed(configuration), reports: reports)
  }

  /// Backends that a route or a stream names, in the file's order.
  private static func needed(_ configuration: ProxyConfiguration) -> [String] {
    var used: Set<Int> = []
    for route in configuration.routes {
      if case .backend(let index) = route.action { used.insert(index) }
    }
    for listener in configuration.listeners {
      if let stream = listener.stream { used.insert(stream.backend) }
    }
    return configuration.backends.indices.filter(used.contains).map {
      configuration.backends[$0].name
    }
  }

  /// Says no to `/readyz`, and serves on for as long as balancers in front need to see it.
  func beginEnding() {
    isEnding.store(true, ordering: .relaxed)
    healthDoor.forget()
    let grace = loaded.grace
    guard grace > .zero, !loaded.healthAddresses.isEmpty else { return }
    logger.notice("ending: /readyz says 503; serving on for \(grace.components.seconds) s")
    Thread.sleep(forTimeInterval: TimeInterval(grace.components.seconds))
  }
}
