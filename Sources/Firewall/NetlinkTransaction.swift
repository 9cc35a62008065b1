import CNftables
import Glibc

/// One batch of changes: the kernel takes all of it or nothing.
struct NetlinkTransaction {
  private var encoder = NetlinkEncoder()
  private let acknowledged: UInt32
  private let generation: UInt32
  private let commits: Bool

  /// Brings the kernel from the table it holds to a ruleset; without `commits`, only in theory.
  /// `generation` is the kernel's, read before `table` was: a later change makes it refuse. `table`
  /// lacks the leftovers, which the kernel still holds.
  init(
    from table: KernelTable, _ leftovers: KernelTable.Leftovers, to ruleset: Ruleset,
    _ plan: ApplyPlan, generation: UInt32, stamp: Stamp, commits: Bool
  ) throws(FirewallKernelError) {
    self.generation = generation
    self.commits = commits
    encoder.names = plan.names
    encoder.reserve(plan.fresh)
    encoder.begin(generation: generation)
    try encoder.addTable()
    if table.exists {
      encoder.flushRules()
      encoder.remove(leftovers)
      try encoder.clear(table, for: ruleset, plan)
    }
    try encoder.fill(ruleset, over: table, plan, stamp: stamp)
    acknowledged = encoder.finish(commit: commits)
  }

  /// Brings in what is new before rules refer to it: had both one batch, packets would for some
  /// milliseconds meet the rules before the intervals (measured with 10,000: 400 lost an apply).
  init(
    preloading ruleset: Ruleset, into table: KernelTable, _ leftovers: KernelTable.Leftovers,
    _ plan: ApplyPlan, generation: UInt32
  ) throws(FirewallKernelError) {
    self.generation = generation
    commits = true
    encoder.names = plan.names
    encoder.reserve(plan.fresh)
    encoder.begin(generation: generation)
    for chain in leftovers.chains { encoder.flushRules(of: chain) }
    encoder.remove(leftovers)
    let chains = ruleset.chains.filter { $0.hook == nil && table.chains[$0.name] == nil }
    for chain in chains { try encoder.add(chain) }
    try encoder.addCounters(ruleset, over: table)
    for set in plan.fresh {
      try encoder.addHeader(of: set)
      try encoder.addElements(of: set)
    }
    for chain in chains { try encoder.addRules(of: chain, stamp: nil) }
    acknowledged = encoder.finish(commit: true)
  }

  /// Changes of one set. Without a generation those that some other writer's could not spoil, such as
  /// of one ban.
  init(
    at generation: UInt32? = nil,
    _ body: (inout NetlinkEncoder) throws(FirewallKernelError) -> Void
  ) throws(FirewallKernelError) {
    self.generation = generation ?? 0
    commits = true
    encoder.begin(generation: generation)
    try body(&encoder)
    acknowledged = encoder.finish(commit: true)
  }

  enum Outcome { case done, outrun }

  func run(on socket: borrowing NetlinkSocket) throws(FirewallKernelError) -> Outcome {
    try socket.send(encoder.bytes)
    var refusals: [FirewallKernelError.Refusal] = []
    var isAcknowledged = false
    // What is acknowledged is the last message: nothing comes after it.
    while !isAcknowledged, let messages = try socket.receive(waits: false) {
      for message in messages {
        guard let number = message.errorNumber else { continue }
        if number == 0 {
          if message.sequence == acknowledged { isAcknowledged = true }
          continue
        }
        if number == ERESTART { return .outrun }
        let subject = encoder.subjects[message.sequence] ?? "message \(message.sequence)"
        refusals.append(FirewallKernelError.Refusal(subject: subject, errno: number))
      }
    }
    guard refusals.isEmpty else { throw .refused(refusals) }
    if isAcknowledged { return .done }
    // Kernels before 6.10 do not acknowledge the end; a commit still counts the generation up, and
    // nobody else's can have come before ours.
    guard commits, try socket.generation() != generation else {
      throw .incomprehensible("the kernel did not say whether it took the ruleset")
    }
    return .done
  }
}

extension NetlinkEncoder {
  /// Maps refer to chains, so they go first; nothing else refers to either.
  fileprivate mutating func remove(_ leftovers: KernelTable.Leftovers) {
    for set in leftovers.sets { deleteSet(set) }
    for chain in leftovers.chains { deleteChain(chain) }
  }

  /// Takes away what the ruleset does not have; whoever refers goes before what is referred to.
  fileprivate mutating func clear(
    _ table: KernelTable, for ruleset: Ruleset, _ plan: ApplyPlan
  ) throws(FirewallKernelError) {
    for change in plan.changed { try remove(change.delta.removed, from: change.set) }
    let kept = Set(plan.names.values)
    for name in table.sets.keys.sorted() where !kept.contains(name) { deleteSet(name) }
    for (name, hook) in table.chains.sorted(by: { $0.key < $1.key })
    where !ruleset.chains.contains(where: { $0.name == name && $0.hook == hook }) {
      deleteChain(name)
    }
    for (name, type) in table.objects.sorted(by: { $0.key < $1.key })
    where type != UInt32(NFT_OBJECT_COUNTER) || !ruleset.counters.contains(name) {
      deleteObject(name, type: type)
    }
  }

  fileprivate mutating func fill(
    _ ruleset: Ruleset, over table: KernelTable, _ plan: ApplyPlan, stamp: Stamp
  ) throws(FirewallKernelError) {
    for chain in ruleset.chains
    where table.chains[chain.name] != .some(chain.hook) || table.openChains.contains(chain.name) {
      try add(chain)
    }
    try addCounters(ruleset, over: table)
    for set in plan.fresh {
      try addHeader(of: set)
      try addElements(of: set)
    }
    for change in plan.changed { try add(change.delta.added, to: change.set) }
    for chain in ruleset.chains { try addRules(of: chain, stamp: stamp) }
  }

  fileprivate mutating func addCounters(
    _ ruleset: Ruleset, over table: KernelTable
  ) throws(FirewallKernelError) {
    for counter in ruleset.counters
    where table.objects[counter] != UInt32(NFT_OBJECT_COUNTER) {
      try addCounter(counter)
    }
  }

  fileprivate mutating func addRules(
    of chain: Chain, stamp: Stamp?
  ) throws(FirewallKernelError) {
    for (index, rule) in chain.rules.enumerated() {
      let isLast = chain.hook != nil && index == chain.rules.count - 1
      try add(
        rule, number: index + 1, to: chain.name,
        userData: isLast ? stamp?.userData ?? [] : [])
    }
  }
}
