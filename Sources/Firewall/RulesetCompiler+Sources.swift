/// Matching sources: one set for each family, or many behind a map where there are many intervals.
///
/// The kernel sorts a changed set anew at each commit, and walks it from the start for each piece of
/// a dump: with 100,000 intervals a change of one costs 16 ms and a dump more than a second, in
/// shards 0.1 ms and 80 ms (Benchmarks/firewall).
extension RulesetCompiler {
  /// More intervals than this are kept in shards.
  static let shardThreshold = 8192
  private static let shardLimit = 512

  /// The rules that do `action` for packets from `sources`: none for nobody, one for everybody.
  mutating func rules(
    _ name: String, _ sources: AddressSet, _ action: (inout RulesetCompiler) -> [Expression]
  ) -> [Rule] {
    let time = time
    let sources = sources.remaining(at: time)
    if sources == .any { return [action(&self)] }
    var rules: [Rule] = []
    if !sources.ipv4.isEmpty {
      let pieces = Shards.split(sources.ipv4, limit: Self.shardThreshold, shards: Self.shardLimit)
      rules += match(name + "_4", .ipv4, action(&self), pieces) {
        .ipv4($0, time: time)
      }
    }
    if !sources.ipv6.isEmpty {
      let pieces = Shards.split(sources.ipv6, limit: Self.shardThreshold, shards: Self.shardLimit)
      rules += match(name + "_6", .ipv6, action(&self), pieces) {
        .ipv6($0, time: time)
      }
    }
    return rules
  }

  private mutating func match<Bits>(
    _ name: String, _ family: Expression.Family, _ action: [Expression],
    _ shards: [Shards.Shard<Bits>],
    _ elements: (ArraySlice<AddressInterval<Bits>>) -> SetElements
  ) -> [Rule] {
    let key: NamedSet.Key = family == .ipv4 ? .ipv4 : .ipv6
    // The same sources serve more than one rule, such as management over TCP and over UDP.
    let isKnown = ruleset.sets.contains { $0.name == name }
    guard shards.count > 1 else {
      if !isKnown, let only = shards.first {
        ruleset.sets.append(NamedSet(name: name, key: key, elements: elements(only.intervals)))
      }
      return [Expression.source(family, in: name) + action]
    }
    let uses = ruleset.sets.count {
      $0.isMap && ($0.name == name || $0.name.hasPrefix("\(name).use"))
    }
    let suffix = uses == 0 ? "" : ".use\(uses)"
    var jumps: [SetElement] = []
    for shard in shards {
      let set = "\(name).\(shard.label)"
      if !isKnown {
        ruleset.sets.append(NamedSet(name: set, key: key, elements: elements(shard.intervals)))
      }
      let chain = "in_\(set)\(suffix)"
      ruleset.chains.append(
        Chain(name: chain, rules: [Expression.source(family, in: set) + action]))
      jumps.append(
        SetElement(first: UInt128(shard.first), last: UInt128(shard.last), chain: chain))
    }
    let map = name + suffix
    ruleset.sets.append(NamedSet(name: map, key: key, isMap: true, elements: jumps))
    return [Expression.source(family) + [.verdictLookup(map: map)]]
  }
}

/// Splits intervals by the first bits of their addresses, always at the same places, so that a
/// change of the list is a change of few shards.
enum Shards {
  struct Shard<Bits: FixedWidthInteger & UnsignedInteger & Sendable> {
    var label: String
    /// All that the shard could hold.
    var first: Bits
    var last: Bits
    var intervals: ArraySlice<AddressInterval<Bits>>
  }

  /// One shard for all where there are few; else by 8 bits of IPv4 and by 16 of IPv6, or by 8 where
  /// that would be too many.
  static func split<Bits>(
    _ intervals: [AddressInterval<Bits>], limit: Int, shards: Int
  ) -> [Shard<Bits>] {
    guard intervals.count > limit else {
      return [Shard(label: "", first: .min, last: .max, intervals: intervals[...])]
    }
    guard Bits.bitWidth > 32 else { return split(intervals, bits: 8) }
    let fine = split(intervals, bits: 16)
    return fine.count <= shards ? fine : split(intervals, bits: 8)
  }

  private static func split<Bits>(
    _ intervals: [AddressInterval<Bits>], bits: Int
  ) -> [Shard<Bits>] {
    let whole = intervals.allSatisfy { label($0.first, bits) == label($0.last, bits) }
    let list = whole ? intervals : intervals.flatMap { cut($0, bits) }
    var shards: [Shard<Bits>] = []
    var start = 0
    for index in list.indices {
      let number = label(list[index].first, bits)
      guard index + 1 == list.count || label(list[index + 1].first, bits) != number else {
        continue
      }
      let first = number << Bits(Bits.bitWidth - bits)
      shards.append(
        Shard(
          label: String(number, radix: bits == 8 ? 10 : 16), first: first,
          last: first | (.max >> Bits(bits)), intervals: list[start...index]))
      start = index + 1
    }
    return shards
  }

  private static func label<Bits: FixedWidthInteger>(_ address: Bits, _ bits: Int) -> Bits {
    address >> Bits(Bits.bitWidth - bits)
  }

  /// At the borders of shards.
  private static func cut<Bits>(
    _ interval: AddressInterval<Bits>, _ bits: Int
  ) -> [AddressInterval<Bits>] {
    var pieces: [AddressInterval<Bits>] = []
    var first = interval.first
    while true {
      let border = first | (.max >> Bits(bits))
      let last = min(border, interval.last)
      pieces.append(AddressInterval(first: first, last: last, until: interval.until))
      guard last < interval.last else { return pieces }
      first = last + 1
    }
  }
}
