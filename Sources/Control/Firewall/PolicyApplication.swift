public import Configuration
internal import Firewall
internal import Foundation

/// Applies generations of the firewall, and goes back to earlier ones.
///
/// ```
/// confirmed ──apply──▶ confirmed
///     └──apply --confirm-within──▶ pending ──confirm──▶ confirmed
///                                     └──deadline, rollback, restart──▶ the one before
/// ```
public struct PolicyApplication: Sendable {
  public let store: PolicyStore

  public init(_ store: PolicyStore) { self.store = store }

  /// What an apply did.
  public struct Outcome: Sendable {
    public var generation: UInt64
    public var previous: UInt64
    public var kernelGeneration: UInt32
    public var milliseconds: Double
    /// Connections of sources that may no longer connect.
    public var closedConnections: Int
    public var token: String?
    public var notes: [String]
  }

  public struct Options: Sendable {
    public var path: String?
    public var confirmWithin: Duration?
    /// What stood over the file when the policy was compiled; nil when that is sure by other means.
    public var overrides: PolicyOverrides?
    public var reason: String?

    public init() {}
  }

  /// Has the kernel check the policy, and takes it in; on any error nothing has changed.
  public func apply(_ new: CompiledPolicy, _ options: Options) throws -> Outcome {
    try store.alone {
      try refuseWhilePending()
      try refuseOutdated(new, options)
      store.healOverrides()
      do { return try applyAlone(new, options) } catch {
        noteRejection()
        throw error
      }
    }
  }

  /// Somebody may have panicked while this one waited for its turn.
  private func refuseOutdated(_ new: CompiledPolicy, _ options: Options) throws {
    guard let overrides = options.overrides else { return }
    guard try store.overrides().remaining(at: new.time) == overrides else {
      throw PolicyStore.Failure(
        "panic, or what is allowed by hand, has changed meanwhile; nothing was applied: try again")
    }
  }

  private func noteRejection() {
    guard var state = try? store.state() else { return }
    state.rejections = (state.rejections ?? 0) &+ 1
    // Why it was refused is worth more than that it was counted.
    try? store.write(state)
  }

  func applyAlone(_ compiled: CompiledPolicy, _ options: Options) throws -> Outcome {
    var state = try store.state()
    let old = state.generation
    let before = try previous(state)
    let (new, ruleset) = try checked(compiled)
    let number = state.next
    state.next &+= 1
    // A generation is kept only beside a state that knows of it.
    if !store.hasState { try store.write(state) }
    try store.keep(new.policy, as: number)
    if let span = options.confirmWithin {
      state.pending = try begin(number, new, after: old, within: span)
    }
    try store.write(state)
    if state.pending != nil {
      do {
        state.pending?.guardian = try PolicyGuard.start(store, generation: number)
      } catch {
        state.pending = nil
        try store.write(state)
        throw error
      }
    }
    let applied: FirewallKernel.Applied
    CommitListener.awaitPause(for: ruleset)
    var notes: [String] = []
    if before.isFirst { adopt(&notes) }
    do {
      applied = try FirewallKernel.apply(ruleset, digest: new.digest, generation: number)
    } catch {
      state.pending = nil
      try? store.write(state)
      throw error
    }
    do { state = try settled(state, applied, new, options) } catch {
      try undo(to: before.number, before.policy(), because: error)
      throw error
    }
    var outcome = Outcome(
      generation: number, previous: old, kernelGeneration: applied.kernelGeneration,
      milliseconds: applied.duration.milliseconds,
      closedConnections: 0, token: state.pending?.token, notes: notes)
    if before.isFirst { restoreBans(&outcome.notes) }
    spare(new, &outcome.notes)
    close(new, after: before.number, before.policy, &outcome)
    return outcome
  }

  func adopt(_ notes: inout [String]) {
    do { try Connections.adopt() } catch {
      notes.append("connections that are open already may count as new ones: \(error)")
    }
  }

