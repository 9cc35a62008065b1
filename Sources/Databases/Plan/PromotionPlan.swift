/// A replica takes the place of a primary that is dead.
public enum PromotionPlan {
  /// `isForced`: though its primary may only be frozen, or another replica has more.
  public static func make(
    _ cluster: DatabaseCluster, _ name: String, wait: Int, isForced: Bool = false
  ) -> DatabasePlan {
    guard let target = cluster.member(name) else { return .refused([cluster.unknown(name)]) }
    if cluster.verdict.writer == .one(name) { return .nothing("\(name) is the primary already") }
    guard let facts = target.facts else {
      return .refused(["\(name) does not answer: \(cluster.reason(of: target))"])
    }
    let others = cluster.members.filter { $0.name != name }
    var refusals = others.compactMap { refusal(cluster, $0, name) }
    if !facts.isMariaDB { refusals.append(Refusal.notMariaDB) }
    if let replication = facts.replication {
      if !replication.usesGTID { refusals.append(Refusal.noGTID(name)) }
    } else if !isForced {
      refusals.append(
        "\(name) was nobody's replica: what it has is not known to be the primary's; "
          + "if it is, add --force")
    }
    if !isForced { refusals += doubts(target, facts, others) }
    guard refusals.isEmpty else { return .refused(refusals) }
    return .steps(
      steps(target, facts, others, wait, isForced, cluster.replicationTLS),
      notes: notes(facts, others, target.name))
  }

  /// Two primaries are worse than none.
  private static func refusal(
    _ cluster: DatabaseCluster, _ other: DatabaseCluster.Member, _ name: String
  ) -> String? {
    let verdict = cluster.verdict(of: other)
    if verdict?.isWritable ?? false {
      return "\(other.name) takes writes; to change places, type: "
        + "gatehouse db switchover --to \(name)"
    }
    guard verdict?.role == .unknown else { return nil }
    return "\(other.name) runs and does not tell whether it takes writes "
      + "(\(cluster.reason(of: other))); stop it first"
  }

  private static func doubts(
    _ target: DatabaseCluster.Member, _ facts: DatabaseFacts, _ others: [DatabaseCluster.Member]
  ) -> [String] {
    var doubts: [String] = []
    if facts.replication?.receiver == .running {
      doubts.append(
        "\(target.name) is still connected to its primary, which may only be frozen and then go "
          + "on taking writes; stop it (kill -9, power off), or add --force if you are sure")
    }
    if let replication = facts.replication, replication.receiver == .stopped,
      !replication.isApplying, let received = GTIDPosition(replication.receivedPosition),
      !received.missing(in: facts.known).isEmpty
    {
      doubts.append(
        "both threads of \(target.name) are stopped, and it has received more than it has "
          + "applied (\(received)): MariaDB throws that away when they start; save its relay log, "
          + "then add --force")
    }
    let mine = facts.furthest
    for other in others {
      guard let theirs = other.facts?.furthest else { continue }
      let ahead = theirs.domains.filter { theirs.top(of: $0) > mine.top(of: $0) }
      guard !ahead.isEmpty else { continue }
      doubts.append(
        "\(other.name) has more than \(target.name): \(theirs) against \(mine); promote it "
          + "instead, or add --force to lose the difference")
    }
    return doubts
  }

  private static func notes(
    _ facts: DatabaseFacts, _ others: [DatabaseCluster.Member], _ name: String
  ) -> [String] {
    let silent = others.filter { $0.facts == nil }.map(\.name)
    var notes: [String] = []
    for other in others {
      guard let lost = other.facts?.furthest.count(missingIn: facts.furthest), lost.most > 0
      else { continue }
      notes.append("\(lost) that \(other.name) has will be lost to \(name)")
    }
    if !silent.isEmpty {
      notes.append(
        "how many transactions of \(silent.joined(separator: ", ")) are lost is not known: it "
          + "does not answer, and replication is asynchronous unless semi-sync was on; once it runs "
          + "again, gatehouse db rejoin says how many")
      notes.append(
        "it must not come back taking writes: put read_only=1 in its my.cnf before it starts; "
          + "then type: gatehouse db rejoin --server \(silent[0])")
    }
    return notes
  }

  private static func steps(
    _ target: DatabaseCluster.Member, _ facts: DatabaseFacts, _ others: [DatabaseCluster.Member],
    _ wait: Int, _ isForced: Bool, _ tls: ReplicationTLS?
  ) -> [DatabaseStep] {
    let name = target.name
    var steps: [DatabaseStep] = []
    if facts.replication != nil {
      steps += [
        DatabaseStep(
          name, "applies what it has received, and receives no more",
          .applyReceived(seconds: wait), wayBack: ["START SLAVE"], isOptional: isForced),
        DatabaseStep(
          name, "stops replicating", .execute(["STOP SLAVE"]), wayBack: ["START SLAVE"]),
      ]
    }
    steps += [
      DatabaseStep(
        name, "takes the writes", .execute(["SET GLOBAL read_only=0"]),
        wayBack: ["SET GLOBAL read_only=1"], isPointOfNoReturn: true),
      DatabaseStep(
        name, "forgets its primary", .execute(["RESET SLAVE ALL"]), isOptional: true),
    ]
    let followers = others.filter { other in
      guard let theirs = other.facts, theirs.replication != nil else { return false }
      return theirs.transactions(missingIn: facts).isEmpty
    }
    steps += followers.map { Following.step($0.name, target, tls) }
    return steps + followers.map { Following.watch($0.name) }
  }
}
