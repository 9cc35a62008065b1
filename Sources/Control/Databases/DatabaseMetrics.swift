/// What `GET /metrics` says of databases.
extension Metrics {
  static func databases(_ all: [Status.Database], _ text: inout MetricText) {
    text.family(
      "gatehouse_db_writers", "gauge", "Servers of a database that take writes; one is well."
    ) { all.map { ([("backend", $0.backend)], Double($0.writers)) } }
    text.family("gatehouse_db_role", "gauge", "1 for the role that a server has.") {
      all.flatMap { one in
        one.members.map {
          ([("backend", one.backend), ("server", $0.name), ("role", $0.role)], 1)
        }
      }
    }
    text.family("gatehouse_db_lag_seconds", "gauge", "How far a replica is behind.") {
      all.flatMap { one in
        one.members.compactMap { member in
          member.lagSeconds.map { ([("backend", one.backend), ("server", member.name)], $0) }
        }
      }
    }
  }
}
