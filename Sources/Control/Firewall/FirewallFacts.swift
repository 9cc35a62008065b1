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

  /// Whom the kernel denied lately: `KernelDenials` on its way.
  struct Denials: Codable, Equatable, Sendable {
    struct Source: Codable, Equatable, Sendable {
      let address: String
      let packets: UInt64
      /// Unix time in seconds of its last packet.
      let lastAt: Int64
    }

    /// The most packets first, at most `limit`.
    let sources: [Source]
    let count: Int
    let isFull: Bool

    static let limit = 20
  }

  /// What became of bans that were asked for.
  struct BanResults: Codable, Equatable, Sendable {
    var done: UInt64 = 0
    /// Of those whom the policy never bans.
    var never: UInt64 = 0
    var failed: UInt64 = 0
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
  /// The kernel's own count of changes; nil, as the next two, of an agent of an older version.
  var kernelGeneration: UInt32?
  /// How long the kernel took for the last apply.
  var applySeconds: Double?
  /// Unix time in seconds when the next entry ends; nil when none does.
  var nextEnd: Int64?
  /// Bans that were asked of the agent since it began; nil where no agent answers.
  var banResults: BanResults?
  /// Nil where nobody notes them: no policy, or an agent of an older version.
  var denials: Denials?
}

extension FirewallFacts.Denials {
  init(_ denials: KernelDenials, at time: Int64) {
    sources = denials.sources.map {
      Source(
        address: "\($0.address)", packets: $0.packets,
        lastAt: time - Int64(clamping: $0.secondsAgo))
    }
    count = denials.count
    isFull = denials.isFull
  }
}

/// Looks at the kernel's table; what changes with an apply only is read again only after one.
final class FirewallLook {
  /// For counting the elements that rules and bans have added.
  private static let countingTime = Duration.milliseconds(250)
  /// Milliseconds for which an answer is good: who asks often costs no more.
  private static let freshness: Int64 = 2000

  /// Of the generation in force.
  private struct Known {
    var stamp: [Int]
    var frame: Ruleset?
    var sizes: [String: Int] = [:]
    var isAudit = false
    /// Of entries, in Unix time, ascending.
    var ends: [Int64] = []
  }

  private let store: PolicyStore
  private var known: Known?
  private var last: (at: Int64, facts: FirewallFacts)?
  private var denials: (isGoodUntil: ContinuousClock.Instant, found: FirewallFacts.Denials?)?

  init(_ store: PolicyStore) { self.store = store }

  /// `drift` and `bans`: as the agent knows, which follows them; drift is looked for when nil.
  func facts(drift: Int?, bans: FirewallFacts.BanResults? = nil) throws -> FirewallFacts {
    let now = BootClock.milliseconds
    if var last, now - last.at < Self.freshness {
      last.facts.drift = drift ?? last.facts.drift
      last.facts.banResults = bans
      return last.facts
    }
    let state = try store.state()
    let known = try known(of: state)
    var facts = FirewallFacts(
      generation: state.generation, appliedAt: state.generation > 0 ? state.appliedAt : nil,
      isPending: state.pending != nil, isAudit: known.isAudit, rejections: state.rejections ?? 0)
    facts.kernelGeneration = try FirewallKernel.generation()
    facts.applySeconds = state.applySeconds
    facts.nextEnd = known.ends.first { $0 > CompiledPolicy.now }
    facts.banResults = bans
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
    facts.denials = readDenials()
    last = (now, facts)
    return facts
  }

  /// Of a flood from many sources there are 65,536 to read: that takes a share of the time, no more.
  private static let restFactor = 20

  private func readDenials() -> FirewallFacts.Denials? {
    let start = ContinuousClock.now
    if let denials, start < denials.isGoodUntil { return denials.found }
    let read = try? KernelDenials.read(most: FirewallFacts.Denials.limit)
    let found = read.map { FirewallFacts.Denials($0, at: CompiledPolicy.now) }
    let end = ContinuousClock.now
    denials = (end + (end - start) * Self.restFactor, found)
    return found
  }

  private static let banSets: Set = ["ban4", "ban6", "ban64", "bannet4", "bannet6"]

  private func drift(_ frame: Ruleset?, _ state: PolicyState) throws -> Int {
    guard let frame else { return 0 }
    return try FirewallKernel.drift(from: frame, rules: state.rules, elements: false).count
  }

  /// What is known of the generation in force without asking the kernel.
  private func known(of state: PolicyState) throws -> Known {
    let stamp = store.stateStamp
    if let known, known.stamp == stamp { return known }
    guard state.generation > 0 else { return Known(stamp: stamp) }
    let policy = try store.policy(of: state.generation)
    let ruleset = CompiledPolicy.applied(policy, state).ruleset
    let sizes = ruleset.setSizes.filter(\.value.isFilledByPolicy).mapValues(\.count)
    let new = Known(
      stamp: stamp, frame: ruleset.frame, sizes: sizes, isAudit: policy.mode == .audit,
      ends: policy.groups.flatMap(\.entries).compactMap(\.until).sorted())
    known = new
    return new
  }
}
