internal import Configuration
internal import Firewall
internal import Foundation

/// Going back to generations that are kept.
extension PolicyApplication {
  /// Which generation is gone back to; when nil the one before, of those that nobody rejected.
  public func target(of number: UInt64?) throws -> UInt64 {
    let state = try store.state()
    if number == 0, state.generation == 0, try FirewallKernel.exists() {
      throw PolicyStore.Failure(
        """
        no policy is in force in \(store.folder), but the kernel has one
          name the folder that it was applied from with --state, or type: nft delete table inet gatehouse
        """)
    }
    return try number ?? state.pending?.previous ?? store.confirmed.last { $0 < state.generation }
      ?? {
        throw PolicyStore.Failure(
          "there is no generation before \(state.generation); \(store.keptText)")
      }()
  }

  /// Goes back to a generation that is kept, or before the first.
  public func goBack(to number: UInt64, reason: String) throws -> Outcome {
    try store.aloneOrNot { _ in
      if let pending = try store.state().pending, pending.generation == number {
        throw PolicyStore.Failure(
          """
          generation \(number) is the one that waits for its confirmation; type one of
            gatehouse policy confirm \(pending.token)     from a new connection, to keep it
            gatehouse policy rollback                     to go back to generation \(pending.previous)
          """)
      }
      return try goBackAlone(to: number, reason: reason)
    }
  }

  /// What would be in force then; nil for no policy.
  public func policy(ifWentBackTo number: UInt64) throws -> CompiledPolicy? {
    number == 0 ? nil : try kept(number)
  }

  /// What the guard does at the deadline, with what it knows where the state is gone or can't be read; nil
  /// when there is nothing to take back. `others`: also to one that was not the one before.
  @discardableResult
  func expire(_ known: PolicyState.Pending, others: Bool) throws -> Outcome? {
    guard known.previous == 0 || store.exists else {
      throw PolicyStore.Failure("\(store.folder) is gone, and with it what to go back to")
    }
    return try store.aloneOrNot { _ in
      let read = store.hasState ? try? store.state() : nil
      guard read?.isOnTrial(known.generation) ?? !store.isMarkedConfirmed(known.generation) else {
        return nil
      }
      var state = read ?? PolicyState(lostWith: known, next: (store.kept.last ?? 0) &+ 1)
      let pending = state.pending ?? known
      state.pending = pending
      do { return try takeBack(pending, state) } catch {
        guard others, !(error is Unwritten) else { throw error }
        for number in store.confirmed(for: pending.previous) where number != pending.generation {
          if let back = try? goBackAlone(to: number, reason: Self.unconfirmed, state) {
            return back
          }
        }
        throw error
      }
    }
  }

  /// The kernel is back already: once more what could not be written down. Nil where somebody has brought the
  /// generation on trial again meanwhile.
  func settle(_ unwritten: Unwritten, _ generation: UInt64) throws -> Outcome? {
    try store.aloneOrNot { _ in
      let read = store.hasState ? try? store.state() : nil
      let state = unwritten.state
      let outcome = Outcome(
        generation: read?.generation ?? state.generation, previous: generation,
        kernelGeneration: 0, milliseconds: 0, closedConnections: 0, token: nil, notes: [])
      guard read?.isOnTrial(generation) ?? true else { return outcome }
      let live = try FirewallKernel.live()
      guard live?.generation != generation else { return nil }
      // Panic that could not be written down either comes before the state that makes it known.
      if state.generation > 0 { _ = try kept(state.generation) }
      try store.write(state)
      store.point(at: state)
      return outcome
    }
  }

  /// It is in force, and nobody knows.
  struct Unwritten: Error, CustomStringConvertible {
    let state: PolicyState
    let fault: any Error

    var description: String {
      "\(fault)\n  generation \(state.generation) is in force all the same, until a restart or another change; make room, and type it again"
    }
  }

  private static let unconfirmed = "not confirmed in time"

  /// Where the one before can't be read any more, to the nearest that can.
  func takeBack(_ pending: PolicyState.Pending, _ state: PolicyState) throws -> Outcome {
    if let live = try FirewallKernel.live(), !isOurs(live, pending, state) {
      return try giveUp(pending, state)
    }
    let others = store.confirmed(for: pending.previous).filter { $0 != pending.generation }
    let usable = ([pending.previous] + others).first { $0 == 0 || (try? kept($0)) != nil }
    return try goBackAlone(to: usable ?? pending.previous, reason: Self.unconfirmed, state)
  }

