public import Configuration
public import Firewall
internal import Foundation

/// What is done by hand on top of the generation in force: each is a generation of its own.
extension PolicyApplication {
  /// Where the same network is allowed to the same service already, the later end counts.
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
      let same = overrides.allowances.filter { $0.isFor(allowance.network, allowance.service) }
      overrides.allowances.removeAll { $0.isFor(allowance.network, allowance.service) }
      // The newer one of two that end at the same second.
      overrides.allowances.append(([allowance] + same).max { $0.until < $1.until } ?? allowance)
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

  /// Waits for nobody's confirmation: of a generation that is pending it changes nothing but this.
  public func panic(_ isOn: Bool) throws -> Outcome {
    try change("panic \(isOn ? "on" : "off")", alsoPending: true) { overrides, _ in
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
    _ reason: String, alsoPending: Bool = false,
    _ body: (inout PolicyOverrides, FirewallPolicy) throws -> Void
  ) throws -> Outcome {
    try store.aloneOrNot { fault in
      var state: PolicyState
      var isPending = false
      do {
        isPending = try endOverdue() != nil
        state = try store.state()
      } catch let unwritten as Unwritten where alsoPending { state = unwritten.state }
      if isPending, !alsoPending { try refuseWhilePending() }
      guard state.generation > 0 else {
        throw PolicyStore.Failure("no policy is in force; type: gatehouse policy apply FILE")
      }
      let policy = try store.policy(of: state.generation)
      let now = CompiledPolicy.now
      var overrides = try store.overrides().remaining(at: now)
      try body(&overrides, policy)
      var options = Options()
      options.reason = reason
      // Written first: were it not, the next apply would take it away again.
      let undo: () -> Void
      do {
        if let fault { throw fault }
        undo = try store.replace(with: overrides)
      } catch {
        guard alsoPending else { throw error }
        throw try unwritten(reason, overrides, state.generation, error)
      }
      do {
        if isPending { return try renewAlone(reason, overrides) }
        return try applyAlone(CompiledPolicy(overrides.applied(to: policy), at: now), options)
      } catch {
        undo()
        guard alsoPending, overrides.panic != nil else { throw error }
        throw try unwritten(reason, overrides, state.generation, error)
      }
    }
  }
}

extension PolicyApplication {
  /// Panic does not wait for a disk: into the kernel, whatever can be written. What is to be said then.
  private func unwritten(
    _ reason: String, _ overrides: PolicyOverrides, _ known: UInt64, _ fault: any Error
  ) throws -> PolicyStore.Failure {
    // Over what the kernel holds: it may have gone back already, without room to say so.
    let held = try FirewallKernel.live()?.generation.flatMap { store.kept.contains($0) ? $0 : nil }
    let number = held ?? known
    let policy = overrides.applied(to: try store.policy(of: number))
    let new = CompiledPolicy(policy.scheduled(from: CompiledPolicy.now), at: CompiledPolicy.now)
    let applied = try FirewallKernel.apply(new.ruleset, digest: new.digest, generation: number)
    var outcome = Outcome(
      generation: number, previous: number, kernelGeneration: applied.kernelGeneration,
      milliseconds: 0, closedConnections: 0, token: nil, notes: [])
    close(new, after: number, { nil }, &outcome)
    return PolicyStore.Failure(
      """
      \(fault)
        \(reason) is in force in the kernel all the same, until a restart or another change; the proxy does not know of it: make room, and type it again
      """)
  }
}

extension PolicyOverrides.Allowance {
  public func isFor(_ network: Network, _ service: String) -> Bool {
    self.network == network && self.service == service
  }
}