  /// As the kernel would take it. Ends are counted from now: others may have kept it waiting, and so may the first
  /// check, which has the kernel load what rules are made of.
  private func checked(_ compiled: CompiledPolicy) throws -> (CompiledPolicy, Ruleset) {
    let new = compiled.renewed
    let ruleset = new.ruleset
    try FirewallKernel.check(ruleset)
    let later = new.renewed
    return later.time > new.time + Self.checkSeconds ? (later, later.ruleset) : (new, ruleset)
  }

  /// By so much ends may be off.
  private static let checkSeconds: Int64 = 1

  /// Writes down what the kernel holds now.
  private func settled(
    _ old: PolicyState, _ applied: FirewallKernel.Applied, _ new: CompiledPolicy,
    _ options: Options
  ) throws -> PolicyState {
    var state = old
    state.generation = applied.generation
    // Only a connection that began under the new policy proves anything.
    state.pending?.appliedAt = BootClock.milliseconds
    if state.pending == nil { state.confirmed = applied.generation }
    if let path = options.path { state.policyPath = path }
    try state.take(new, applied)
    state.record(
      "applied", applied.generation, reason: options.reason, path: state.policyPath)
    try store.write(state)
    // Only then: what could not be written down is confirmed by nobody.
    if state.pending == nil { store.noteConfirmed(applied.generation) }
    store.point(at: state)
    return state
  }

  /// What can't be written down must not be in force either: nobody would know of it.
  /// `policy`: as it was in force, whatever has been written since of what stands over it.
  func undo(
    to number: UInt64, _ policy: CompiledPolicy?, because failure: any Error
  ) throws {
    do {
      guard number > 0 else { return try FirewallKernel.remove() }
      // Without any everybody would get in.
      guard let policy else { throw PolicyStore.Failure("generation \(number) can't be read") }
      _ = try FirewallKernel.apply(policy.ruleset, digest: policy.digest, generation: number)
    } catch {
      throw PolicyStore.Failure(
        """
        \(failure)
          and going back failed: \(error)
          the kernel holds what could not be written down; make room, and apply once more
        """)
    }
  }

  // MARK: Confirmation

  private func begin(
    _ number: UInt64, _ new: CompiledPolicy, after previous: UInt64, within span: Duration
  ) throws -> PolicyState.Pending {
    let random = UInt16.random(in: .min ... .max)
    let token = "\(number)-" + String(random + 0, radix: 16).padded(to: 4)
    return PolicyState.Pending(
      generation: number, token: token, previous: previous,
      deadline: BootClock.milliseconds + span.components.seconds * 1000, boot: BootClock.id,
      appliedAt: BootClock.milliseconds, connection: Caller.connection,
      connections: (try? openConnections(of: new)), guardian: nil, digests: [new.digest.hexadecimal]
    )
  }

  private func openConnections(of new: CompiledPolicy) throws -> [String] {
    let own = Caller.connection?.split(separator: " ").last.flatMap { UInt16($0) } ?? 22
    let ports = (new.policy.management?.to ?? []) + store.managementPorts + [.init(.tcp, own)]
    let open = try LocalSockets.connections(ports: ports)
    return open.prefix(PolicyState.connectionLimit).map {
      "\($0.address) \($0.remotePort) \($0.port)"
    }
  }

  /// What waits for its confirmation. A generation that nobody confirmed in time, with its guard dead,
  /// is taken back first.
  func endOverdue() throws -> PolicyState.Pending? {
    guard let pending = try store.state().pending else { return nil }
    guard pending.boot != BootClock.id || BootClock.milliseconds - 2000 > pending.deadline else {
      return pending
    }
    _ = try takeBack(pending, store.state())
    return nil
  }

