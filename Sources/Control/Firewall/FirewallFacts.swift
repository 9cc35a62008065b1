internal import Firewall
internal import Foundation

/// How the firewall is: what the agent answers when it is asked to look.
struct FirewallFacts: Codable, Equatable, Sendable {
  struct Counter: Codable, Equatable, Sendable {
    let name: String
    let packets: UInt64
    let bytes: UInt64
  }

  struct Size: Codable, Equatable, Sendable {
    let name: String
    let count: Int
  }

  /// 0 where no policy is in force.
  var generation: UInt64 = 0
  /// Unix time in seconds.
  var appliedAt: Int64?
  var isPending = false
  var isAudit = false
  /// Policies that were refused when they were applied.
  var rejections: UInt64 = 0
  /// Places in which the kernel is not as applied.
  var drift = 0
  var bans = 0
  var counters: [Counter] = []
  var sets: [Size] = []
}

/// Looks at the kernel's table; what changes with an apply only is read again only after one.
final class FirewallLook {
  /// For counting the elements that rules and bans have added.
  private static let countingTime = Duration.milliseconds(250)
  /// Milliseconds for which an answer is good: who asks often costs no more.
  private static let freshness: Int64 = 2000

  private let store: PolicyStore
  private var known: (stamp: [Int], frame: Ruleset?, sizes: [String: Int], isAudit: Bool)?
  private var last: (at: Int64, facts: FirewallFacts)?

  init(_ store: PolicyStore) { self.store = store }

  /// `drift`: as somebody who follows it knows; looked for when nil.
  func facts(drift: Int?) throws -> FirewallFacts {
    let now = BootClock.milliseconds
    if var last, now - last.at < Self.freshness {
      last.facts.drift = drift ?? last.facts.drift
      return last.facts
    }
    let state = try store.state()
    let known = try known(of: state)
    var facts = FirewallFacts(
      generation: state.generation, appliedAt: state.generation > 0 ? state.appliedAt : nil,
      isPending: state.pending != nil, isAudit: known.isAudit, rejections: state.rejections ?? 0)
    // Nothing in the kernel but a policy in force is drift, too.
    let live = try FirewallKernel.live()
    facts.drift = try drift ?? self.drift(known.frame, state)
    guard let live else { return facts }
    facts.counters = live.counters.sorted { $0.key < $1.key }.map {
      .init(name: $0.key, packets: $0.value.packets, bytes: $0.value.bytes)
    }
    let counted = try FirewallKernel.setSizes(
      { known.sizes[$0] == nil && !$0.hasSuffix("-b") }, within: Self.countingTime)
    facts.bans = counted.filter { Self.banSets.contains($0.key) }.reduce(0) { $0 + $1.value }
    facts.sets = known.sizes.merging(counted) { $1 }.sorted { $0.key < $1.key }
      .map { .init(name: $0.key, count: $0.value) }
    last = (now, facts)
    return facts
  }

  private static let banSets: Set = ["ban4", "ban6", "ban64", "bannet4", "bannet6"]

  private func drift(_ frame: Ruleset?, _ state: PolicyState) throws -> Int {
    guard let frame else { return 0 }
    return try FirewallKernel.drift(from: frame, rules: state.rules, elements: false).count
  }

  /// What is known of the generation in force without asking the kernel.
  private func known(
    of state: PolicyState
  ) throws -> (stamp: [Int], frame: Ruleset?, sizes: [String: Int], isAudit: Bool) {
    let stamp = store.stateStamp
    if let known, known.stamp == stamp { return known }
    guard state.generation > 0 else { return (stamp, nil, [:], false) }
    let policy = try store.policy(of: state.generation)
    let ruleset = CompiledPolicy(policy, at: CompiledPolicy.now).ruleset
    let sizes = ruleset.setSizes.filter(\.value.isFilledByPolicy).mapValues(\.count)
    let new = (stamp, Optional(ruleset.frame), sizes, policy.mode == .audit)
    known = new
    return new
  }
}
