import CNftables
import Glibc

/// The firewall of the calling thread's network namespace. Needs CAP_NET_ADMIN.
public enum FirewallKernel {
  /// What an apply has done.
  public struct Applied: Sendable, Equatable {
    /// Which policy this is, as it was told.
    public var digest: [UInt8]
    /// Counts applies of this table from 1.
    public var generation: UInt64
    /// The kernel's own count right after it.
    public var kernelGeneration: UInt32
    /// Until the kernel acknowledged it. What it frees afterwards takes it some milliseconds more,
    /// for which the closing of the socket waits.
    public var duration: Duration
    /// Where the base chain sat before, when it had to move: then alone packets may have been lost.
    public var formerHook: Hook?
  }

  /// Has the kernel check the ruleset as if it were applied; changes nothing.
  public static func check(_ ruleset: Ruleset) throws(FirewallKernelError) {
    let digest = [UInt8](repeating: 0, count: Stamp.digestByteCount)
    _ = try bring(ruleset.sampled(), digest: digest, commits: false)
  }

  /// How an apply would get there.
  public struct Plan: Sendable, Equatable {
    /// Elements that come or go in sets that stay.
    public var changedElements: Int
    /// Sets that are made anew, and what they will hold.
    public var freshSets: Int
    public var freshElements: Int
  }

  /// What an apply would do to sets; rules are all written anew.
  public static func plan(_ ruleset: Ruleset) throws(FirewallKernelError) -> Plan {
    let socket = try NetlinkSocket()
    return try untilCalm { () throws(FirewallKernelError) -> Plan? in
      guard let table = try KernelTable.read(socket), let leftovers = try table.leftovers(socket),
        let plan = try ApplyPlan(
          from: table.without(leftovers), to: ruleset, built: [:], on: socket)
      else { return nil }
      return Plan(
        changedElements: plan.changed.reduce(0) { $0 + $1.delta.count },
        freshSets: plan.fresh.count,
        freshElements: plan.fresh.reduce(0) { $0 + $1.elements.count })
    }
  }

  /// Makes the kernel hold `ruleset` and nothing else in our table: all at once or not at all, but
  /// for new sets, which go in before; should the rest be refused, the next apply removes them.
  /// `digest` has 32 bytes and says which policy this is; `generation` is its number, one more than
  /// the kernel's last when nil.
  @discardableResult
  public static func apply(
    _ ruleset: Ruleset, digest: [UInt8], generation: UInt64? = nil
  ) throws(FirewallKernelError) -> Applied {
    precondition(digest.count == Stamp.digestByteCount)
    return try bring(ruleset, digest: digest, number: generation, commits: true)
  }

  /// Whether our table is there.
  public static func exists() throws(FirewallKernelError) -> Bool {
    try NetlinkSocket().hasTable()
  }

  /// Takes our table away, with all that is in it; nothing is denied any more.
  public static func remove() throws(FirewallKernelError) {
    let socket = try NetlinkSocket()
    guard try socket.hasTable() else { return }
    let transaction = try NetlinkTransaction { $0.deleteTable() }
    _ = try transaction.run(on: socket)
  }

  /// What the kernel holds; nil when our table does not exist. Without `elements` the sets are left
  /// out: there may be a million of them.
  public static func live(
    elements: Bool = false
  ) throws(FirewallKernelError) -> LiveRuleset? {
    let socket = try NetlinkSocket()
    return try untilCalm { () throws(FirewallKernelError) -> LiveRuleset?? in
      // Lists of elements never say that they changed while they were read: the generation does.
      let generation = try socket.generation()
      guard let table = try KernelTable.read(socket) else { return nil }
      guard let sets = elements ? try table.readSets(socket) : [] else { return nil }
      guard try socket.generation() == generation else { return nil }
      return .some(table.exists ? LiveRuleset(table, sets: sets) : nil)
    }
  }

  /// How long others may keep us from a moment in which nothing but ours changes.
  private static let patience = Duration.seconds(15)
  private static let fewestAttempts = 8

  /// Tries anew while the answer is nil, because somebody else has written meanwhile.
  static func untilCalm<Value>(
    _ attempt: () throws(FirewallKernelError) -> Value?
  ) throws(FirewallKernelError) -> Value {
    let deadline = ContinuousClock.now + patience
    var attempts = 0
    while attempts < fewestAttempts || ContinuousClock.now < deadline {
      if let value = try attempt() { return value }
      attempts += 1
      // Of random length, so that two who write in turns do not keep step.
      usleep(.random(in: 0..<2000))
    }
    throw .contended(attempts: attempts)
  }

  private static func bring(
    _ ruleset: Ruleset, digest: [UInt8], number: UInt64? = nil, commits: Bool
  ) throws(FirewallKernelError) -> Applied {
    let start = ContinuousClock.now
    let socket = try NetlinkSocket()
    var built: [String: String] = [:]
    return try untilCalm { () throws(FirewallKernelError) -> Applied? in
      let generation = try socket.generation()
      guard let held = try KernelTable.read(socket) else { return nil }
      // What this very apply has built is no leftover.
      guard let leftovers = built.isEmpty ? try held.leftovers(socket) : .init() else { return nil }
      let table = held.without(leftovers)
      guard let plan = try ApplyPlan(from: table, to: ruleset, built: built, on: socket)
      else { return nil }
      if table.exists, commits, plan.fresh.contains(where: { !$0.elements.isEmpty }) {
        let preload = try NetlinkTransaction(
          preloading: ruleset, into: table, leftovers, plan, generation: generation)
        guard case .done = try preload.run(on: socket) else { return nil }
        for set in plan.fresh { built[set.name] = plan.names[set.name] }
        // What was there before has not been counted as changed yet: the next turn does it.
        return nil
      }
      let stamp = Stamp(
        digest: digest, generation: number ?? (table.stamp?.generation ?? 0) &+ 1)
      let transaction = try NetlinkTransaction(
        from: table, leftovers, to: ruleset, plan, generation: generation, stamp: stamp,
        commits: commits)
      switch try transaction.run(on: socket) {
      case .outrun: return nil
      case .done:
        let former = table.chains[Ruleset.baseChain] ?? nil
        let moved = ruleset.chains.contains { $0.name == Ruleset.baseChain && $0.hook != former }
        return Applied(
          // The kernel leaves out zero.
          digest: digest, generation: stamp.generation, kernelGeneration: max(1, generation &+ 1),
          duration: ContinuousClock.now - start, formerHook: moved ? former : nil)
      }
    }
  }
}

extension KernelTable {
  /// What the policy fills, under the names of the ruleset; nil when it changed while it was read.
  fileprivate func readSets(
    _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) -> [NamedSet]? {
    var result: [NamedSet] = []
    for (name, shape) in sets.sorted(by: { $0.key < $1.key })
    where shape.isFilledByPolicy && !name.hasPrefix("bannet") {
      guard let key = NamedSet.Key(rawValue: shape.key) else { continue }
      guard let elements = try Self.elements(of: name, shape, socket) else { return nil }
      let plain = name.hasSuffix("-b") ? String(name.dropLast(2)) : name
      result.append(NamedSet(name: plain, key: key, isMap: shape.isMap, elements: elements))
    }
    return result
  }
}

extension KernelTable.Shape {
  /// Rules and bans fill sets that rules can add to, and networks that are banned.
  fileprivate var isFilledByPolicy: Bool {
    flags & NFT_SET_EVAL.rawValue == 0
  }
}
