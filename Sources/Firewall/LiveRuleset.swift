/// What the kernel holds now of our table.
public struct LiveRuleset: Sendable, Equatable {
  /// Given to the last `apply`; nil when others have rewritten the rules since.
  public var digest: [UInt8]?
  /// Counts our applies.
  public var generation: UInt64?
  public var hook: Hook?
  public var counters: [String: Count]
  /// By chain, a fingerprint of each of its rules, in order.
  public var rules: [String: [String]]
  var sets: [NamedSet]

  init(_ table: KernelTable, sets: [NamedSet]) {
    digest = table.stamp?.digest
    generation = table.stamp?.generation
    hook = table.chains[Ruleset.baseChain] ?? nil
    counters = table.counters
    rules = table.rules
    self.sets = sets
  }

  public struct Count: Sendable, Equatable {
    public var packets: UInt64
    public var bytes: UInt64
  }

  /// What an apply would do to the members of a set, in nft's words.
  public struct Difference: Sendable, Equatable {
    public var set: String
    public var gained: [String]
    public var lost: [String]
  }

  /// By set, in the order of their names; those that stay as they are do not appear. Time limits
  /// are left aside: they run, so they always differ.
  public func differences(to ruleset: Ruleset) -> [Difference] {
    let names = Set(sets.map(\.name)).union(ruleset.sets.map(\.name))
    return names.sorted().compactMap { name in
      let old = sets.first { $0.name == name }
      let new = ruleset.sets.first { $0.name == name }
      guard let key = (new ?? old)?.key else { return nil }
      let gained = Self.subtract(old?.elements.list ?? [], from: new?.elements.list ?? [])
      let lost = Self.subtract(new?.elements.list ?? [], from: old?.elements.list ?? [])
      guard !gained.isEmpty || !lost.isEmpty else { return nil }
      return Difference(
        set: name, gained: gained.map { RulesetText.text($0, key) },
        lost: lost.map { RulesetText.text($0, key) })
    }
  }

  /// The parts of `elements` that no element of `others` with the same chain covers. Both ascend.
  static func subtract(
    _ others: [SetElement], from elements: [SetElement]
  ) -> [SetElement] {
    var result: [SetElement] = []
    var start = 0
    for element in elements {
      while start < others.count, others[start].last < element.first { start += 1 }
      var rest: SetElement? = element
      rest?.timeoutSeconds = nil
      var index = start
      while let remainder = rest, index < others.count, others[index].first <= remainder.last {
        let other = others[index]
        index += 1
        guard other.chain == remainder.chain else { continue }
        if other.first > remainder.first {
          var part = remainder
          part.last = other.first - 1
          result.append(part)
        }
        rest?.first = other.last &+ 1
        if other.last >= remainder.last { rest = nil }
      }
      if let rest { result.append(rest) }
    }
    return result
  }
}
