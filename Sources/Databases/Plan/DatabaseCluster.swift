/// The members of a backend as one look at each found them.
public struct DatabaseCluster: Sendable, Equatable {
  public struct Member: Sendable, Equatable {
    public var name: String
    /// As replicas are told to find it.
    public var host: String
    public var port: UInt16
    public var outcome: ProbeOutcome

    public init(name: String, host: String, port: UInt16, outcome: ProbeOutcome) {
      self.name = name
      self.host = host
      self.port = port
      self.outcome = outcome
    }

    public var facts: DatabaseFacts? { outcome.facts }
  }

  /// In the file's order.
  public var members: [Member]
  public var verdict: ClusterVerdict
  /// Checks and commands speak TLS to them, so replicas shall do so, too.
  public var isOverTLS: Bool

  public init(_ members: [Member], lagLimit: Duration, isOverTLS: Bool = false) {
    self.members = members
    self.isOverTLS = isOverTLS
    verdict = ClusterVerdict(
      Dictionary(members.map { ($0.name, $0.outcome) }) { first, _ in first }, lagLimit: lagLimit)
  }

  /// Who takes writes is asked once more, after all others: what it has by then is no less than
  /// what they had from it, or a replica would seem to be ahead of a primary that was asked first.
  public static func askedAgain(
    _ members: [Member], _ ask: (_ index: Int) -> ProbeOutcome
  ) -> [Member] {
    var members = members
    for index in members.indices where members[index].facts?.isReadOnly == false {
      members[index].outcome = ask(index)
    }
    return members
  }

  public func member(_ name: String) -> Member? { members.first { $0.name == name } }

  public func verdict(of member: Member) -> DatabaseVerdict? { verdict.members[member.name] }

  func role(of member: Member) -> DatabaseRole { verdict(of: member)?.role ?? .unknown }

  func reason(of member: Member) -> String { verdict(of: member)?.reason ?? "not asked" }

  /// How a server that is to follow another shall do it: as those do that follow already, and never in
  /// clear where one of them, or the configuration, has TLS.
  var replicationTLS: ReplicationTLS? {
    let known = members.compactMap { $0.facts?.replication?.tls }
    return known.first { $0.verifies } ?? known.first ?? (isOverTLS ? ReplicationTLS() : nil)
  }

  /// A sentence for a name that is none of ours.
  func unknown(_ name: String) -> String {
    "there is no server \"\(ForeignText.line(name))\"; there are: "
      + members.map(\.name).joined(separator: ", ")
  }
}

extension DatabaseFacts {
  /// Everything that it is known to have, of each server.
  var known: GTIDPosition {
    [binlogState, slavePosition, position].compactMap { GTIDPosition($0) }
      .reduce(GTIDPosition()) { $0.union($1) }
  }

  /// What it has, and the other one does not: what would be lost if it were to follow that one.
  func transactions(missingIn other: DatabaseFacts) -> GTIDPosition {
    known.missing(in: other.known)
  }

  /// How many those are.
  func transactionCount(missingIn other: DatabaseFacts) -> TransactionCount {
    known.count(missingIn: other.known)
  }

  /// What it has received or applied of each domain.
  var furthest: GTIDPosition {
    (replication.flatMap { GTIDPosition($0.receivedPosition) } ?? GTIDPosition()).union(known)
  }
}
