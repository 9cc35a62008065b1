internal import Proxy

/// What happened behind us: by backend, and by server.
extension Metrics {
  private var backendMeters: [(name: String, meter: BackendMeter)] {
    status.backends.map { ($0.name, traffic.backends[$0.name] ?? BackendMeter()) }
  }

  func addBackends(_ text: inout MetricText) {
    func each(_ value: (Status.Backend) -> Int) -> [MetricText.Sample] {
      status.backends.map { ([("backend", $0.name)], Double(value($0))) }
    }
    text.family("gatehouse_backend_servers", .gauge, "Servers that a backend has.") {
      each(\.servers.count)
    }
    text.family(
      "gatehouse_backend_active_servers", .gauge, "Servers of a backend that take requests now."
    ) { each { $0.servers.count(where: \.takesRequests) } }
    text.family("gatehouse_backend_tier", .gauge, "The tier of a backend that is in use.") {
      each(\.tier)
    }
    text.family("gatehouse_backend_queued", .gauge, "Exchanges that wait for a server.") {
      each(\.queued)
    }
    text.family(
      "gatehouse_backend_retries_total", .counter, "Tries beyond the first, at another server."
    ) { backendMeters.map { ([("backend", $0)], Double($1.retries)) } }
    addPhases(&text)
    let all = backendMeters + [(Self.nothing, traffic.backends[nil] ?? BackendMeter())]
    text.family(
      "gatehouse_terminations_total", .counter,
      "Exchanges by how they ended; gatehouse explain STATE says what the letters mean."
    ) {
      all.flatMap { name, meter in
        Ending.allCases.filter { meter[$0] > 0 || $0 == .done }.map {
          (
            [("backend", name), ("state", "\($0.state)"), ("reason", $0.name)],
            Double(meter[$0])
          )
        }
      }
    }
  }

  private func addPhases(_ text: inout MetricText) {
    let phases: [(String, (BackendMeter) -> Histogram)] = [
      ("queue", \.queue), ("connect", \.connect), ("ttfb", \.firstByte), ("total", \.total),
    ]
    text.histograms(
      "gatehouse_request_phase_duration_seconds",
      "Where a request's time went: waiting for a server, connecting, until the response's head; and all of it.",
      backendMeters.flatMap { name, meter in
        phases.map { ([("backend", name), ("phase", $0)], $1(meter)) }
      })
  }

  private func labels(_ one: Status.Server) -> MetricText.Labels {
    [("backend", one.backend), ("server", one.name)]
  }

  func addServers(_ text: inout MetricText) {
    let all = status.backends.flatMap(\.servers)
    text.family(
      "gatehouse_backend_server_up", .gauge,
      "1 where a server takes requests, or would if its tier were in use."
    ) { all.map { (labels($0), ["up", "standby"].contains($0.state) ? 1 : 0) } }
    text.family(
      "gatehouse_backend_server_state", .gauge, "1 for the state that a server is in."
    ) { all.map { (labels($0) + [("state", $0.state)], 1) } }
    text.family(
      "gatehouse_backend_server_weight", .gauge, "The weight in effect, in the file's unit."
    ) { all.map { (labels($0), $0.effectiveWeight) } }
    text.family(
      "gatehouse_backend_server_state_changes_total", .counter, "Changes of a server's state."
    ) { all.map { (labels($0), Double($0.stateChanges)) } }
    text.family("gatehouse_backend_server_active", .gauge, "Exchanges under way.") {
      all.map { (labels($0), Double($0.active)) }
    }
    text.family(
      "gatehouse_backend_server_queued", .gauge,
      "Exchanges that wait for this very server, of those that wait for its backend."
    ) { all.map { (labels($0), Double($0.queued)) } }
    addChecks(&text, all)
    addServerTraffic(&text, all)
  }

  private func addChecks(_ text: inout MetricText, _ all: [Status.Server]) {
    text.family(
      "gatehouse_backend_server_check_duration_seconds", .gauge, "How long the last check took."
    ) { all.compactMap { one in one.lastSeconds.map { (labels(one), $0) } } }
    text.family(
      "gatehouse_backend_server_checks_total", .counter, "Health checks, by outcome."
    ) {
      all.flatMap { one in
        [
          (labels(one) + [("result", "passed")], Double(one.checks &- one.failures)),
          (labels(one) + [("result", "failed")], Double(one.failures)),
        ]
      }
    }
  }

  private func addServerTraffic(_ text: inout MetricText, _ all: [Status.Server]) {
    let meters = all.map { one in
      let id = ServerID(backend: one.backend, server: one.name)
      return (labels: labels(one), meter: traffic.servers[id] ?? ServerMeter())
    }
    func each(_ value: (ServerMeter) -> UInt64) -> [MetricText.Sample] {
      meters.map { ($0.labels, Double(value($0.meter))) }
    }
    text.family(
      "gatehouse_backend_server_requests_total", .counter,
      "Requests sent to a server; one that is tried again counts at both."
    ) { each(\.requests) }
    text.family(
      "gatehouse_backend_server_responses_total", .counter,
      "Responses of a server by the first digit of their status."
    ) { meters.flatMap { Self.rows($0.labels, $0.meter.responses).dropFirst() } }
    text.family(
      "gatehouse_backend_server_connect_failures_total", .counter,
      "Connections to a server that could not be made."
    ) { each(\.connectFailures) }
    text.family(
      "gatehouse_backend_server_response_failures_total", .counter,
      "Requests to which a server sent no answer in time, none at all, or no HTTP."
    ) { each(\.responseFailures) }
    text.family(
      "gatehouse_backend_server_received_bytes_total", .counter,
      "Bytes of requests that a server answered."
    ) { each(\.bytesIn) }
    text.family(
      "gatehouse_backend_server_sent_bytes_total", .counter, "Bytes of a server's responses."
    ) { each(\.bytesOut) }
    text.histograms(
      "gatehouse_backend_server_response_seconds",
      "From the connection to a server to its response's head; without servers that were never asked.",
      meters.filter { $0.meter.firstByte.count > 0 }.map { ($0.labels, $0.meter.firstByte) })
  }
}
