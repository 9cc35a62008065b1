internal import Databases
internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// Follows the roles that MySQL servers have: the one that takes writes, those that replicate. It promotes
/// nobody, and where two take writes none is chosen.
final class DatabaseWatch: Sendable {
  /// What becomes of what is found.
  struct Listener: Sendable {
    /// Each check's outcome, for the rule of health.
    let checked: @Sendable (ServerID, _ isGood: Bool, _ result: String, _ took: Duration) -> Void
    let roles: @Sendable ([ServerID: ServerRole?]) -> Void
  }

  private struct Cluster {
    var plan: ProxyConfiguration.MySQL
    var health: ProxyConfiguration.Health
    var members: [String: DatabaseMember] = [:]
    var verdict: ClusterVerdict?
  }

  private struct Found {
    let isSettled: Bool
    /// Of the check, in words.
    let result: String?
  }

  private struct State {
    var clusters: [String: Cluster] = [:]
    var checkers: [ServerID: DatabaseChecker] = [:]
  }

  private let logger: Logger
  private let listener: Listener
  private let isPaused: @Sendable (ServerID) -> Bool
  private let state = Mutex(State())

  init(
    _ logger: Logger, isPaused: @escaping @Sendable (ServerID) -> Bool, _ listener: Listener
  ) {
    self.logger = logger
    self.listener = listener
    self.isPaused = isPaused
  }

  /// Checks the servers of this configuration from now on; those that stay keep what is known of them.
  func adopt(_ configuration: ProxyConfiguration) {
    let fresh = state.withLock { state -> [DatabaseChecker] in
      var clusters: [String: Cluster] = [:]
      var checkers: [ServerID: DatabaseChecker] = [:]
      var fresh: [DatabaseChecker] = []
      for backend in configuration.backends {
        guard let plan = backend.mysql else { continue }
        var cluster = Cluster(plan: plan, health: backend.health)
        let before = state.clusters[backend.name]
        cluster.verdict = before?.verdict
        for server in backend.servers {
          let id = ServerID(backend: backend.name, server: server.name)
          if let known = state.checkers[id],
            known.isSame(DatabaseAddress(server), plan, backend.health)
          {
            checkers[id] = known
            cluster.members[server.name] = before?.members[server.name]
          } else {
            let checker = DatabaseChecker(id, DatabaseAddress(server), plan, backend.health)
            checkers[id] = checker
            fresh.append(checker)
          }
        }
        clusters[backend.name] = cluster
      }
      for (id, checker) in state.checkers where checkers[id] !== checker { checker.stop() }
      state.clusters = clusters
      state.checkers = checkers
      return fresh
    }
    for checker in fresh {
      let id = checker.id
      checker.begin(
        isPaused: { [isPaused] in isPaused(id) },
        tell: { [weak self] checker, outcome in self?.note(checker, outcome) ?? true })
    }
  }

  func stop() {
    state.withLock { state in
      for checker in state.checkers.values { checker.stop() }
      state.checkers = [:]
    }
  }

  /// Says whether the check agrees with what the server counts as.
  private func note(_ checker: DatabaseChecker, _ outcome: ProbeOutcome?) -> Bool {
    let id = checker.id
    let found = state.withLock { state -> Found? in
      guard state.checkers[id] === checker, var cluster = state.clusters[id.backend] else {
        return nil
      }
      if let outcome {
        cluster.members[id.server, default: DatabaseMember()].note(outcome, cluster.health)
      } else {
        // What it was before says nothing of now: an old primary in maintenance is no second one.
        guard cluster.members.removeValue(forKey: id.server) != nil else { return nil }
      }
      let counted = cluster.members.compactMapValues { $0.counted(cluster.health) }
      let verdict = ClusterVerdict(counted, lagLimit: cluster.plan.lag)
      tell(verdict, cluster.verdict, id.backend)
      cluster.verdict = verdict
      state.clusters[id.backend] = cluster
      var roles = Self.roles(id.backend, cluster)
      if outcome == nil { roles[id] = .some(nil) }
      // Within the lock: an older verdict must not be told after a newer one.
      listener.roles(roles)
      let isTrusted = cluster.members[id.server]?.isTrusted(cluster.health) ?? true
      return Found(
        isSettled: counted[id.server] == outcome && isTrusted,
        result: outcome.map { DatabaseVerdict($0, lagLimit: cluster.plan.lag).reason })
    }
    guard let found else { return true }
    if let outcome, let result = found.result {
      listener.checked(id, outcome.facts != nil, result, outcome.took)
    }
    return found.isSettled
  }