  /// Whether it came from this folder. What is held may be what could not be written down: panic, or having gone
  /// back already.
  private func isOurs(
    _ live: LiveRuleset, _ pending: PolicyState.Pending, _ state: PolicyState
  ) -> Bool {
    guard let held = live.digest?.hexadecimal, let digests = pending.digests else { return true }
    if held == state.digest || digests.contains(held) { return true }
    let now = CompiledPolicy.now
    return [pending.generation, pending.previous].contains { number in
      guard number == live.generation, let policy = try? store.policy(of: number) else {
        return false
      }
      let written = ((try? store.overrides()) ?? PolicyOverrides(in: policy)).remaining(at: now)
      var panicked = written
      panicked.panic = Date()
      return [written, panicked].contains {
        CompiledPolicy($0.applied(to: policy), at: now).digest.hexadecimal == held
      }
    }
  }

  /// What the kernel holds came from another folder: it is not ours to take away.
  private func giveUp(_ pending: PolicyState.Pending, _ old: PolicyState) throws -> Outcome {
    var state = old
    state.pending = nil
    state.generation = pending.previous
    state.confirmed = pending.previous
    state.record("rolled back", pending.previous, reason: "\(Self.unconfirmed); \(Self.foreign)")
    do { try store.write(state) } catch { throw Unwritten(state: state, fault: error) }
    store.point(at: state)
    return Outcome(
      generation: pending.previous, previous: pending.generation, kernelGeneration: 0,
      milliseconds: 0, closedConnections: 0, token: nil, notes: [Self.foreign])
  }

  private static let foreign =
    "the kernel was left alone: it holds a policy that was applied from another folder"

  /// `known`: where what is written down can't be read.
  func goBackAlone(
    to number: UInt64, reason: String, _ known: PolicyState? = nil
  ) throws -> Outcome {
    var state = try known ?? store.state()
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
      close(old, after: before.number, before.policy, &outcome)
    }
    state.generation = number
    state.confirmed = number
    state.pending = nil
    state.policyPath = state.history.last { $0.generation == number && $0.path != nil }?.path
    state.record("rolled back", number, reason: reason)
    do { try store.write(state) } catch { throw Unwritten(state: state, fault: error) }
    // Whoever goes back to one wants it, also where it was rejected once.
    if number > 0 { store.noteConfirmed(number) }
    store.point(at: state)
    return outcome
  }

  /// Makes the kernel hold the generation in force once more, such as after somebody else has
  /// changed it. `number`: which one the caller looked at; by now it may be another.
  @discardableResult
  public func restore(_ number: UInt64, reason: String) throws -> Outcome {
    try store.alone {
      _ = try endOverdue()
      var state = try store.state()
      guard state.generation == number else {
        throw PolicyStore.Failure(
          "generation \(state.generation) is in force by now, not \(number); nothing was changed")
      }
      let policy = try kept(number)
      var notes: [String] = []
      state.pending?.expect(policy)
      try store.refuseUnwritable(state)
      try state.take(policy, bring(policy, number, &notes))
      state.record("restored", number, reason: reason)
      try store.write(state)
      var outcome = Outcome(
        generation: number, previous: number, kernelGeneration: 0, milliseconds: 0,
        closedConnections: 0, token: nil, notes: notes)
      close(policy, after: number, { policy }, &outcome)
      return outcome
    }
  }

  /// Makes the kernel hold the generation in force with what stands over it by now; whether it waits
  /// for its confirmation stays as it is.
  func renewAlone(_ reason: String, _ overrides: PolicyOverrides) throws -> Outcome {
    var state = try store.state()
    let before = try previous(state)
    let old = before.policy()
    let new = try kept(state.generation, overrides)
    state.pending?.expect(new)
    try store.refuseUnwritable(state)
    var outcome = Outcome(
      generation: state.generation, previous: state.generation, kernelGeneration: 0,
      milliseconds: 0, closedConnections: 0, token: nil, notes: [])
    let applied = try bring(new, state.generation, &outcome.notes)
    outcome.kernelGeneration = applied.kernelGeneration
    outcome.milliseconds = applied.duration.milliseconds
    try state.take(new, applied)
    state.record("applied", state.generation, reason: reason)
    do { try store.write(state) } catch {
      if let old { try? store.rekeep(old.policy, as: state.generation) }
      try undo(to: before.number, old, because: error)
      throw error
    }
    close(new, after: before.number, { old }, &outcome)
    return outcome
  }
}
