/// Exchanges that wait for a server: because those that could take them are full, or because there is
/// no primary yet.
extension Worker {
  /// Puts the exchange at the end of its backend's queue, or answers it when that is full, too.
  mutating func waitForServer(_ id: SlotID, reply: Reply) {
    guard let backend = clients[id].exchange.backend else { return fail(id, reply) }
    let plan = snapshot.backends[backend]
    guard plan.waiting.enter(limit: plan.plan.limit.queue) else { return fail(id, .queueFull) }
    let span: Int64
    if case .noPrimary = reply, let split = plan.split {
      span = split.queueWrites
    } else {
      span = plan.plan.limit.wait.milliseconds
    }
    clients[id].exchange.queuedUntil = now + span
    let isFirst = queues[backend].isEmpty
    queues[backend].append(id)
    plan.waiting.note(worker: index, waits: true)
    // A slot may have become free before others could know that somebody waits for it.
    if isFirst { mailbox.post(.serveQueue(backend: plan.name)) }
    arm(client: id)
  }

  /// Takes the exchange out of its queue, if it waits in one.
  mutating func leaveQueue(_ id: SlotID) {
    guard clients[id].exchange.isQueued else { return }
    clients[id].exchange.queuedUntil = .max
    guard let backend = clients[id].exchange.backend else { return }
    queues[backend].remove(id)
    let waiting = snapshot.backends[backend].waiting
    waiting.leave()
    if queues[backend].isEmpty { waiting.note(worker: index, waits: false) }
  }

  /// It has waited for as long as it may.
  mutating func queueIsLate(_ id: SlotID) {
    let isForPrimary = clients[id].exchange.wish.role == .primary
    leaveQueue(id)
    fail(id, isForPrimary ? .noPrimary : .queueTimeout)
  }

  /// Tells one of the workers whose exchanges wait that a server has room; each in its turn.
  func wake(_ backend: Snapshot.Backend) {
    guard let next = backend.waiting.next(after: index), next < mailboxes.count else { return }
    mailboxes[next].post(.serveQueue(backend: backend.name))
  }

  mutating func serveQueue(named name: String) {
    guard let backend = snapshot.backends.firstIndex(where: { $0.name == name }) else { return }
    let wasEmpty = queues[backend].isEmpty
    serveQueue(backend)
    let waiting = snapshot.backends[backend].waiting
    if queues[backend].isEmpty {
      waiting.note(worker: index, waits: false)
      // Whoever woke us had room for somebody.
      if wasEmpty { wake(snapshot.backends[backend]) }
    }
  }

  /// Gives servers to those that wait, first come first served, as far as there are any.
  mutating func serveQueue(_ backend: Int) {
    let waiting = snapshot.backends[backend].waiting
    var passed: [SlotID] = []
    while passed.count < Self.passedOver, let id = queues[backend].takeFirst() {
      guard clients.contains(id), clients[id].exchange.isQueued else { continue }
      let until = clients[id].exchange.queuedUntil
      // Out of it before it is placed: a connection that fails at once may have it wait anew.
      clients[id].exchange.queuedUntil = .max
      clients[id].lastProgress = now
      switch place(id) {
      case .under: waiting.leave()
      case .full, .nobody(.noPrimary):
        clients[id].exchange.queuedUntil = until
        passed.append(id)
        // Without roles all want the same.
        if clients[id].exchange.wish.role == nil { return putBack(passed, backend) }
      case .nobody(let reply):
        waiting.leave()
        fail(id, reply)
      }
    }
    putBack(passed, backend)
  }

  /// Those that want another role, whom others may overtake.
  private static var passedOver: Int { 64 }

  private mutating func putBack(_ passed: [SlotID], _ backend: Int) {
    for id in passed.reversed() { queues[backend].putBack(id) }
  }

  mutating func serveQueues() {
    for backend in queues.indices where !queues[backend].isEmpty { serveQueue(backend) }
  }
}
