internal import Foundation

/// What `GET /metrics` says of servers.
extension Metrics {
  static func servers(_ status: Status, _ text: inout MetricText) {
    let all = status.backends.flatMap(\.servers)
    func labels(_ one: Status.Server) -> [(String, String)] {
      [("backend", one.backend), ("server", one.name)]
    }
    text.family(
      "gatehouse_backend_server_up", "gauge",
      "1 where a server takes requests, or would if its tier were in use."
    ) { all.map { (labels($0), ["up", "standby"].contains($0.state) ? 1 : 0) } }
    text.family(
      "gatehouse_backend_server_state", "gauge", "1 for the state that a server is in."
    ) { all.map { (labels($0) + [("state", $0.state)], 1) } }
    text.family(
      "gatehouse_backend_server_check_duration_seconds", "gauge", "How long the last check took."
    ) { all.compactMap { one in one.lastSeconds.map { (labels(one), $0) } } }
    text.family(
      "gatehouse_backend_server_checks_total", "counter", "Health checks, by outcome."
    ) {
      all.flatMap { one in
        [
          (labels(one) + [("result", "passed")], Double(one.checks &- one.failures)),
          (labels(one) + [("result", "failed")], Double(one.failures)),
        ]
      }
    }
    text.family(
      "gatehouse_backend_server_weight", "gauge", "The weight in effect, in the file's unit."
    ) { all.map { (labels($0), $0.effectiveWeight) } }
    text.family(
      "gatehouse_backend_server_state_changes_total", "counter", "Changes of a server's state."
    ) { all.map { (labels($0), Double($0.stateChanges)) } }
    text.family(
      "gatehouse_backend_server_active", "gauge", "Exchanges under way."
    ) { all.map { (labels($0), Double($0.active)) } }
    text.family(
      "gatehouse_backend_server_requests_total", "counter", "Requests sent to a server."
    ) { all.map { (labels($0), Double($0.requests)) } }
    backends(status, &text)
  }

  private static func backends(_ status: Status, _ text: inout MetricText) {
    text.family("gatehouse_backend_tier", "gauge", "The tier of a backend that is in use.") {
      status.backends.map { ([("backend", $0.name)], Double($0.tier)) }
    }
    text.family(
      "gatehouse_backend_queued", "gauge", "Exchanges that wait for a server."
    ) { status.backends.map { ([("backend", $0.name)], Double($0.queued)) } }
    text.family(
      "gatehouse_overrides", "gauge", "What was changed while running, beside the file."
    ) {
      let list = status.backends.flatMap(\.servers).flatMap(\.overrides)
      return [
        ([("kind", "all")], Double(status.overrides)),
        ([("kind", "conflict")], Double(list.count { $0.conflictSince != nil })),
      ]
    }
  }
}
