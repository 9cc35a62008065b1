/// What is learnt of servers, and what all workers make of it.
extension Worker {
  /// Where a connection's server sits in the current generation; nil when it has none there.
  func seat(of id: SlotID) -> (backend: Int, member: Int)? {
    guard upstreams[id].snapshot === snapshot else { return nil }
    let server = upstreams[id].server
    let backend = snapshot.servers[server].backend
    return (backend, server - snapshot.backends[backend].servers.lowerBound)
  }

  /// A server that can't be reached gets nothing for a while, from any worker.
  mutating func setAside(_ server: Int, reason: String) {
    let backend = snapshot.servers[server].backend
    let member = server - snapshot.backends[backend].servers.lowerBound
    counters.connectFailures &+= 1
    meters.servers[server].connectFailures &+= 1
    let end = now + snapshot.times.setAside
    let (key, time) = (key(backend, member), now)
    let (until, isNews) = snapshot.backends[backend].ejections.change {
      $0.setAside(key, until: end, at: time)
    }
    if !balancers[backend].isEjected(member, at: now) {
      putOut(backend, member, until: until, reason: reason)
    }
    guard isNews else { return }
    tellEjected(backend, member, until: until, reason: reason)
  }

  /// The server failed after it had been reached; passive health may have enough of it.
  mutating func countFailure(upstream id: SlotID, reason: @autoclosure () -> String) {
    guard let (backend, member) = seat(of: id) else { return }
    meters.servers[upstreams[id].server].responseFailures &+= 1
    guard balancers[backend].observes else { return }
    noteFailure(backend, member, reason: reason())
  }

  /// The head of a response has come from the server.
  mutating func countAnswer(_ id: SlotID, from upstream: SlotID, status: UInt16) {
    guard let (backend, member) = seat(of: upstream) else { return }
    let server = upstreams[upstream].server
    meters.servers[server].responses.add(status)
    meters.servers[server].firstByte.add(nowMicros - clients[id].exchange.times.connected)
    guard balancers[backend].observes else { return }
    guard status < 500 else { return noteFailure(backend, member, reason: "status \(status)") }
    let sentAt = clients[id].exchange.sentAt
    let micros = sentAt > 0 ? Clock.microseconds() - sentAt : nil
    balancers[backend].succeeded(member, at: now, micros: micros)
  }

  private mutating func noteFailure(_ backend: Int, _ member: Int, reason: String) {
    balancers[backend].failed(member, at: now)
    guard let terms = terms(backend),
      let tally = balancers[backend].tally(member, at: now)
    else { return }
    let (key, time) = (key(backend, member), now)
    let inRow = balancers[backend].members[member].ejection.inRow
    let (step, end) = snapshot.backends[backend].ejections.change { book in
      (book.failed(key, tally, inRow: inRow, reason: reason, terms, at: time), book.end(of: key))
    }
    // It is out for the whole gate, and this worker does not know, such as after an apply that made
    // its server anew.
    if case .none = step, end > now, !balancers[backend].isEjected(member, at: now) {
      return putOut(backend, member, until: end, reason: reason)
    }
    follow(step, backend, member)
  }

  /// Another worker asks what this one knows of a server.
  mutating func tell(ofServer key: EjectionBook.Key, in name: String, _ number: UInt32) {
    guard let backend = snapshot.backends.firstIndex(where: { $0.name == name }),
      let terms = terms(backend)
    else { return }
    let member = member(key, backend)
    let tally = member.flatMap { balancers[backend].tally($0, at: now) } ?? EjectionBook.Tally()
    let time = now
    let step = snapshot.backends[backend].ejections.change {
      $0.answered(key, number, tally, terms, at: time)
    }
    if let member { follow(step, backend, member) }
  }

  /// Another worker has ejected a server.
  mutating func takeOut(
    _ key: EjectionBook.Key, in name: String, until: Int64, reason: String
  ) {
    guard let backend = snapshot.backends.firstIndex(where: { $0.name == name }),
      let member = member(key, backend)
    else { return }
    putOut(backend, member, until: until, reason: reason)
  }

  private mutating func follow(_ step: EjectionBook.Step, _ backend: Int, _ member: Int) {
    switch step {
    case .none: return
    case .ask(let number):
      let name = snapshot.backends[backend].name
      postToOthers(.tellOfServer(key(backend, member), backend: name, number: number))
    case .eject(let span, let reason):
      putOut(backend, member, until: now + span, reason: reason)
      tellEjected(backend, member, until: now + span, reason: reason)
    }
  }

  private mutating func putOut(_ backend: Int, _ member: Int, until: Int64, reason: String) {
    balancers[backend].putOut(member, until: until, at: now, reason: reason)
    awaitReturn(backend)
  }

  /// The other workers, and the control thread.
  private func tellEjected(_ backend: Int, _ member: Int, until: Int64, reason: String) {
    let plan = snapshot.backends[backend]
    let key = key(backend, member)
    postToOthers(.eject(key, backend: plan.name, until: until, reason: reason))
    let id = ServerID(backend: plan.name, server: key.server)
    log(.serverEjected(id, reason: reason, milliseconds: until - now))
  }

  private func postToOthers(_ command: Command) {
    for (index, mailbox) in mailboxes.enumerated() where index != self.index {
      mailbox.post(command)
    }
  }

  private func terms(_ backend: Int) -> EjectionBook.Terms? {
    balancers[backend].passive.map {
      EjectionBook.Terms(
        rule: $0, servers: balancers[backend].members.count, workers: mailboxes.count)
    }
  }

  private func key(_ backend: Int, _ member: Int) -> EjectionBook.Key {
    let server = snapshot.servers[snapshot.backends[backend].servers.lowerBound + member]
    return EjectionBook.Key(server: server.name, address: server.address)
  }

  private func member(_ key: EjectionBook.Key, _ backend: Int) -> Int? {
    let servers = snapshot.backends[backend].servers
    return servers.first {
      snapshot.servers[$0].name == key.server && snapshot.servers[$0].address == key.address
    }.map { $0 - servers.lowerBound }
  }
}
