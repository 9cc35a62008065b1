internal import Configuration
public import Firewall

extension PolicyStore {
  /// Panic, or an allowance, that was written down though the generation in force does not hold it, for whoever
  /// did it was killed before the kernel knew; nil when there is none.
  public func unappliedOverrides(_ policy: FirewallPolicy) -> String? {
    let now = CompiledPolicy.now
    guard let written = try? overrides().remaining(at: now) else { return nil }
    let held = PolicyOverrides(in: policy).remaining(at: now)
    guard written.applied(to: policy) != held.applied(to: policy) else { return nil }
    return
      "\(path("overrides.json")) holds what was cut short: panic, or what is allowed by hand, is not in the kernel as it says"
  }
}
