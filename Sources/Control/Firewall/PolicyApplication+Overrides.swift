public import Configuration
public import Firewall
internal import Foundation

/// What is done by hand on top of the generation in force: each is a generation of its own.
extension PolicyApplication {
  public func allow(_ allowance: PolicyOverrides.Allowance) throws -> Outcome {
    guard allowance.network.prefix > 0 else {
      throw PolicyStore.Failure(
        "\(allowance.network) is everybody; that is for the policy's file: allow: [any]")
    }
    return try change("allowed \(allowance.network) to \(allowance.service): \(allowance.reason)") {
      overrides, policy in
      let services = policy.services.map(\.name) + ["management"]
      guard services.contains(allowance.service) else {
        throw PolicyStore.Failure(
          "there is no service \"\(allowance.service)\"; there are: \(services.joined(separator: ", "))"
        )
      }
      overrides.allowances.removeAll {
        $0.network == allowance.network && $0.service == allowance.service
      }
      overrides.allowances.append(allowance)
    }
  }

  public func disallow(_ network: Network, _ service: String) throws -> Outcome {
    try change("no longer allowed \(network) to \(service)") { overrides, _ in
      let count = overrides.allowances.count
      overrides.allowances.removeAll { $0.network == network && $0.service == service }
      guard overrides.allowances.count < count else {
        throw PolicyStore.Failure(
          "\(network) is not allowed to \(service) by hand; see: gatehouse allow list")
      }
    }
  }

  public func panic(_ isOn: Bool) throws -> Outcome {
    try change("panic \(isOn ? "on" : "off")") { overrides, _ in
      overrides.panic = isOn ? overrides.panic ?? Date() : nil
      overrides.panicBy = isOn ? Caller.name : nil
    }
  }

  /// What would be in force after a change by hand; nil while no policy is.
  public func policy(
    with change: (inout PolicyOverrides) -> Void
  ) throws -> CompiledPolicy? {
    let number = try store.state().generation
    guard number > 0 else { return nil }
    let now = CompiledPolicy.now
    var overrides = try store.overrides().remaining(at: now)
    change(&overrides)
    return CompiledPolicy(overrides.applied(to: try store.policy(of: number)), at: now)
  }

  private func change(
    _ reason: String, _ body: (inout PolicyOverrides, FirewallPolicy) throws -> Void
  ) throws -> Outcome {
    try store.alone {
      try refuseWhilePending()
      let state = try store.state()
      guard state.generation > 0 else {
        throw PolicyStore.Failure("no policy is in force; type: gatehouse policy apply FILE")
      }
      let policy = try store.policy(of: state.generation)
      let before = try store.overrides()
      let now = CompiledPolicy.now
      var overrides = before.remaining(at: now)
      try body(&overrides, policy)
      var options = Options()
      options.reason = reason
      // Written first: were it not, the next apply would take it away again.
      try store.write(overrides)
      do {
        return try applyAlone(CompiledPolicy(overrides.applied(to: policy), at: now), options)
      } catch {
        try store.write(before)
        throw error
      }
    }
  }
}
