internal import Proxy

/// Which tier of a backend is used, over time; pure: times are milliseconds of a clock that never
/// runs backwards.
///
/// in use ──share of healthy weight below `below`──▶ the next that is not, hold-down permitting
///        ──nothing healthy left──▶ the same, at once
/// next   ──a better one is well, as `failback` says──▶ back to it, hold-down permitting
struct TierSelection {
  struct Member {
    var tier: Int
    /// As wanted, in any unit, whatever its health.
    var weight: Int
    var isUsable: Bool
  }

  struct Change: Equatable {
    var from: Int
    var to: Int
    /// Back to a better tier.
    var isBack: Bool
  }

  private(set) var inUse: Int
  /// Nil until the first change: nothing is held down after a start.
  private var changedAt: Int64?
  /// By tier, since when its share has been enough without a break.
  private var wellSince: [Int: Int64] = [:]

  /// `resuming`: the tier that was in use before a restart, which no start gives back by itself.
  init(
    _ members: [Member], _ terms: ProxyConfiguration.Tiers, at now: Int64, resuming tier: Int? = nil
  ) {
    inUse = 0
    let shares = Self.shares(members)
    inUse = Self.target(shares, terms) ?? shares.keys.min() ?? 0
    if let tier, terms.failback != .auto, (shares[tier]?.healthy ?? 0) > 0 { inUse = tier }
    note(shares, terms, now)
  }

  /// Looks at the servers as they are now. `isBackAskedFor`: somebody wants the better tier back, whatever
  /// `failback` and the hold-down say.
  mutating func update(
    _ members: [Member], _ terms: ProxyConfiguration.Tiers, at now: Int64,
    isBackAskedFor: Bool = false
  ) -> Change? {
    let shares = Self.shares(members)
    note(shares, terms, now)
    guard let target = Self.target(shares, terms), target != inUse else {
      // Its last server was removed, and no other tier has anything healthy either.
      if shares[inUse] == nil, let first = shares.keys.min() { return move(to: first, at: now) }
      return nil
    }
    guard (shares[inUse]?.healthy ?? 0) > 0 else { return move(to: target, at: now) }
    let isHeld = changedAt.map { now - $0 < terms.holdDown.tierMilliseconds } ?? false
    guard !isHeld || isBackAskedFor else { return nil }
    let isGoodEnough = shares[inUse].map { Self.isWell($0, terms) } ?? false
    if isGoodEnough, !isBackAskedFor, !maySwitchBack(to: target, terms, now) { return nil }
    return move(to: target, at: now)
  }

  struct Share: Equatable {
    var healthy = 0
    var total = 0
  }

  static func shares(_ members: [Member]) -> [Int: Share] {
    var shares: [Int: Share] = [:]
    for member in members {
      shares[member.tier, default: Share()].total += member.weight
      if member.isUsable { shares[member.tier, default: Share()].healthy += member.weight }
    }
    return shares
  }

  private static func isWell(_ share: Share, _ terms: ProxyConfiguration.Tiers) -> Bool {
    share.healthy > 0 && share.healthy * 100 >= share.total * terms.below
  }

  /// The lowest that is well; else the lowest with anything healthy; else none.
  private static func target(
    _ shares: [Int: Share], _ terms: ProxyConfiguration.Tiers
  ) -> Int? {
    shares.filter { isWell($0.value, terms) }.keys.min()
      ?? shares.filter { $0.value.healthy > 0 }.keys.min()
  }

  private mutating func note(
    _ shares: [Int: Share], _ terms: ProxyConfiguration.Tiers, _ now: Int64
  ) {
    wellSince = wellSince.filter { shares[$0.key].map { Self.isWell($0, terms) } ?? false }
    for (tier, share) in shares where Self.isWell(share, terms) && wellSince[tier] == nil {
      wellSince[tier] = now
    }
  }

  /// The one in use is well, too: only `failback` says when to leave it.
  private func maySwitchBack(
    to tier: Int, _ terms: ProxyConfiguration.Tiers, _ now: Int64
  ) -> Bool {
    switch terms.failback {
    case .auto: true
    case .manual: false
    case .after(let span): wellSince[tier].map { now - $0 >= span.tierMilliseconds } ?? false
    }
  }

  private mutating func move(to tier: Int, at now: Int64) -> Change {
    let change = Change(from: inUse, to: tier, isBack: tier < inUse)
    inUse = tier
    changedAt = now
    return change
  }
}

extension Duration {
  fileprivate var tierMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return min(seconds, 1 << 40) * 1000 + attoseconds / 1_000_000_000_000_000
  }
}
