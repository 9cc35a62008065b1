extension FirewallKernel {
  /// Where the kernel differs from what was applied.
  public struct Drift: Sendable, Equatable {
    /// Such as `chain svc_web` or `set deny_4`.
    public var subject: String
    /// Such as `is missing`, or `holds 192.0.2.7, which is not in the policy`.
    public var fault: String
  }

  /// A fingerprint of each rule by chain, to know later whether they are still the same; nil when
  /// somebody has changed them since that generation of the kernel, or may have.
  public static func fingerprints(
    of ruleset: Ruleset, at generation: UInt32
  ) throws(FirewallKernelError) -> [String: [String]]? {
    let socket = try NetlinkSocket()
    return try untilCalm { () throws(FirewallKernelError) -> [String: [String]]?? in
      let before = try socket.generation()
      guard let table = try KernelTable.read(socket), try socket.generation() == before
      else { return nil }
      // Others may have written, but not to our rules.
      return .some(before == generation || table.hasRulesAsSent(ruleset) ? table.rules : nil)
    }
  }

  /// What differs from a ruleset that was applied `seconds` ago, as it was compiled then: what has ended
  /// since is nobody's fault. `rules` are its fingerprints then. Elements are read set by set and never
  /// all at once.
  public static func drift(
    from ruleset: Ruleset, rules: [String: [String]]?, elements: Bool, after seconds: UInt64 = 0
  ) throws(FirewallKernelError) -> [Drift] {
    let socket = try NetlinkSocket()
    return try untilCalm { () throws(FirewallKernelError) -> [Drift]? in
      let generation = try socket.generation()
      guard let table = try KernelTable.read(socket) else { return nil }
      guard table.exists else { return [Drift(subject: "table inet gatehouse", fault: "is gone")] }
      var drifts = table.frameDrift(from: ruleset, rules: rules)
      if elements {
        guard let more = try table.elementDrift(from: ruleset, seconds, socket) else { return nil }
        drifts += more
      }
      // Lists of elements never say that they changed while they were read: the generation does.
      return try socket.generation() == generation ? drifts : nil
    }
  }
}

extension KernelTable {
  /// Whether nobody has put a rule in, taken one away or replaced one since the batch that brought them
  /// all: the kernel numbers the rules of a batch one after another, and never uses a number twice.
  func hasRulesAsSent(_ ruleset: Ruleset) -> Bool {
    let sent = ruleset.chains.flatMap { handles[$0.name] ?? [] }
    guard sent.count == ruleset.chains.reduce(0, { $0 + $1.rules.count }),
      sent.count == handles.values.reduce(0, { $0 + $1.count })
    else { return false }
    return zip(sent, sent.dropFirst()).allSatisfy { $1 == $0 &+ 1 }
  }

  /// More examples of a set than this help nobody.
  private static let exampleLimit = 5

  fileprivate func frameDrift(
    from ruleset: Ruleset, rules expected: [String: [String]]?
  ) -> [FirewallKernel.Drift] {
    var drifts: [FirewallKernel.Drift] = []
    func add(_ subject: String, _ fault: String) {
      drifts.append(FirewallKernel.Drift(subject: subject, fault: fault))
    }
    if isDormant { add("table inet gatehouse", "is dormant: nothing is denied") }
    for chain in ruleset.chains {
      guard chains.keys.contains(chain.name) else {
        add("chain \(chain.name)", "is missing")
        continue
      }
      if chains[chain.name] != .some(chain.hook) { add("chain \(chain.name)", "has another hook") }
      if openChains.contains(chain.name) {
        add("chain \(chain.name)", "has the policy accept, not drop")
      }
      let held = rules[chain.name] ?? []
      if held.count != chain.rules.count {
        add("chain \(chain.name)", "has \(held.count) rules, not \(chain.rules.count)")
      } else if let expected, expected[chain.name] ?? [] != held {
        let places = zip(expected[chain.name] ?? [], held).enumerated().filter { $1.0 != $1.1 }
        let numbers = places.map { "\($0.offset + 1)" }.joined(separator: ", ")
        add("chain \(chain.name)", "has another rule \(numbers)")
      }
    }
    for name in chains.keys.sorted() where !ruleset.chains.contains(where: { $0.name == name }) {
      add("chain \(name)", "is not of the policy")
    }
    for set in ruleset.sets where self.name(of: set) == nil { add("set \(set.name)", "is missing") }
    let known = Set(ruleset.sets.compactMap(self.name(of:)))
    for name in sets.keys.sorted() where !known.contains(name) {
      add("set \(name)", "is not of the policy")
    }
    return drifts
  }

  /// What the kernel calls a set of the ruleset.
  private func name(of set: NamedSet) -> String? {
    [set.name, "\(set.name)-b"].first { sets[$0]?.key == set.key.rawValue }
  }

  /// Nil when a set changed while it was read.
  fileprivate func elementDrift(
    from ruleset: Ruleset, _ seconds: UInt64, _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) -> [FirewallKernel.Drift]? {
    var drifts: [FirewallKernel.Drift] = []
    for set in ruleset.sets where set.isFilledByPolicy {
      guard let name = name(of: set), let shape = sets[name] else { continue }
      guard let held = try Self.elements(of: name, shape, socket) else { return nil }
      let left = seconds > 0 ? set.elements.left(after: seconds, of: held) : set.elements
      let delta = SetDelta(from: held, to: left)
      for (elements, fault) in [
        (delta.removed, "which is not in the policy"), (delta.added, "which it should"),
      ] where !elements.isEmpty {
        let isMissing = elements == delta.added
        let texts = elements.prefix(Self.exampleLimit).map { RulesetText.text($0, set.key) }
        let more = elements.count > texts.count ? " and \(elements.count - texts.count) more" : ""
        drifts.append(
          FirewallKernel.Drift(
            subject: "set \(set.name)",
            fault:
              "\(isMissing ? "lacks" : "holds") \(texts.joined(separator: ", "))\(more), \(fault)"))
      }
    }
    return drifts
  }
}
