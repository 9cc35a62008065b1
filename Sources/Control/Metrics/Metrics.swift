internal import Foundation
internal import Proxy

/// What `GET /metrics` says: made when it is asked for, by the thread that answers, from what the
/// workers have counted anyway. Every label comes from the configuration or from this program.
struct Metrics {
  let status: Status
  let traffic: TrafficReport
  /// How long turns of the workers' loops took.
  let turnTimes: Histogram
  /// By route, the backend it leads to.
  let routeBackends: [String: String]
  /// Routes in the order of the configuration.
  let routes: [String]
  let connectionLimit: Int
  /// Applies of the file that were refused.
  let rejections: UInt64
  /// Nil when neither the agent nor the kernel can be asked.
  let firewall: FirewallFacts?
  let process: ProcessFacts
  let machine: MachineFacts
  let now: Date

  /// A label's value where there is none: no route or backend of the configuration can be called so.
  static let nothing = "_none"

  func text(_ format: MetricText.Format) -> String {
    var text = MetricText(format)
    addProcess(&text)
    addConfiguration(&text)
    addListeners(&text)
    addRoutes(&text)
    addBackends(&text)
    addServers(&text)
    addCertificates(&text)
    addFirewall(&text)
    addDatabases(&text)
    addNames(&text)
    addTraces(&text)
    addLog(&text)
    addMachine(&text)
    text.end()
    return text.text
  }

  private func addConfiguration(_ text: inout MetricText) {
    text.family(
      "gatehouse_config_last_reload_successful", .gauge,
      "1 where the file was applied at the last attempt, or the start.",
      value: status.lastApplyErrors.isEmpty ? 1 : 0)
    text.family(
      "gatehouse_config_last_reload_success_timestamp_seconds", .gauge,
      "When the configuration that runs was applied, in seconds since 1970.",
      value: status.appliedAt.timeIntervalSince1970)
    text.family(
      "gatehouse_config_generation", .gauge, "Counts the configurations applied since the start.",
      value: Double(status.generation))
    text.family(
      "gatehouse_config_reloads_total", .counter, "Attempts to apply the file, by outcome."
    ) {
      [
        ([("result", "applied")], Double(max(0, status.generation - 1))),
        ([("result", "rejected")], Double(rejections)),
      ]
    }
    text.family(
      "gatehouse_overrides", .gauge, "What was changed while running, beside the file."
    ) {
      let list = status.backends.flatMap(\.servers).flatMap(\.overrides)
      return [
        ([("kind", "all")], Double(status.overrides)),
        ([("kind", "conflict")], Double(list.count { $0.conflictSince != nil })),
      ]
    }
  }

  private func addNames(_ text: inout MetricText) {
    text.family(
      "gatehouse_name_resolution_failures_total", .counter,
      "Attempts to resolve a server's name that came to nothing."
    ) { status.names.map { ([("name", $0.name)], Double($0.failures)) } }
    text.family(
      "gatehouse_name_is_stale", .gauge,
      "1 where a name cannot be resolved and its last addresses are used."
    ) { status.names.map { ([("name", $0.name)], $0.failure == nil ? 0 : 1) } }
  }

  private func addTraces(_ text: inout MetricText) {
    text.family(
      "gatehouse_traces_total", .counter,
      "Traces that the collector took, and those dropped because it was slow or gone."
    ) {
      guard let tracing = status.tracing else { return [] }
      return [
        ([("result", "exported")], Double(tracing.exported)),
        ([("result", "dropped")], Double(tracing.dropped)),
      ]
    }
  }

  private func addLog(_ text: inout MetricText) {
    text.family(
      "gatehouse_access_log_lines_total", .counter,
      "Lines of the access log that were written, and those lost because its target took none."
    ) {
      guard let log = status.log else { return [] }
      return [
        ([("result", "written")], Double(log.written)),
        ([("result", "dropped")], Double(log.dropped)),
      ]
    }
  }

  private func addDatabases(_ text: inout MetricText) {
    let all = status.databases
    text.family(
      "gatehouse_db_writers", .gauge, "Servers of a database that take writes; one is well."
    ) { all.map { ([("backend", $0.backend)], Double($0.writers)) } }
    text.family("gatehouse_db_role", .gauge, "1 for the role that a server has.") {
      all.flatMap { one in
        one.members.map {
          ([("backend", one.backend), ("server", $0.name), ("role", $0.role)], 1)
        }
      }
    }
    text.family("gatehouse_db_lag_seconds", .gauge, "How far a replica is behind.") {
      all.flatMap { one in
        one.members.compactMap { member in
          member.lagSeconds.map { ([("backend", one.backend), ("server", member.name)], $0) }
        }
      }
    }
  }
}
