internal import Configuration
internal import Firewall
internal import Foundation

/// After a start of the machine.
extension PolicyApplication {
  /// The last generation that was confirmed, and the bans. Whatever is damaged, and even where nothing can
  /// be written, the best that is left is applied: without any, everybody would get in everywhere. Nil
  /// where nothing ever was confirmed.
  public func boot() throws -> Outcome? {
    try store.aloneOrNot(besideOthers: true) { fault in
      var notes = fault.map { ["\($0)"] } ?? []
      var state = rememberedState(&notes)
      if let fault = store.overridesFault { notes.append(fault) }
      let others = store.confirmed(for: state.confirmed).filter {
        $0 != state.pending?.generation
      }
      guard state.confirmed > 0 else {
        try heal(state)
        return nil
      }
      let (number, policy, applied) = try firstUsable([state.confirmed] + others, &notes)
      if let pending = state.pending {
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
      var outcome = Outcome(
        generation: number, previous: 0, kernelGeneration: applied.kernelGeneration,
        milliseconds: 0, closedConnections: 0, token: nil, notes: notes)
      // None at a start of the machine; but it is typed at other times, too.
      close(policy, after: number, { policy }, &outcome)
      return outcome
    }
  }

  /// Where nothing was confirmed, and what is written down can't be read, what the kernel holds is on trial
  /// still, and its guard, if there is one, goes on.
  private func heal(_ state: PolicyState) throws {
    guard (try? store.state()) == nil else { return }
    var state = state
    let live = try FirewallKernel.live()
    state.generation = live?.generation.flatMap { store.kept.contains($0) ? $0 : nil } ?? 0
    state.digest = state.generation > 0 ? live?.digest?.hexadecimal : nil
    try store.write(state)
  }

  /// What is known without the state, when that is damaged, gone, or says that nothing was confirmed
  /// though something was.
  private func rememberedState(_ notes: inout [String]) -> PolicyState {
    var state = PolicyState()
    do {
      state = try store.state()
      // Without any generation the policy was taken away on purpose.
      if state.confirmed > 0 || state.generation == 0 { return state }
      guard state.pending == nil else { return state }
    } catch { notes.append("\(error)") }
    let pointed = store.pointedConfirmed
    state.confirmed =
      pointed == 0 || pointed.map(store.kept.contains) ?? false
      ? pointed ?? 0 : store.confirmed.last ?? 0
    state.next = max(state.next, (store.kept.last ?? 0) &+ 1)
    return state
  }

  /// The first of them that can be read, and that the kernel takes.
  private func firstUsable(
    _ candidates: [UInt64], _ notes: inout [String]
  ) throws -> (UInt64, CompiledPolicy, FirewallKernel.Applied) {
    for number in candidates {
      do {
        let policy = try kept(number)
        return (number, policy, try bring(policy, number, &notes))
      } catch { notes.append("generation \(number) can't be used: \(error)") }
    }
    throw PolicyStore.Failure(notes.joined(separator: "\n"))
  }
}
