/// A server that was away, such as an old primary, becomes a replica of the primary.
public enum RejoinPlan {
  public static func make(_ cluster: DatabaseCluster, _ name: String) -> DatabasePlan {
    guard let target = cluster.member(name) else { return .refused([cluster.unknown(name)]) }
    guard let facts = target.facts else {
      return .refused(["\(name) does not answer: \(cluster.reason(of: target))"])
    }
    let primary: DatabaseCluster.Member
    switch primaryName(cluster, without: name) {
    case .success(let found):
      guard let member = cluster.member(found) else { return .refused([cluster.unknown(found)]) }
      primary = member
    case .failure(let refusal): return .refused([refusal.text])
    }
    guard let primaryFacts = primary.facts else { return .refused([cluster.reason(of: primary)]) }
    guard facts.isMariaDB, primaryFacts.isMariaDB else { return .refused([Refusal.notMariaDB]) }
    guard facts.serverID != primaryFacts.serverID else {
      return .refused([
        "\(name) and \(primary.name) have the same server_id, \(facts.serverID): give \(name) "
          + "another one in its my.cnf"
      ])
    }
    let missing = facts.transactions(missingIn: primaryFacts)
    guard missing.isEmpty else {
      return .refused(diverged(target, facts, primary, primaryFacts))
    }
    if [.replica, .lagging].contains(cluster.role(of: target)),
      facts.replication?.sourceServerID == primaryFacts.serverID
    {
      return .nothing("\(name) replicates from \(primary.name) already")
    }
    return .steps(
      [
        DatabaseStep(name, "takes no writes", .execute(["SET GLOBAL read_only=1"])),
        DatabaseStep(name, "ends those whom read_only does not stop", .endPrivilegedSessions),
        // It may have taken one more while we looked.
        DatabaseStep(
          name, "has nothing that \(primary.name) lacks", .compare(with: primary.name)),
        DatabaseStep(
          name, "replicates from \(primary.name)",
          .follow(
            host: primary.host, port: primary.port, tls: cluster.replicationTLS)),
        DatabaseStep(
          name, "is watched until it replicates", .watch(seconds: Following.watchSeconds)),
      ],
      notes: ["put read_only=1 in the my.cnf of \(name), so that it never starts taking writes"])
  }

  private struct NoPrimary: Error { let text: String }

  /// Of two that take writes the one that is not to rejoin: so the person has chosen.
  private static func primaryName(
    _ cluster: DatabaseCluster, without name: String
  ) -> Result<String, NoPrimary> {
    let writable = cluster.members.filter { cluster.role(of: $0) == .primary }.map(\.name)
    let left = writable.filter { $0 != name }
    guard let first = left.first else {
      return .failure(
        NoPrimary(
          text: writable.isEmpty
            ? "there is no primary to follow: \(cluster.verdict.reason)"
            : "\(name) is the primary; to change places, type: gatehouse db switchover"))
    }
    guard left.count == 1 else { return .failure(NoPrimary(text: cluster.verdict.reason)) }
    return .success(first)
  }

  static func diverged(
    _ target: DatabaseCluster.Member, _ facts: DatabaseFacts, _ primary: DatabaseCluster.Member,
    _ primaryFacts: DatabaseFacts
  ) -> [String] {
    let missing = facts.transactions(missingIn: primaryFacts)
    let count = facts.transactionCount(missingIn: primaryFacts)
    return [
      "\(target.name) has \(count) that \(primary.name) lacks, up to \(missing): as its "
        + "replica it would keep rows that nobody else has; they are lost unless you write them "
        + "there",
      "look at them on \(target.name): mariadb-binlog --start-position=\(primaryFacts.known) "
        + "BINLOG; write what is wanted to \(primary.name)",
      "then make \(target.name) anew from \(primary.name): mariadb-backup --backup there, "
        + "--prepare and --copy-back here, SET GLOBAL gtid_slave_pos as xtrabackup_binlog_info "
        + "says, and rejoin again",
    ]
  }
}
