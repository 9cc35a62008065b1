internal import Proxy

extension Status {
  /// One route as one listener serves it; only those that had a request.
  public struct Route: Codable, Sendable {
    public let listener: String
    /// As `www.example.com/orders/**`; nil for what no route took.
    public let name: String?
    public let backend: String?
    /// "2xx": 17; "none" where the client got none.
    public let responses: [String: UInt64]
    public let p50Seconds: Double?
    public let p95Seconds: Double?
  }

  /// What a listener's clients did.
  public struct ListenerTraffic: Codable, Sendable {
    public let connections: UInt64
    public let accepted: UInt64
    public let refused: UInt64
    public let handshakes: UInt64
    public let handshakeFailures: UInt64
    public let responses: [String: UInt64]
    public let bytesIn: UInt64
    public let bytesOut: UInt64
  }

  /// What a server, or all of a backend, was asked.
  public struct ServerTraffic: Codable, Sendable {
    public let requests: UInt64
    public let responses: [String: UInt64]
    public let connectFailures: UInt64
    public let responseFailures: UInt64
    public let bytesIn: UInt64
    public let bytesOut: UInt64
    /// Of the last minute; nil before there is one.
    public let recent: RecentTraffic?
  }
}

/// What the workers say at one time, and what they said before.
struct TrafficView {
  let reports: [WorkerReport]
  let traffic: TrafficReport
  let history: TrafficHistory

  init(_ reports: [WorkerReport], _ history: TrafficHistory) {
    self.reports = reports
    self.history = history
    var traffic = TrafficReport()
    for report in reports { traffic += report.traffic }
    self.traffic = traffic
  }
}

extension ResponseClasses {
  var byName: [String: UInt64] {
    var all: [String: UInt64] = [:]
    for digit in 0..<6 { all[digit == 0 ? "none" : "\(digit)xx"] = self[digit] }
    return all
  }
}

extension Status.ServerTraffic {
  init(_ meter: ServerMeter, _ recent: RecentTraffic?) {
    requests = meter.requests
    responses = meter.responses.byName
    connectFailures = meter.connectFailures
    responseFailures = meter.responseFailures
    bytesIn = meter.bytesIn
    bytesOut = meter.bytesOut
    self.recent = recent
  }
}

extension Status.ListenerTraffic {
  init(_ meter: ListenerMeter) {
    connections = meter.connections
    accepted = meter.accepted
    refused = meter.refused
    handshakes = meter.handshakes
    handshakeFailures = meter.handshakeFailures
    responses = meter.responses.byName
    bytesIn = meter.bytesIn
    bytesOut = meter.bytesOut
  }
}

extension [Status.Route] {
  init(_ traffic: TrafficReport, _ configuration: ProxyConfiguration) {
    var backends: [String: String] = [:]
    for route in configuration.routes {
      guard case .backend(let index) = route.action,
        configuration.backends.indices.contains(index)
      else { continue }
      backends[route.name] = configuration.backends[index].name
    }
    self = traffic.routes.filter { $0.value.responses.total > 0 }.map { key, meter in
      Status.Route(
        listener: key.listener, name: key.route, backend: key.route.flatMap { backends[$0] },
        responses: meter.responses.byName,
        p50Seconds: RecentTraffic.quantile(0.50, of: meter.duration.counts),
        p95Seconds: RecentTraffic.quantile(0.95, of: meter.duration.counts))
    }.sorted { ($0.listener, $0.name ?? "") < ($1.listener, $1.name ?? "") }
  }
}

extension [String: UInt64] {
  /// Exchanges by the two letters of how they ended.
  init(terminations traffic: TrafficReport) {
    self = [:]
    for backend in traffic.backends.values {
      for ending in Ending.allCases where backend[ending] > 0 {
        self["\(ending.state)", default: 0] &+= backend[ending]
      }
    }
  }
}
