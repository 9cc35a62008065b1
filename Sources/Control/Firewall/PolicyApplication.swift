internal import Configuration
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
    public var reason: String?

    public init() {}
  }

  /// Has the kernel check the policy, and takes it in; on any error nothing has changed.
  public func apply(_ new: CompiledPolicy, _ options: Options) throws -> Outcome {
    try store.alone {
      try refuseWhilePending()
      return try applyAlone(new, options)
    }
  }

  func applyAlone(_ new: CompiledPolicy, _ options: Options) throws -> Outcome {
    var state = try store.state()
    let ruleset = new.ruleset
    let before = try previous(state)
    try FirewallKernel.check(ruleset)
    let number = state.next
    state.next += 1
    try store.keep(new.policy, as: number)
    if let span = options.confirmWithin {
      state.pending = try begin(number, after: state.generation, within: span)
    }
    try store.write(state)
    if state.pending != nil {
      state.pending?.guardian = try PolicyGuard.start(store, generation: number)
    }
    let applied: FirewallKernel.Applied
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
    if state.pending == nil { state.confirmed = applied.generation }
    if let path = options.path { state.policyPath = path }
    try state.take(new, applied)
    state.record("applied", applied.generation, reason: options.reason)
    try store.write(state)
    store.point(feedsAt: applied.generation)
    return state
  }

  // MARK: Confirmation

  /// Makes a pending generation the one that stays.
  public func confirm(_ token: String) throws -> UInt64 {
    try store.alone {
      var state = try store.state()
      guard let pending = state.pending else {
        throw PolicyStore.Failure(
          "nothing waits for confirmation: generation \(state.generation) is in force")
      }
      guard pending.token == token else {
        throw PolicyStore.Failure(
          "\(token) is not what confirms generation \(pending.generation); it was printed by the apply"
        )
      }
      guard pending.boot == BootClock.id, BootClock.milliseconds < pending.deadline else {
        throw PolicyStore.Failure(
          "too late: generation \(pending.generation) is being rolled back; apply it again")
      }
      if let session = Caller.session,
        session.connection == pending.connection || session.begunAt < pending.appliedAt
      {
        throw PolicyStore.Failure(
          """
          this connection was open before the policy was applied: it proves nothing
            open a NEW connection and type there:  gatehouse policy confirm \(token)
          """)
      }
      state.pending = nil
      state.confirmed = pending.generation
      state.record("confirmed", pending.generation)
      try store.write(state)
      return pending.generation
    }
  }

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
    if pending.boot != BootClock.id || BootClock.milliseconds > pending.deadline + 2000 {
      _ = try goBackAlone(to: pending.previous, reason: "not confirmed in time")
      return
    }
    let seconds = (pending.deadline - BootClock.milliseconds + 999) / 1000
    throw PolicyStore.Failure(
      """
      generation \(pending.generation) waits \(max(0, seconds)) s more for its confirmation; first type one of
        gatehouse policy confirm \(pending.token)     from a new connection
        gatehouse policy rollback                     to go back to generation \(pending.previous)
      """)
  }

  // MARK: Going back

  /// Goes back to a generation that is kept, or before the first; the one before when nil.
  public func goBack(to number: UInt64?, reason: String) throws -> Outcome {
    try store.alone {
      let state = try store.state()
      let target =
        try number ?? state.pending?.previous ?? store.kept.last { $0 < state.generation }
        ?? { throw PolicyStore.Failure("there is no generation before \(state.generation)") }()
      return try goBackAlone(to: target, reason: reason)
    }
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
    let before = state.generation
    var outcome = Outcome(
      generation: number, previous: before, kernelGeneration: 0, milliseconds: 0,
      closedConnections: 0, token: nil, notes: [])
    if number == 0 {
      try FirewallKernel.remove()
      state.digest = nil
      state.rules = nil
      state.kernelGeneration = nil
    } else {
      let old = try kept(number)
      let applied = try FirewallKernel.apply(
        old.ruleset, digest: old.digest, generation: number)
      try state.take(old, applied)
      outcome.kernelGeneration = applied.kernelGeneration
    }
    state.generation = number
    state.confirmed = number
    state.pending = nil
    state.record("rolled back", number, reason: reason)
    try store.write(state)
    return outcome
  }

  /// Makes the kernel hold the generation in force once more, such as after somebody else has
  /// changed it.
  public func restore(_ number: UInt64, reason: String) throws {
    try store.alone {
      var state = try store.state()
      let policy = try kept(number)
      try state.take(
        policy,
        FirewallKernel.apply(policy.ruleset, digest: policy.digest, generation: number))
      state.record("restored", number, reason: reason)
      try store.write(state)
    }
  }

  /// After a start of the machine: the last generation that was confirmed, and the bans.
  public func boot() throws -> Outcome? {
    try store.alone {
      var state = try store.state()
      guard state.confirmed > 0 else { return nil }
      let pending = state.pending
      let policy = try kept(state.confirmed)
      let applied = try FirewallKernel.apply(
        policy.ruleset, digest: policy.digest, generation: state.confirmed)
      var notes: [String] = []
      if let pending {
        state.record(
          "rolled back", state.confirmed,
          reason: "restart before generation \(pending.generation) was confirmed")
        notes.append("generation \(pending.generation) was never confirmed, and is not in force")
      }
      state.pending = nil
      state.generation = state.confirmed
      try state.take(policy, applied)
      state.record("restored", state.confirmed)
      try store.write(state)
      restoreBans(&notes)
      return Outcome(
        generation: state.confirmed, previous: 0, kernelGeneration: applied.kernelGeneration,
        milliseconds: 0, closedConnections: 0, token: nil, notes: notes)
    }
  }

  // MARK: What an apply brings with it

  /// A generation that is kept, as it is to be applied now: what is allowed by hand, and panic, are
  /// no part of it, and stay what they are.
  private func kept(_ number: UInt64) throws -> CompiledPolicy {
    let now = CompiledPolicy.now
    let policy = try store.policy(of: number)
    let overrides = try store.overrides().remaining(at: now)
    let current = overrides.applied(to: policy).scheduled(from: now)
    if current != policy { try store.rekeep(current, as: number) }
    return CompiledPolicy(current, at: now)
  }

  private func previous(
    _ state: PolicyState
  ) throws -> (number: UInt64, policy: CompiledPolicy?) {
    guard state.generation > 0, try FirewallKernel.exists() else { return (0, nil) }
    let policy = try? store.policy(of: state.generation)
    return (state.generation, policy.map { CompiledPolicy($0, at: CompiledPolicy.now) })
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
    digest = policy.digest.hexadecimal
    appliedAt = policy.time
    kernelGeneration = applied.kernelGeneration
    rules = try FirewallKernel.fingerprints(at: applied.kernelGeneration)
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
