internal import Proxy

/// What clients did: by listener, and by route.
extension Metrics {
  /// Routes with rows of their own, the first of the configuration; the others share one, so that no
  /// configuration makes megabytes of a scrape.
  static let routeLimit = 250
  /// What those share.
  static let otherRoutes = "_other"

  func addListeners(_ text: inout MetricText) {
    let all = status.listeners.map { ($0.name, traffic.listeners[$0.name] ?? ListenerMeter()) }
    func each(_ value: (ListenerMeter) -> UInt64) -> [MetricText.Sample] {
      all.map { ([("listener", $0)], Double(value($1))) }
    }
    text.family("gatehouse_connections", .gauge, "Connections of clients that are open.") {
      each(\.connections)
    }
    text.family(
      "gatehouse_connections_limit", .gauge,
      "Connections of clients that may be open at a time, over all listeners.",
      value: Double(connectionLimit))
    text.family(
      "gatehouse_connections_accepted_total", .counter,
      "Connections taken from the kernel, refused ones included."
    ) { each(\.accepted) }
    text.family(
      "gatehouse_connections_refused_total", .counter,
      "Connections closed at once, by the policy or a ban."
    ) { each(\.refused) }
    text.family(
      "gatehouse_received_bytes_total", .counter, "Bytes of requests, without TLS."
    ) { each(\.bytesIn) }
    text.family("gatehouse_sent_bytes_total", .counter, "Bytes of responses, without TLS.") {
      each(\.bytesOut)
    }
    addHandshakes(
      &text,
      all.filter { name, _ in
        status.listeners.contains { $0.name == name && $0.serves == "https" }
      })
  }

  private func addHandshakes(
    _ text: inout MetricText, _ all: [(name: String, meter: ListenerMeter)]
  ) {
    text.family(
      "gatehouse_tls_handshakes_total", .counter, "TLS handshakes, by outcome and version."
    ) {
      all.flatMap { name, meter in
        HandshakeMeter.Version.allCases.flatMap { version in
          [("full", false), ("resumed", true)].map { result, isResumed in
            (
              [("listener", name), ("result", result), ("version", version.name)],
              Double(meter.tls[version, isResumed: isResumed])
            )
          }
        } + [
          (
            [("listener", name), ("result", "failed"), ("version", Self.nothing)],
            Double(meter.tls.failures)
          )
        ]
      }
    }
    text.family(
      "gatehouse_tls_handshake_failures_total", .counter, "TLS handshakes that failed, and why."
    ) {
      all.flatMap { name, meter in
        HandshakeMeter.Failure.allCases.map {
          ([("listener", name), ("reason", $0.name)], Double(meter.tls[$0]))
        }
      }
    }
  }

  private struct Place: Hashable, Comparable {
    let route: String
    let listener: String

    static func < (one: Place, other: Place) -> Bool {
      (one.route, one.listener) < (other.route, other.listener)
    }
  }

  func addRoutes(_ text: inout MetricText) {
    let own = Set(routes.prefix(Self.routeLimit))
    var counts: [Place: ResponseClasses] = [:]
    var times: [String: Histogram] = [:]
    // Without those that no request ever took.
    for (key, meter) in traffic.routes where meter.responses.total > 0 {
      let name = key.route.map { own.contains($0) ? $0 : Self.otherRoutes } ?? Self.nothing
      counts[Place(route: name, listener: key.listener), default: .init()] += meter.responses
      times[name, default: .init()] += meter.duration
    }
    func backend(_ route: String) -> (String, String) {
      ("backend", routeBackends[route] ?? Self.nothing)
    }
    text.family(
      "gatehouse_requests_total", .counter,
      "Requests of clients, by the first digit of what they were answered."
    ) {
      counts.sorted { $0.key < $1.key }.flatMap { place, classes in
        let labels = [("listener", place.listener), ("route", place.route), backend(place.route)]
        return Self.rows(labels, classes)
      }
    }
    text.histograms(
      "gatehouse_request_duration_seconds",
      "From a request's whole head to the last byte of its response.",
      times.sorted { $0.key < $1.key }.map { ([("route", $0), backend($0)], $1) })
  }

  /// One for each code, `none` where the client got no response.
  static func rows(_ labels: MetricText.Labels, _ classes: ResponseClasses) -> [MetricText.Sample] {
    (0..<6).map {
      (labels + [("code", $0 == 0 ? "none" : "\($0)xx")], Double(classes[$0]))
    }
  }
}
