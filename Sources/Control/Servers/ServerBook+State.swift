internal import Foundation
internal import Proxy

extension ServerBook.State {
  /// Makes the configuration anew; true when servers came or went.
  mutating func reapply() -> Bool {
    let before = applied.backends
    become(overrides.applied(to: file))
    return applied.backends != before
  }

  /// From now on this is what runs; of what was known, what no longer holds is forgotten.
  mutating func become(_ configuration: ProxyConfiguration) {
    let before = addresses
    applied = configuration
    forgetWhatIsGone()
    // Who listens there now has not told his role yet.
    let now = addresses
    roles = roles.filter { hasToldRole($0.key) && before[$0.key] == now[$0.key] }
  }

  /// How servers would stand in a configuration that is about to be put to work.
  func standings(of configuration: ProxyConfiguration) -> [ServerID: ServerStanding] {
    var next = self
    next.become(configuration)
    _ = next.chooseTiers(at: ServerBook.uptime)
    return Dictionary(next.allMerges().map { ($0.id, $0.standing) }) { first, _ in first }
  }

  /// Whether a check tells its role, and not the file.
  func hasToldRole(_ id: ServerID) -> Bool {
    applied.backends.contains { $0.name == id.backend && $0.mysql != nil }
  }

  private var addresses: [ServerID: SocketAddress] {
    var all: [ServerID: SocketAddress] = [:]
    for backend in applied.backends {
      for server in backend.servers {
        all[ServerID(backend: backend.name, server: server.name)] = server.address
      }
    }
    return all
  }

  mutating func forgetWhatIsGone() {
    let ids = Set(
      applied.backends.flatMap { backend in
        backend.servers.map { ServerID(backend: backend.name, server: $0.name) }
      })
    let checked = checked
    reports = reports.filter { checked.contains($0.key) }
    roles = roles.filter { ids.contains($0.key) }
    ejections = ejections.filter { ids.contains($0.key) }
    words = words.filter { ids.contains($0.key) }
    guards = guards.filter { ids.contains($0.key) }
    changes = changes.filter { ids.contains($0.key) }
    let names = Set(applied.backends.map(\.name))
    tiers = tiers.filter { names.contains($0.key) }
  }

  /// Looks at each backend's servers; what changed, by backend.
  mutating func chooseTiers(at now: Int64) -> [(backend: String, change: TierSelection.Change)] {
    var all: [(backend: String, change: TierSelection.Change)] = []
    for backend in applied.backends {
      let members = merges(of: backend).map(\.member)
      if var tier = tiers[backend.name] {
        let change = tier.update(members, backend.tiers, at: now)
        tiers[backend.name] = tier
        if let change { all.append((backend.name, change)) }
      } else {
        tiers[backend.name] = TierSelection(
          members, backend.tiers, at: now, resuming: overrides.tiers[backend.name])
      }
    }
    return all
  }

  /// Notes which tiers a restart must not give back by itself; true when that changed. Of a backend that
  /// the file lost, it stays, as overrides do.
  mutating func noteTiers() -> Bool {
    let before = overrides.tiers
    for backend in applied.backends {
      let lowest = backend.servers.map(\.tier).min() ?? 0
      let inUse = tiers[backend.name]?.inUse ?? lowest
      let isKept = backend.tiers.failback != .auto && inUse != lowest
      overrides.tiers[backend.name] = isKept ? inUse : nil
    }
    return overrides.tiers != before
  }

  /// Has each server's guard look at what it is now; who is held or released by it.
  mutating func guardServers(at now: Int64) -> [(id: ServerID, change: FlapGuard.Change)] {
    var all: [(id: ServerID, change: FlapGuard.Change)] = []
    for backend in applied.backends {
      for merge in merges(of: backend) {
        let change = guards[merge.id, default: FlapGuard()].note(
          merge.condition, limit: backend.health.changesPerMinute, at: now)
        if change != .none { all.append((merge.id, change)) }
      }
    }
    return all
  }

  func merges(of backend: ProxyConfiguration.Backend) -> [ServerMerge] {
    let own = Dictionary(
      grouping: overrides.overrides.filter { $0.backend == backend.name }, by: \.server)
    return backend.servers.map { server in
      let id = ServerID(backend: backend.name, server: server.name)
      var merge = ServerMerge(id: id, server: server)
      for override in Self.inherited(own, server.name) + (own[server.name] ?? []) {
        switch override.change {
        case .weight(let weight): merge.weightChange = weight
        case .state(let state): merge.stateChange = state
        case .added, .removed: continue
        }
      }
      merge.report = reports[id]
      // Until it has told, it has none: a file's guess must not get the writes.
      merge.told = backend.mysql == nil ? nil : roles[id] ?? ServerMerge.ToldRole.none
      merge.ejection = ejections[id]
      merge.held = guards[id]?.hold?.condition
      merge.isInUse = tiers[backend.name].map { $0.inUse == server.tier } ?? (server.tier == 0)
      return merge
    }
  }

