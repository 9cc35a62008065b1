internal import Foundation

extension Metrics {
  func addProcess(_ text: inout MetricText) {
    text.family("gatehouse_build_info", .info, "Which Gatehouse this is.") {
      [([("version", status.version)], 1)]
    }
    text.family(
      "process_cpu_seconds_total", .counter, "Time that the processors spent for this process.",
      value: process.cpuSeconds)
    text.family(
      "process_resident_memory_bytes", .gauge, "Memory of this process that is in RAM.",
      value: process.residentBytes)
    text.family(
      "process_virtual_memory_bytes", .gauge, "Addresses that this process has mapped.",
      value: process.virtualBytes)
    text.family(
      "process_open_fds", .gauge, "Descriptors that are open.", value: process.openDescriptors)
    text.family(
      "process_max_fds", .gauge, "Descriptors that may be open.",
      value: process.descriptorLimit)
    text.family(
      "process_start_time_seconds", .gauge, "When this process began, in seconds since 1970.",
      value: status.startedAt.timeIntervalSince1970)
    text.family(
      "gatehouse_workers", .gauge, "Workers that answer; each is a thread.",
      value: Double(status.workers))
    text.histograms(
      "gatehouse_event_loop_lag_seconds",
      "How long a turn of a worker's loop kept others waiting; one turn of sixteen is measured.",
      [([], turnTimes)])
  }

  func addMachine(_ text: inout MetricText) {
    text.family(
      "gatehouse_time_seconds", .gauge, "What this machine's clock says, in seconds since 1970.",
      value: now.timeIntervalSince1970)
    text.family(
      "gatehouse_conntrack_entries", .gauge, "Connections that the kernel tracks.",
      value: machine.conntrackEntries)
    text.family(
      "gatehouse_conntrack_limit", .gauge, "Connections that it can track; more are dropped.",
      value: machine.conntrackLimit)
    text.family(
      "gatehouse_accept_queue_overflows_total", .counter,
      "Connections that the kernel dropped because a queue to accept was full; of all programs here.",
      value: machine.acceptQueueOverflows)
  }
}
