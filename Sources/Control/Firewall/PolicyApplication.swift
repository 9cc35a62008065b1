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
    // Ends are counted from here: others may have kept it waiting.
    let new = compiled.renewed
    var state = try store.state()
    let ruleset = new.ruleset
    let before = try previous(state)
    try FirewallKernel.check(ruleset)
    let number = state.next
    state.next &+= 1
    try store.keep(new.policy, as: number)
    if let span = options.confirmWithin {
      state.pending = try begin(number, after: state.generation, within: span)
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
    do {
      applied = try FirewallKernel.apply(ruleset, digest: new.digest, generation: number)
    } catch {
      state.pending = nil
      try? store.write(state)
      throw error
    }
    state = try settled(state, applied, new, options)
    var outcome = Outcome(
      generation: number, previous: before.number, kernelGeneration: applied.kernelGeneration,
      milliseconds: applied.duration.milliseconds,
      closedConnections: 0, token: state.pending?.token, notes: [])
    if before.number == 0 { restoreBans(&outcome.notes) }
    spare(new, &outcome.notes)
    close(new, before.policy, &outcome)
    return outcome
  }

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
    store.point(at: state)
    return state
  }

  // MARK: Confirmation

  private func begin(
    _ number: UInt64, after previous: UInt64, within span: Duration
  ) throws -> PolicyState.Pending {
    let random = UInt16.random(in: .min ... .max)
    let token = "\(number)-" + String(random + 0, radix: 16).padded(to: 4)
    return PolicyState.Pending(
      generation: number, token: token, previous: previous,
      deadline: BootClock.milliseconds + span.components.seconds * 1000, boot: BootClock.id,
      appliedAt: BootClock.milliseconds, connection: Caller.connection, guardian: nil)
  }

  /// A generation that nobody confirmed in time, with its guard dead, is taken back first.
  func refuseWhilePending() throws {
    guard let pending = try store.state().pending else { return }
    let now = BootClock.milliseconds
    if pending.boot != BootClock.id || now - 2000 > pending.deadline {
      _ = try goBackAlone(to: pending.previous, reason: "not confirmed in time")
      return
    }
    let seconds = (min(pending.deadline, now + 86_400_000) - now + 999) / 1000
    throw PolicyStore.Failure(
      """
      generation \(pending.generation) waits \(max(0, seconds)) s more for its confirmation; first type one of
        gatehouse policy confirm \(pending.token)     from a new connection
        gatehouse policy rollback                     to go back to generation \(pending.previous)
      """)
  }

  // MARK: Going back

  /// Which generation is gone back to; the one before when nil.
  public func target(of number: UInt64?) throws -> UInt64 {
    let state = try store.state()
    return try number ?? state.pending?.previous ?? store.kept.last { $0 < state.generation }
      ?? { throw PolicyStore.Failure("there is no generation before \(state.generation)") }()
  }

  /// Goes back to a generation that is kept, or before the first.
  public func goBack(to number: UInt64, reason: String) throws -> Outcome {
    try store.alone { try goBackAlone(to: number, reason: reason) }
  }

  /// What would be in force then; nil for no policy.
  public func policy(ifWentBackTo number: UInt64) throws -> CompiledPolicy? {
    number == 0 ? nil : try kept(number)
  }

  /// What the guard does at the deadline; nil when there is nothing to take back.
  @discardableResult
  func expire(_ generation: UInt64) throws -> Outcome? {
    try store.alone {
      guard let pending = try store.state().pending, pending.generation == generation else {
        return nil
      }
      return try goBackAlone(to: pending.previous, reason: "not confirmed in time")
    }
  }

  private func goBackAlone(to number: UInt64, reason: String) throws -> Outcome {
    var state = try store.state()
    let before = try previous(state)
    var outcome = Outcome(
      generation: number, previous: state.generation, kernelGeneration: 0, milliseconds: 0,
      closedConnections: 0, token: nil, notes: [])
    if number == 0 {
      try FirewallKernel.remove()
      state.digest = nil
      state.rules = nil
      state.kernelGeneration = nil
    } else {
      let old = try kept(number)
      let applied = try bring(old, number, &outcome.notes)
      try state.take(old, applied)
      outcome.kernelGeneration = applied.kernelGeneration
      close(old, before.policy, &outcome)
    }
    state.generation = number
    state.confirmed = number
    state.pending = nil
    state.policyPath = state.history.last { $0.generation == number && $0.path != nil }?.path
    state.record("rolled back", number, reason: reason)
    try store.write(state)
    store.point(at: state)
    return outcome
  }

  /// Makes the kernel hold the generation in force once more, such as after somebody else has
  /// changed it. `number`: which one the caller looked at; by now it may be another.
  public func restore(_ number: UInt64, reason: String) throws {
    try store.alone {
      var state = try store.state()
      guard state.generation == number else {
        throw PolicyStore.Failure(
          "generation \(state.generation) is in force by now, not \(number); nothing was changed")
      }
      let policy = try kept(number)
      var notes: [String] = []
      try state.take(policy, bring(policy, number, &notes))
      state.record("restored", number, reason: reason)
      try store.write(state)
    }
  }

  /// After a start of the machine: the last generation that was confirmed, and the bans. Whatever is
  /// damaged, the best that is left is applied: without any, everybody would get in everywhere.
  public func boot() throws -> Outcome? {
    try store.alone {
      var notes: [String] = []
      var state = PolicyState()
      do { state = try store.state() } catch {
        notes.append("\(error)")
        state.confirmed = store.pointedConfirmed
        state.next = (store.kept.last ?? 0) &+ 1
      }
      let pending = state.pending
      let candidates =
        [state.confirmed] + store.kept.reversed().filter { $0 < state.confirmed }
      guard state.confirmed > 0 else { return nil }
      let (number, policy) = try firstUsable(candidates, &notes)
      let applied = try bring(policy, number, &notes)
      if let pending {
        state.record(
          "rolled back", number,
          reason: "restart before generation \(pending.generation) was confirmed")
        notes.append("generation \(pending.generation) was never confirmed, and is not in force")
      }
      state.pending = nil
      state.generation = number
      state.confirmed = number
      do {
        try state.take(policy, applied)
        state.record("restored", number)
        try store.write(state)
        store.point(at: state)
      } catch { notes.append("the state was not written: \(error)") }
      return Outcome(
        generation: number, previous: 0, kernelGeneration: applied.kernelGeneration,
        milliseconds: 0, closedConnections: 0, token: nil, notes: notes)
    }
  }

  private func firstUsable(
    _ candidates: [UInt64], _ notes: inout [String]
  ) throws -> (UInt64, CompiledPolicy) {
    let now = CompiledPolicy.now
    var overrides = PolicyOverrides()
    do { overrides = try store.overrides().remaining(at: now) } catch { notes.append("\(error)") }
    for number in candidates {
      do {
        let policy = try store.policy(of: number)
        return (number, CompiledPolicy(overrides.applied(to: policy).scheduled(from: now), at: now))
      } catch { notes.append("generation \(number) can't be used: \(error)") }
    }
    throw PolicyStore.Failure(notes.joined(separator: "\n"))
  }

  // MARK: What an apply brings with it

  /// A generation that is kept, as it is to be applied now: what is allowed by hand, and panic, are
  /// no part of it, and stay what they are.
  private func kept(_ number: UInt64) throws -> CompiledPolicy {
    let now = CompiledPolicy.now
    let overrides = try store.overrides().remaining(at: now)
    let policy = try store.policy(of: number)
    return CompiledPolicy(overrides.applied(to: policy).scheduled(from: now), at: now)
  }

  /// Into the kernel first: whatever is wrong with the disk must not keep anybody from going back.
  private func bring(
    _ policy: CompiledPolicy, _ number: UInt64, _ notes: inout [String]
  ) throws -> FirewallKernel.Applied {
    let hadTable = try FirewallKernel.exists()
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

  private func previous(
    _ state: PolicyState
  ) throws -> (number: UInt64, policy: () -> CompiledPolicy?) {
    guard state.generation > 0, try FirewallKernel.exists() else { return (0, { nil }) }
    let number = state.generation
    // Its lists are read only where some connection is to be judged by it.
    return (
      number,
      { try? CompiledPolicy(store.policy(of: number), at: CompiledPolicy.now) }
    )
  }

  private func spare(_ policy: CompiledPolicy, _ notes: inout [String]) {
    guard let count = try? BanBook(store).spare(policy.verdict.policy), count > 0 else { return }
    notes.append("\(count) ban(s) of those whom the policy never bans have ended")
  }

  private func restoreBans(_ notes: inout [String]) {
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
  fileprivate mutating func take(
    _ policy: CompiledPolicy, _ applied: FirewallKernel.Applied
  ) throws {
    digest = applied.digest.hexadecimal
    appliedAt = policy.time
    clock = KeptClock()
    kernelGeneration = applied.kernelGeneration
    // Without them rules are only counted later on; the kernel holds the policy all the same.
    rules = try? FirewallKernel.fingerprints(of: policy.ruleset, at: applied.kernelGeneration)
  }
}

extension Duration {
  fileprivate var milliseconds: Double {
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
