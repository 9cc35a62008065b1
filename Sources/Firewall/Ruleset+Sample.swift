extension Ruleset {
  /// With a few elements of each set, and a few shards of each long list: what the kernel may refuse is
  /// how sets and rules are made, and a million intervals would take it as long to check as to take in.
  func sampled() -> Ruleset {
    let few = 16
    var sample = self
    var spared: Set<String> = []
    for (index, set) in sets.enumerated() where set.elements.count > few {
      guard !set.isMap || set.isOfShards else { continue }
      sample.sets[index].elements = .list((0..<few).map { set.elements[$0] })
      guard set.isMap else { continue }
      spared.formUnion((few..<set.elements.count).compactMap { set.elements[$0].chain })
    }
    guard !spared.isEmpty else { return sample }
    let left = chains.filter { spared.contains($0.name) }.flatMap(\.sets)
    sample.chains.removeAll { spared.contains($0.name) }
    let needed = Set(sample.chains.flatMap(\.sets))
    let idle = Set(left).subtracting(needed)
    sample.sets.removeAll { idle.contains($0.name) }
    return sample
  }
}

extension NamedSet {
  /// Leads from addresses to the chains of shards.
  fileprivate var isOfShards: Bool { isMap && (key == .ipv4 || key == .ipv6) }
}

extension Chain {
  /// In which its rules look sources up.
  fileprivate var sets: [String] {
    rules.joined().compactMap { if case .lookup(let set, _) = $0 { set } else { nil } }
  }
}