  func refuseWhilePending() throws {
    guard let pending = try endOverdue() else { return }
    throw PolicyStore.Failure(
      """
      generation \(pending.generation) waits \(pending.secondsLeft) s more for its confirmation; first type one of
        gatehouse policy confirm \(pending.token)     from a new connection
        gatehouse policy rollback                     to go back to generation \(pending.previous)
      """)
  }

  // MARK: What an apply brings with it

  /// A generation that is kept, as it is to be applied now: what is allowed by hand, and panic, are
  /// no part of it, and stay what they are.
  func kept(_ number: UInt64, _ overrides: PolicyOverrides? = nil) throws -> CompiledPolicy {
    let now = CompiledPolicy.now
    let policy = try store.policy(of: number)
    let known = overrides ?? overridesToKeep(over: policy)
    return CompiledPolicy(
      known.remaining(at: now).applied(to: policy).scheduled(from: now), at: now)
  }

  private func overridesToKeep(over policy: FirewallPolicy) -> PolicyOverrides {
    var known = (try? store.overrides()) ?? PolicyOverrides(in: policy)
    guard known.panic == nil, isPanicInKernelAlone else { return known }
    known.panic = Date()
    _ = try? store.replace(with: known)
    return known
  }

  /// Panic that could not be written down: nothing but `panic off` ends it.
  private var isPanicInKernelAlone: Bool {
    guard let live = try? FirewallKernel.live(), live.counters["r_panic"] != nil else {
      return false
    }
    return live.digest?.hexadecimal != (try? store.state())?.digest
  }

  /// Into the kernel first: whatever is wrong with the disk must not keep anybody from going back.
  func bring(
    _ policy: CompiledPolicy, _ number: UInt64, _ notes: inout [String]
  ) throws -> FirewallKernel.Applied {
    let hadTable = try FirewallKernel.exists()
    if !hadTable { adopt(&notes) }
    let applied = try FirewallKernel.apply(
      policy.ruleset, digest: policy.digest, generation: number)
    if !hadTable { restoreBans(&notes) }
    spare(policy, &notes)
    do {
      if try store.policy(of: number) != policy.policy {
        try store.rekeep(policy.policy, as: number)
      }
    } catch { notes.append("generation \(number) is not kept as it is in force: \(error)") }
    return applied
  }

  func previous(
    _ state: PolicyState
  ) throws -> (isFirst: Bool, number: UInt64, policy: () -> CompiledPolicy?) {
    let number = state.generation
    guard number > 0, try FirewallKernel.exists() else { return (true, 0, { nil }) }
    // Its lists are read only where some connection is to be judged by it.
    return (
      false, number,
      { try? CompiledPolicy(store.policy(of: number), at: CompiledPolicy.now) }
    )
  }

  func spare(_ policy: CompiledPolicy, _ notes: inout [String]) {
    guard let count = try? BanBook(store).spare(policy.verdict.policy), count > 0 else { return }
    notes.append("\(count) ban(s) of those whom the policy never bans have ended")
  }

  func restoreBans(_ notes: inout [String]) {
    do {
      let count = try BanBook(store).restore()
      if count > 0 { notes.append("\(count) bans are in force again") }
    } catch {
      notes.append("bans were not restored: \(error)")
    }
  }
}

extension PolicyState {
  /// What the kernel holds from now on.
  mutating func take(
    _ policy: CompiledPolicy, _ applied: FirewallKernel.Applied
  ) throws {
    digest = applied.digest.hexadecimal
    appliedAt = policy.time
    clock = KeptClock()
    kernelGeneration = applied.kernelGeneration
    applySeconds = applied.duration.milliseconds / 1000
    // Without them rules are only counted later on; the kernel holds the policy all the same.
    rules = try? FirewallKernel.fingerprints(of: policy.ruleset, at: applied.kernelGeneration)
  }
}

extension Duration {
  var milliseconds: Double {
    Double(components.attoseconds) / 1e15 + Double(components.seconds) * 1000
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    String(repeating: "0", count: max(0, width - count)) + self
  }
}

extension [UInt8] {
  var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
