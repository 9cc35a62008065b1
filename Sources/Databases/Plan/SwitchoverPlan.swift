/// A primary and a replica change places; nothing that was acknowledged is lost.
public enum SwitchoverPlan {
  /// `wait` seconds at most for replicas to catch up while nobody writes.
  public static func make(_ cluster: DatabaseCluster, to name: String, wait: Int) -> DatabasePlan {
    guard let target = cluster.member(name) else { return .refused([cluster.unknown(name)]) }
    let old: DatabaseCluster.Member
    switch cluster.verdict.writer {
    case .one(name): return .nothing("\(name) is the primary already")
    case .one(let other):
      guard let member = cluster.member(other) else { return .refused([cluster.unknown(other)]) }
      old = member
    case .several: return .refused([cluster.verdict.reason])
    case .none:
      return .refused([
        "there is no primary to switch from: \(cluster.verdict.reason); where it is dead, "
          + "type: gatehouse db promote --server \(name)"
      ])
    }
    let refusals = refusals(cluster, old, target)
    guard refusals.isEmpty else { return .refused(refusals) }
    let others = cluster.members.filter {
      ![old.name, name].contains($0.name) && cluster.role(of: $0) == .replica
        && $0.facts?.replication?.sourceServerID == old.facts?.serverID
    }
    let notes = cluster.members.filter { member in
      ![old.name, name].contains(member.name) && !others.contains(member)
    }.map {
      "\($0.name) is left as it is (\(cluster.reason(of: $0))); "
        + "afterwards: gatehouse db rejoin --server \($0.name)"
    }
    return .steps(steps(old, target, others, wait, cluster.replicationTLS), notes: notes)
  }

  private static func refusals(
    _ cluster: DatabaseCluster, _ old: DatabaseCluster.Member, _ target: DatabaseCluster.Member
  ) -> [String] {
    guard let oldFacts = old.facts, let facts = target.facts else {
      return ["\(target.name) does not answer: \(cluster.reason(of: target))"]
    }
    var refusals = cluster.verdict.warnings
    if !oldFacts.isMariaDB || !facts.isMariaDB { refusals.append(Refusal.notMariaDB) }
    guard cluster.role(of: target) == .replica, let replication = facts.replication else {
      return refusals + ["\(target.name) is no healthy replica: \(cluster.reason(of: target))"]
    }
    if replication.sourceServerID != oldFacts.serverID {
      refusals.append(
        "\(target.name) replicates from \(replication.sourceHost):\(replication.sourcePort), "
          + "not from the primary \(old.name)")
    }
    if !replication.usesGTID { refusals.append(Refusal.noGTID(target.name)) }
    let own = facts.transactions(missingIn: oldFacts)
    if !own.isEmpty, facts.isMariaDB {
      refusals.append(
        "\(target.name) has \(facts.transactionCount(missingIn: oldFacts)) that \(old.name) lacks: "
          + "\(own); the old primary could not follow it")
    }
    return refusals
  }

  private static func steps(
    _ old: DatabaseCluster.Member, _ target: DatabaseCluster.Member,
    _ others: [DatabaseCluster.Member], _ wait: Int, _ tls: ReplicationTLS?
  ) -> [DatabaseStep] {
    let (a, b) = (old.name, target.name)
    var steps = [
      DatabaseStep(
        a, "takes no more writes", .execute(["SET GLOBAL read_only=1"]),
        wayBack: ["SET GLOBAL read_only=0"]),
      DatabaseStep(a, "ends those whom read_only does not stop", .endPrivilegedSessions),
      DatabaseStep(
        a, "holds still, and tells its last transaction", .lock, wayBack: ["UNLOCK TABLES"]),
    ]
    // All of them: without log_slave_updates the new primary cannot give others what they lack.
    steps += ([target] + others).map {
      DatabaseStep($0.name, "catches up with \(a)", .reachLocked(of: a, seconds: wait))
    }
    steps += [
      DatabaseStep(
        b, "stops replicating", .execute(["STOP SLAVE"]), wayBack: ["START SLAVE"]),
      DatabaseStep(
        b, "takes the writes", .execute(["SET GLOBAL read_only=0"]),
        wayBack: ["SET GLOBAL read_only=1"], isPointOfNoReturn: true),
      DatabaseStep(
        b, "forgets its primary", .execute(["RESET SLAVE ALL"]), isOptional: true),
      DatabaseStep(a, "lets go", .execute(["UNLOCK TABLES"]), isOptional: true),
    ]
    for member in [old] + others {
      steps.append(Following.step(member.name, target, tls))
    }
    return steps + ([old] + others).map { Following.watch($0.name) }
  }
}

/// The steps that make a server a replica of another one.
enum Following {
  static let watchSeconds = 20

  static func step(
    _ name: String, _ primary: DatabaseCluster.Member, _ tls: ReplicationTLS?
  ) -> DatabaseStep {
    DatabaseStep(
      name, "replicates from \(primary.name)",
      .follow(host: primary.host, port: primary.port, tls: tls), isOptional: true)
  }

  static func watch(_ name: String) -> DatabaseStep {
    DatabaseStep(
      name, "is watched until it replicates", .watch(seconds: watchSeconds), isOptional: true)
  }
}

enum Refusal {
  static let notMariaDB =
    "only MariaDB servers are switched by gatehouse; MySQL's are switched by its own tools, "
    + "and followed"

  static func noGTID(_ name: String) -> String {
    "\(name) does not replicate by GTID; type there: STOP SLAVE; "
      + "CHANGE MASTER TO MASTER_USE_GTID=slave_pos; START SLAVE"
  }
}