  /// Those of the server as it is written: a name that came to have several addresses, `api@10.0.0.5`,
  /// stays drained where `api` was.
  private static func inherited(
    _ overrides: [String: [ServerOverride]], _ server: String
  ) -> [ServerOverride] {
    server.firstIndex(of: "@").flatMap { overrides[String(server[..<$0])] } ?? []
  }

  func allMerges() -> [ServerMerge] { applied.backends.flatMap { merges(of: $0) } }

  func merge(_ id: ServerID) -> ServerMerge? {
    applied.backends.first { $0.name == id.backend }
      .flatMap { merges(of: $0).first { $0.id == id } }
  }

  func health(of id: ServerID) -> ProxyConfiguration.Health {
    applied.backends.first { $0.name == id.backend }?.health ?? .init()
  }

  /// Of others a last word may still come.
  var checked: Set<ServerID> {
    Set(
      applied.backends.filter { $0.health.check != nil }.flatMap { backend in
        backend.servers.map { ServerID(backend: backend.name, server: $0.name) }
      })
  }

  /// Servers that are not to be checked.
  var unchecked: Set<ServerID> {
    Set(
      overrides.overrides.compactMap { override in
        if case .state(.maint) = override.change { override.id } else { nil }
      })
  }

  /// What is said of overrides changes with it; for ETag.
  var tag: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ text: String) {
      for byte in text.utf8 {
        hash ^= UInt64(byte)
        hash &*= 0x100_0000_01b3
      }
    }
    for override in overrides.overrides {
      add(override.name)
      add(override.change.text)
      add("\(override.since.timeIntervalSince1970) \(override.until?.timeIntervalSince1970 ?? 0)")
      add("\(override.by) \(override.reason) \(override.conflictSince != nil)")
    }
    for backend in file.backends {
      for server in backend.servers { add("\(backend.name)/\(server.name)=\(AddedServer(server))") }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
  }
}

extension ServerMerge {
  /// How it stands, in one word.
  var word: String {
    if state != .ready { return state.rawValue }
    // Who is held stays what he was.
    switch held ?? condition {
    case .down: return "down"
    case .setAside: return "set aside"
    case .well: break
    }
    return isInUse ? "up" : "standby"
  }
}

extension ServerBook {
  func log(_ finding: OverrideBook.Finding) {
    switch finding {
    case .conflict(let override, let file):
      let now = "the file now says \(file) (it said \(override.configured ?? "nothing"))"
      logger.of(.override).warning(
        """
        CONFLICT: override \(override.name) = \(override.change.text) stays, but \(now); \
        clear it with: gatehouse overrides clear \(override.name)
        """, metadata: .about(override.name))
    case .settled(let override):
      logger.of(.override).notice(
        "override \(override.name) is what the file says now: it is cleared",
        metadata: .about(override.name))
    }
  }

  func log(_ id: ServerID, _ report: HealthReport, _ health: ProxyConfiguration.Health) {
    switch report.verdict {
    case .down:
      // The first result decides at once.
      let count = UInt64(max(1, health.fall))
      let bad = min(count, max(1, report.checks))
      logger.warning(
        "server \(id) is down: \(report.lastResult) (\(bad) of \(bad) checks)",
        metadata: .about(id))
    case .up: logger.notice("server \(id) is up: \(report.lastResult)", metadata: .about(id))
    case .unknown: logger.notice("server \(id) is checked anew", metadata: .about(id))
    }
  }

  /// News of a server that was in until now.
  func logEjection(_ id: ServerID, _ reason: String) {
    logger.warning("server \(id) is set aside: \(reason)", metadata: .about(id))
  }

  func log(_ change: FlapGuard.Change, _ id: ServerID, _ word: String) {
    switch change {
    case .none: return
    case .held(let hold):
      logger.warning(
        "server \(id) has changed \(hold.changes) times within a minute: it is held out for a minute",
        metadata: .about(id))
    case .released:
      logger.notice("server \(id) is held out no longer: \(word)", metadata: .about(id))
    }
  }

  func log(_ change: TierSelection.Change, _ backend: String) {
    let what = change.isBack ? "goes back" : "fails over"
    logger.of(.backend).warning(
      "backend \(backend) \(what) from tier \(change.from) to tier \(change.to)",
      metadata: .about(backend))
  }
}
