internal import Foundation
internal import Proxy

extension Supervisor {
  /// The body of `GET /metrics`.
  func metrics(_ format: MetricText.Format) -> String {
    let view = TrafficView(proxy.report(), history)
    let configuration = loaded.proxy
    var turnTimes = Histogram()
    for report in view.reports { turnTimes += report.turnTimes }
    var backends: [String: String] = [:]
    for route in configuration.routes {
      guard case .backend(let index) = route.action,
        configuration.backends.indices.contains(index)
      else { continue }
      backends[route.name] = configuration.backends[index].name
    }
    let metrics = Metrics(
      status: status(view), traffic: view.traffic, turnTimes: turnTimes, routeBackends: backends,
      routes: configuration.routes.map(\.name),
      connectionLimit: configuration.limits.connections, rejections: rejections,
      firewall: firewall.facts(), process: ProcessFacts(), machine: MachineFacts(), now: Date())
    return metrics.text(format)
  }
}
