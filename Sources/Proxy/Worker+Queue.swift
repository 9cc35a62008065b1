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
    clients[id].exchange.times.placeAnew(at: 0)
    let isFirst = queues[backend].isEmpty
    queues[backend].append(id)
    plan.waiting.note(worker: index, waits: true)
    // A slot may have become free before others could know that somebody waits for it.
    if isFirst {
      mailbox.post(.serveQueue(backend: plan.name, others: 0))
      awaitReturn(backend)
    }
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
  func wake(_ backend: Snapshot.Backend) { wake(backend, others: mailboxes.count - 1) }

  private func wake(_ backend: Snapshot.Backend, others: Int) {
    guard let next = backend.waiting.next(after: index), next < mailboxes.count else { return }
    mailboxes[next].post(.serveQueue(backend: backend.name, others: others))
  }

  mutating func serveQueue(named name: String, others: Int) {
    guard let backend = snapshot.backends.firstIndex(where: { $0.name == name }) else { return }
    let isUsed = serveQueue(backend)
    if queues[backend].isEmpty {
      snapshot.backends[backend].waiting.note(worker: index, waits: false)
    }
    // Those that wait here may want another role than the server has that has room.
    if !isUsed, others > 0 { wake(snapshot.backends[backend], others: others - 1) }
  }

  /// Looks at the queue again when a server that is set aside may be asked again: nothing else would
  /// tell of it.
  mutating func awaitReturn(_ backend: Int) {
    guard !queues[backend].isEmpty, let time = balancers[backend].nextReturn(after: now) else {
      return
    }
    timers.add(Self.queueTimer, at: time)
  }

  static var queueTimer: Token { Token(.mailbox, SlotID(index: 0, generation: 1)) }

  mutating func returnsAreDue() {
    serveQueues()
    for backend in queues.indices { awaitReturn(backend) }
  }

  /// Gives servers to those that wait, first come first served, as far as there are any; says whether
  /// any was given. Who wants a role or the server of his cookie is overtaken by those who want another.
  @discardableResult
  mutating func serveQueue(_ backend: Int) -> Bool {
    var isUsed = false
    let waiting = snapshot.backends[backend].waiting
    var passed: [SlotID] = []
    /// What nobody has room for: those behind who want the same are not asked for.
    var full: [Want] = []
    // Who comes to wait anew meanwhile has been asked for.
    var count = queues[backend].count
    while count > 0, passed.count < Self.passedOver, full.count < Self.wantLimit,
      let id = queues[backend].takeFirst()
    {
      count -= 1
      guard clients.contains(id), clients[id].exchange.isQueued else { continue }
      let want = want(of: id, backend)
      if full.contains(want) {
        passed.append(id)
        continue
      }
      let until = clients[id].exchange.queuedUntil
      // Out of it before it is placed: a connection that fails at once may have it wait anew.
      clients[id].exchange.queuedUntil = .max
      clients[id].lastProgress = now
      // What was tried before it waited was another time.
      clients[id].exchange.attempts = min(clients[id].exchange.attempts, 1)
      switch place(id, hasWaited: true) {
      case .under:
        isUsed = true
        waiting.leave()
      case .full, .nobody(.noPrimary):
        clients[id].exchange.queuedUntil = until
        passed.append(id)
        full.append(want)
        // All have room for this, or none has room for anything.
        if want.isAnything { count = 0 }
      case .nobody(let reply):
        waiting.leave()
        fail(id, reply)
      }
    }
    queues[backend].putBack(passed)
    return isUsed
  }

  /// How many that wait for others are passed over, and of how many kinds, until the rest waits as well.
  private static var passedOver: Int { 1024 }
  private static var wantLimit: Int { 256 }

  /// What tells who can be served from who can't.
  private struct Want: Equatable {
    var role: ServerRole?
    var fallsBackToPrimary: Bool
    var stuckTo: Int?
    /// The server that failed him, while it is ejected: then he does not want it.
    var shunned: Int?

    var isAnything: Bool { role == nil && stuckTo == nil }
  }

  private func want(of id: SlotID, _ backend: Int) -> Want {
    let wish = clients[id].exchange.wish
    let tried = clients[id].exchange.attempts > 0 ? clients[id].exchange.server : nil
    return Want(
      role: wish.role, fallsBackToPrimary: wish.fallsBackToPrimary, stuckTo: wish.stuckTo,
      shunned: tried.flatMap { balancers[backend].isEjected($0, at: now) ? $0 : nil })
  }

  mutating func serveQueues() {
    for backend in queues.indices where !queues[backend].isEmpty { serveQueue(backend) }
  }
}