  private static func roles(_ backend: String, _ cluster: Cluster) -> [ServerID: ServerRole?] {
    var roles: [ServerID: ServerRole?] = [:]
    for (name, member) in cluster.members {
      let role: ServerRole? =
        switch cluster.verdict?.members[name]?.role {
        case .primary where cluster.verdict?.writer == .one(name): .primary
        case .replica: .replica
        // Reads go on while there is no primary that it could follow (decision 016).
        case .broken, .lagging:
          cluster.verdict?.writer == ClusterVerdict.Writer.none
            && member.isOrphan(lagLimit: cluster.plan.lag) ? .replica : nil
        case .primary, .down, .unknown, nil: nil
        }
      let isTrusted = member.isTrusted(cluster.health)
      roles[ServerID(backend: backend, server: name)] = .some(isTrusted ? role : nil)
    }
    return roles
  }

  private func tell(_ verdict: ClusterVerdict, _ before: ClusterVerdict?, _ backend: String) {
    if verdict.writer != before?.writer {
      switch verdict.writer {
      case .one(let name):
        logger.notice(
          "database \(backend): \(name) takes the writes", metadata: .about(backend))
      case .several:
        logger.critical("database \(backend): \(verdict.reason)", metadata: .about(backend))
      case .none:
        logger.error("database \(backend): \(verdict.reason)", metadata: .about(backend))
      }
    }
    for warning in verdict.warnings where before?.warnings.contains(warning) != true {
      logger.critical("database \(backend): \(warning)", metadata: .about(backend))
    }
    for (name, member) in verdict.members
    where member.role != before?.members[name]?.role {
      logger.notice(
        "database \(backend)/\(name) is \(member.role.rawValue): \(member.reason)",
        metadata: .about("\(backend)/\(name)"))
    }
  }

  var report: [Status.Database] {
    state.withLock { state in
      state.clusters.sorted { $0.key < $1.key }.map {
        Status.Database(
          $0.key, $0.value.verdict, lags: $0.value.members.compactMapValues(\.lagSeconds))
      }
    }
  }
}

extension Status {
  /// A backend with MySQL roles.
  public struct Database: Codable, Sendable {
    public struct Member: Codable, Sendable {
      public let name: String
      public let role: String
      public let why: String
      /// Nil where it replicates from nobody, or does not know.
      public let lagSeconds: Double?
    }

    public let backend: String
    /// Nil while there is none, or more than one.
    public let writer: String?
    public let writers: Int
    /// In a sentence.
    public let verdict: String
    public let warnings: [String]
    public let members: [Member]
  }
}

extension Status.Database {
  init(_ backend: String, _ verdict: ClusterVerdict?, lags: [String: Double]) {
    self.backend = backend
    switch verdict?.writer {
    case .one(let name): (writer, writers) = (name, 1)
    case .several(let names): (writer, writers) = (nil, names.count)
    case .some(.none), nil: (writer, writers) = (nil, 0)
    }
    self.verdict = verdict?.reason ?? "not checked yet"
    warnings = verdict?.warnings ?? []
    members = (verdict?.members ?? [:]).sorted { $0.key < $1.key }.map {
      Member(
        name: $0.key, role: $0.value.role.rawValue, why: $0.value.reason,
        lagSeconds: lags[$0.key])
    }
  }
}
