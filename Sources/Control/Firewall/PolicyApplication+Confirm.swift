internal import Firewall

extension PolicyApplication {
  /// Makes a pending generation the one that stays.
  public func confirm(_ token: String) throws -> UInt64 {
    try store.alone {
      var state = try store.state()
      guard let pending = state.pending else {
        throw PolicyStore.Failure(
          "nothing waits for confirmation: generation \(state.generation) is in force")
      }
      guard state.generation == pending.generation else {
        throw PolicyStore.Failure(
          "generation \(pending.generation) never came into force; type: gatehouse policy rollback")
      }
      guard pending.token == token else {
        throw PolicyStore.Failure(
          "\(token) is not what confirms generation \(pending.generation); it was printed by the apply"
        )
      }
      guard pending.boot == BootClock.id, BootClock.milliseconds < pending.deadline else {
        let back = try takeBack(pending, state)
        throw PolicyStore.Failure(
          "too late: generation \(back.generation) is in force again, not \(pending.generation); apply it again"
        )
      }
      guard try FirewallKernel.live()?.digest?.hexadecimal == state.digest else {
        throw PolicyStore.Failure(
          """
          the kernel does not hold generation \(pending.generation) any more: nothing was confirmed; type one of
            gatehouse policy rollback         to go back to generation \(pending.previous)
            gatehouse policy verify --fix     to have it hold it again, and then the confirm once more
          """)
      }
      if let session = Caller.session,
        session.connection == pending.connection || session.begunAt < pending.appliedAt
          || pending.connections?.contains(session.ends) ?? false
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
      store.noteConfirmed(pending.generation)
      store.point(at: state)
      return pending.generation
    }
  }
}
