internal import Firewall
internal import Foundation

/// What the kernel knows of a source beside the rules: what of its limits it uses, what was dropped.
extension Explainer {
  func explainLimit(_ kernel: KernelFacts, _ explanation: inout Explanation) {
    if let isMetered = kernel.isMetered, let rate = kernel.limit?.newConnections {
      explanation.add(
        "kernel: rate", .ok,
        isMetered
          ? "counted now; the kernel does not tell how much of \(rate.burst) at once is left"
          : "not counted now: all \(rate.burst) at once are left")
    }
    if let open = kernel.openConnections, let most = kernel.limit?.concurrent {
      explanation.add("kernel: open", .ok, "\(open) of \(most) are open now")
    }
  }

  /// By the kernel, or by the running process, which has asked the agent for those dropped most.
  func explainDenials(
    of source: Address, _ kernel: KernelFacts, _ explanation: inout Explanation
  ) {
    let packets: UInt64
    let secondsAgo: Int
    if let denials = kernel.denials {
      packets = denials.packets
      secondsAgo = Int(clamping: denials.secondsAgo)
    } else if let told = running?.denials(of: source) {
      packets = told.packets
      secondsAgo = told.secondsAgo
    } else {
      return
    }
    let what = kernel.policy?.policy.mode == .audit ? "would have been dropped" : "dropped"
    let whose = if case .ipv4 = source { "" } else { " of its /64" }
    let memory = KernelDenials.memorySeconds / 60
    explanation.add(
      "kernel: dropped", .ok,
      "\(packets) packet(s)\(whose) \(what), the last \(secondsAgo) s ago; "
        + "forgotten after \(memory) min without one")
  }
}

extension RunningFacts {
  /// Packets of a source among those that the kernel dropped most.
  fileprivate func denials(of source: Address) -> (packets: UInt64, secondsAgo: Int)? {
    let prefix: UInt8 = if case .ipv4 = source { 32 } else { 64 }
    let first: Address =
      switch source.network(prefix: prefix) {
      case .ipv4(let bits, _): .ipv4(bits)
      case .ipv6(let bits, _): .ipv6(bits)
      }
    guard let row = status.firewall.sources.first(where: { $0.address == "\(first)" }),
      let packets = row.dropped, let last = row.lastDroppedAt
    else { return nil }
    return (packets, Int(max(0, min(-last.timeIntervalSinceNow, 1e9))))
  }
}
