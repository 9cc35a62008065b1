internal import Synchronization

/// How many exchanges a server carries, over all workers and generations, and how many it may.
final class ServerSlots: Sendable {
  private let used = Atomic<Int>(0)
  private let limit: Atomic<Int>

  init(limit: Int) { self.limit = Atomic(limit) }

  var isFull: Bool { used.load(ordering: .relaxed) >= limit.load(ordering: .relaxed) }

  var isUnused: Bool { used.load(ordering: .relaxed) == 0 }

  func setLimit(_ count: Int) { limit.store(count, ordering: .relaxed) }

  /// False when all are taken.
  func take() -> Bool {
    var known = used.load(ordering: .relaxed)
    while known < limit.load(ordering: .relaxed) {
      let answer = used.weakCompareExchange(
        expected: known, desired: known + 1, ordering: .acquiringAndReleasing)
      if answer.exchanged { return true }
      known = answer.original
    }
    return false
  }

  func giveBack() { used.subtract(1, ordering: .acquiringAndReleasing) }
}

/// How many requests of a backend wait for a server, over all workers, and in which workers.
final class WaitingRequests: Sendable {
  private let count = Atomic<Int>(0)
  /// A bit for each worker.
  private let workers = Atomic<UInt64>(0)

  /// False when so many wait already.
  func enter(limit: Int) -> Bool {
    guard count.add(1, ordering: .relaxed).newValue <= limit else {
      leave()
      return false
    }
    return true
  }

  var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

  func leave() { count.subtract(1, ordering: .relaxed) }

  /// A worker says whether any of its requests wait.
  func note(worker: Int, waits: Bool) {
    let bit = UInt64(1) << UInt64(worker & 63)
    if waits {
      workers.bitwiseOr(bit, ordering: .acquiringAndReleasing)
    } else {
      workers.bitwiseAnd(~bit, ordering: .acquiringAndReleasing)
    }
  }

  /// The first worker after this one, in a circle, whose requests wait; this one last.
  func next(after worker: Int) -> Int? {
    let waiting = workers.load(ordering: .acquiring)
    guard waiting != 0 else { return nil }
    let above = worker >= 63 ? 0 : waiting & (~UInt64(0) << UInt64(worker + 1))
    return (above != 0 ? above : waiting).trailingZeroBitCount
  }
}

/// What the workers share of a configuration's servers, by name, so that it outlives a generation.
final class SharedServers: Sendable {
  private struct Content {
    var slots: [ServerID: ServerSlots] = [:]
    var waiting: [String: WaitingRequests] = [:]
    var ejections: [String: SharedEjections] = [:]
  }

  private let content = Mutex(Content())

  /// Nil for a server without a limit. Those that are known keep theirs until `keep(only:)`.
  func slots(_ id: ServerID, limit: Int?) -> ServerSlots? {
    content.withLock { content in
      if let known = content.slots[id] { return known }
      guard let limit else { return nil }
      let slots = ServerSlots(limit: limit)
      content.slots[id] = slots
      return slots
    }
  }

  /// Forgets the servers that are gone, once nothing runs on them: names that move all the time, and
  /// bring a server with each address, must not fill the memory.
  func keep(only ids: Set<ServerID>, backends: Set<String>) {
    content.withLock { content in
      content.slots = content.slots.filter { ids.contains($0.key) || !$0.value.isUnused }
      content.waiting = content.waiting.filter { backends.contains($0.key) || !$0.value.isEmpty }
      content.ejections = content.ejections.filter { backends.contains($0.key) }
    }
  }

  func ejections(_ backend: String) -> SharedEjections {
    content.withLock { content in
      if let known = content.ejections[backend] { return known }
      let ejections = SharedEjections()
      content.ejections[backend] = ejections
      return ejections
    }
  }

  func waiting(_ backend: String) -> WaitingRequests {
    content.withLock { content in
      if let known = content.waiting[backend] { return known }
      let waiting = WaitingRequests()
      content.waiting[backend] = waiting
      return waiting
    }
  }
}

extension SharedServers {
  /// The configuration is in force from now on: its limits hold, and what it does not name goes.
  func keep(only configuration: ProxyConfiguration) {
    keep(
      only: Set(
        configuration.backends.flatMap { backend in
          backend.servers.map { ServerID(backend: backend.name, server: $0.name) }
        }), backends: Set(configuration.backends.map(\.name)))
    for backend in configuration.backends {
      for server in backend.servers {
        let limit = server.limit ?? backend.limit.connections
        // One that is lifted leaves exchanges that will give their slots back.
        slots(ServerID(backend: backend.name, server: server.name), limit: limit)?
          .setLimit(limit ?? .max)
      }
      let keys = backend.servers.map { EjectionBook.Key(server: $0.name, address: $0.address) }
      ejections(backend.name).change { $0.keep(only: Set(keys)) }
    }
  }
}
