import CNftables

/// The firewall of the calling thread's network namespace. Needs CAP_NET_ADMIN.
public enum FirewallKernel {
  /// What an apply has done.
  public struct Applied: Sendable, Equatable {
    /// Counts applies of this table from 1.
    public var generation: UInt64
    /// Where the base chain sat before, when it had to move: then alone packets may have been lost.
    public var formerHook: Hook?
  }

  /// Has the kernel check the ruleset as if it were applied; changes nothing.
  public static func check(_ ruleset: Ruleset) throws(FirewallKernelError) {
    let digest = [UInt8](repeating: 0, count: Stamp.digestByteCount)
    _ = try bring(ruleset, digest: digest, commits: false)
  }

  /// Makes the kernel hold `ruleset` and nothing else in our table: all at once or not at all, but
  /// for new sets, which go in before; should the rest be refused, the next apply removes them.
  /// `digest` has 32 bytes and says which policy this is.
  @discardableResult
  public static func apply(
    _ ruleset: Ruleset, digest: [UInt8]
  ) throws(FirewallKernelError) -> Applied {
    precondition(digest.count == Stamp.digestByteCount)
    return try bring(ruleset, digest: digest, commits: true)
  }

  /// What the kernel holds; nil when our table does not exist.
  public static func live() throws(FirewallKernelError) -> LiveRuleset? {
    let socket = try NetlinkSocket()
    for _ in 0..<attemptLimit {
      // Lists of elements never say that they changed while they were read: the generation does.
      let generation = try socket.generation()
      guard let table = try KernelTable.read(socket) else { continue }
      guard let sets = try table.readSets(socket) else { continue }
      guard try socket.generation() == generation else { continue }
      guard table.exists else { return nil }
      return LiveRuleset(
        digest: table.stamp?.digest, generation: table.stamp?.generation,
        hook: table.chains[Ruleset.baseChain] ?? nil, counters: table.counters, sets: sets)
    }
    throw .contended(attempts: attemptLimit)
  }

  private static let attemptLimit = 8

  private static func bring(
    _ ruleset: Ruleset, digest: [UInt8], commits: Bool
  ) throws(FirewallKernelError) -> Applied {
    let socket = try NetlinkSocket()
    for _ in 0..<attemptLimit {
      let generation = try socket.generation()
      guard let table = try KernelTable.read(socket) else { continue }
      let unknown = table.exists && commits ? ruleset.sets.filter { table.lacks($0) } : []
      if !unknown.isEmpty {
        _ = try NetlinkTransaction(preloading: unknown, generation: generation).run(on: socket)
        continue
      }
      let stamp = Stamp(digest: digest, generation: (table.stamp?.generation ?? 0) &+ 1)
      let transaction = try NetlinkTransaction(
        from: table, to: ruleset, generation: generation, stamp: stamp, commits: commits)
      switch try transaction.run(on: socket) {
      case .outrun: continue
      case .done:
        let former = table.chains[Ruleset.baseChain] ?? nil
        let moved = ruleset.chains.contains { $0.name == Ruleset.baseChain && $0.hook != former }
        return Applied(generation: stamp.generation, formerHook: moved ? former : nil)
      }
    }
    throw .contended(attempts: attemptLimit)
  }
}

extension KernelTable {
  /// Maps are left out: their elements need chains, and ports are few.
  fileprivate func lacks(_ set: NamedSet) -> Bool {
    !set.isMap && set.key.isInterval && sets[set.name] == nil
  }

  /// The sets of key types that are ours; nil when they changed while they were read.
  fileprivate func readSets(
    _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) -> [NamedSet]? {
    var result: [NamedSet] = []
    for (name, shape) in sets.sorted(by: { $0.key < $1.key }) {
      guard let key = NamedSet.Key(rawValue: shape.key) else { continue }
      let answer = try socket.list(NFT_MSG_GETSETELEM) {
        $0.appendAttribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, text: Ruleset.table)
        $0.appendAttribute(NFTA_SET_ELEM_LIST_SET.rawValue, text: name)
      }
      guard let answer else { return nil }
      let boundaries = answer.flatMap { message in
        message.first(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue)
          .map(ElementPacking.boundaries(in:)) ?? []
      }
      guard let elements = ElementPacking.elements(from: boundaries, key) else {
        throw .incomprehensible("the kernel's set \"\(name)\" lacks the end of an interval")
      }
      result.append(NamedSet(name: name, key: key, isMap: shape.isMap, elements: elements))
    }
    return result
  }
}
