import CNftables

/// What an apply that was cut off has left in the kernel: sets and chains that no packet reaches.
extension KernelTable {
  struct Leftovers: Equatable {
    var sets: [String] = []
    var chains: [String] = []
  }

  /// What a rule names.
  struct References: Equatable {
    var sets: Set<String> = []
    var chains: Set<String> = []
  }

  /// They stand in nobody's way but where a set stands under both of its names. Nil when a map
  /// changed while it was read.
  func leftovers(_ socket: borrowing NetlinkSocket) throws(FirewallKernelError) -> Leftovers? {
    let hasTwins = sets.keys.contains { sets[$0 + ApplyPlan.otherName] != nil }
    guard hasTwins else { return Leftovers() }
    var reached: Set<String> = []
    var used: Set<String> = []
    var queue = chains.filter { $0.value != nil }.map(\.key)
    while let chain = queue.popLast() {
      guard reached.insert(chain).inserted, let named = references[chain] else { continue }
      queue += named.chains
      for set in named.sets where used.insert(set).inserted {
        guard let shape = sets[set], shape.isMap else { continue }
        guard let elements = try Self.elements(of: set, shape, socket) else { return nil }
        queue += elements.compactMap(\.chain)
      }
    }
    return Leftovers(
      sets: sets.keys.filter { !used.contains($0) }.sorted(),
      chains: chains.keys.filter { !reached.contains($0) }.sorted())
  }

  func without(_ leftovers: Leftovers) -> KernelTable {
    var table = self
    for set in leftovers.sets { table.sets[set] = nil }
    for chain in leftovers.chains { table.chains.removeValue(forKey: chain) }
    return table
  }
}

extension KernelTable.References {
  /// Adds what the steps of a rule name.
  mutating func add(_ steps: ArraySlice<UInt8>) {
    for step in NetlinkAttributes(bytes: steps) {
      let step = NetlinkAttributes(bytes: step.body)
      guard let data = step.nested(NFTA_EXPR_DATA.rawValue) else { continue }
      switch step.string(NFTA_EXPR_NAME.rawValue) {
      case "lookup": add(set: data.string(NFTA_LOOKUP_SET.rawValue))
      case "dynset": add(set: data.string(NFTA_DYNSET_SET_NAME.rawValue))
      case "immediate":
        let verdict = data.nested(NFTA_IMMEDIATE_DATA.rawValue)?
          .nested(NFTA_DATA_VERDICT.rawValue)
        if let chain = verdict?.string(NFTA_VERDICT_CHAIN.rawValue) { chains.insert(chain) }
      default: break
      }
    }
  }

  private mutating func add(set: String?) {
    if let set { sets.insert(set) }
  }
}
