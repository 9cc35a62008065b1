/// What the kernel counts of the policy's rules.
extension Metrics {
  func addFirewall(_ text: inout MetricText) {
    text.family(
      "gatehouse_fw_known", .gauge,
      "1 where the agent, or the kernel itself, says how the firewall is; else what follows is not there.",
      value: firewall == nil ? 0 : 1)
    text.family(
      "gatehouse_policy_revision", .gauge, "The generation of the policy that is in force.",
      value: firewall.map { Double($0.generation) })
    text.family(
      "gatehouse_policy_applied_timestamp_seconds", .gauge,
      "When that was applied, in seconds since 1970.",
      value: firewall?.appliedAt.map { Double($0) })
    text.family(
      "gatehouse_policy_kernel_generation", .gauge,
      "The kernel's own count of changes of its rules.",
      value: firewall?.kernelGeneration.map { Double($0) })
    text.family(
      "gatehouse_policy_apply_seconds", .gauge, "How long the kernel took for the last apply.",
      value: firewall?.applySeconds)
    text.family(
      "gatehouse_policy_next_end_timestamp_seconds", .gauge,
      "When the next entry of the policy ends, in seconds since 1970.",
      value: firewall?.nextEnd.map { Double($0) })
    text.family(
      "gatehouse_policy_rejected_total", .counter,
      "Policies that the kernel, or a check right before it, refused.",
      value: firewall.map { Double($0.rejections) })
    text.family(
      "gatehouse_policy_is_pending", .gauge, "1 while a policy waits to be confirmed.",
      value: firewall.map { $0.isPending ? 1 : 0 })
    text.family(
      "gatehouse_fw_drift", .gauge,
      "Places in which the kernel's rules are not as they were applied.",
      value: firewall.map { Double($0.drift) })
    text.family(
      "gatehouse_bans_active", .gauge, "Addresses and networks that the kernel bans now.",
      value: firewall.map { Double($0.bans) })
    text.family("gatehouse_bans_total", .counter, "Bans that were asked of the agent.") {
      guard let results = firewall?.banResults else { return [] }
      return [("done", results.done), ("never", results.never), ("failed", results.failed)]
        .map { ([("result", $0)], Double($1)) }
    }
    // Addresses are nobody's label: whoever forges them would make series without end.
    text.family(
      "gatehouse_fw_dropped_sources", .gauge,
      "Sources that the kernel dropped in the last ten minutes, at most 65536 of each family.",
      value: firewall?.denials.map { Double($0.count) })
    addCounters(&text)
  }

  private func addCounters(_ text: inout MetricText) {
    let all = (firewall?.counters ?? []).map { counter in
      (labels: Self.labels(counter.name, firewall?.isAudit == true), counter: counter)
    }
    text.family("gatehouse_fw_packets_total", .counter, "Packets that a rule decided about.") {
      all.map { ($0.labels, Double($0.counter.packets)) }
    }
    text.family("gatehouse_fw_bytes_total", .counter, "Bytes of those packets.") {
      all.map { ($0.labels, Double($0.counter.bytes)) }
    }
    text.family(
      "gatehouse_fw_set_elements", .gauge, "Addresses, networks and ports that a set holds."
    ) { (firewall?.sets ?? []).map { ([("set", $0.name)], Double($0.count)) } }
  }

  /// `r_web_deny` counts in the chain of the service `web`, `r_ban` in the base chain.
  static func labels(_ counter: String, _ isAudit: Bool) -> MetricText.Labels {
    let name = counter.hasPrefix("r_") ? counter.dropFirst(2) : counter[...]
    let place = name.lastIndex(of: "_")
    let rule = place.map { name[name.index(after: $0)...] } ?? name
    let chain = place.map { "svc_\(name[..<$0])" } ?? "main"
    let verdict =
      switch rule {
      case "management", "allow", "trusted": "accept"
      // It goes on to the limit that all share.
      case "overflow": "continue"
      default: isAudit ? "would_drop" : "drop"
      }
    return [("chain", chain), ("rule", String(rule)), ("verdict", verdict)]
  }
}
