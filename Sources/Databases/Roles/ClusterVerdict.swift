/// What all members are together, from one check of each.
public struct ClusterVerdict: Sendable, Equatable {
  public enum Writer: Sendable, Equatable {
    case one(String)
    /// Two take writes and neither follows the other: nobody chooses, a person must.
    case several([String])
    case none
  }

  public var writer: Writer
  /// By the member's name.
  public var members: [String: DatabaseVerdict]
  /// The whole in a sentence.
  public var reason: String
  /// What is dangerous though there is one writer.
  public var warnings: [String] = []

  /// Members by their names; one that was not checked yet is left out.
  public init(_ outcomes: [String: ProbeOutcome], lagLimit: Duration) {
    let facts = outcomes.compactMapValues(\.facts)
    let memberIDs = facts.count == outcomes.count ? Set(facts.values.map(\.serverID)) : nil
    members = outcomes.mapValues {
      DatabaseVerdict($0, lagLimit: lagLimit, memberIDs: memberIDs)
    }
    let primaries = Self.names(members) { $0.role == .primary }
    switch primaries.count {
    case 0:
      writer = .none
      reason = "no server takes writes"
    case 1:
      writer = .one(primaries[0])
      reason = "\(primaries[0]) takes the writes"
    default:
      writer = .several(primaries)
      reason =
        "\(primaries.joined(separator: " and ")) both take writes and neither follows the other: "
        + "none is chosen; make all but the right one read-only (SET GLOBAL read_only=1)"
    }
    for name in Self.names(members, where: { $0.isWritable && $0.role != .primary }) {
      warnings.append("\(name) would take writes, too: \(members[name]?.reason ?? "")")
    }
    warnings += Self.sharedIDs(facts)
  }

  private static func names(
    _ members: [String: DatabaseVerdict], where isMeant: (DatabaseVerdict) -> Bool
  ) -> [String] {
    members.filter { isMeant($0.value) }.keys.sorted()
  }

  /// Replication leaves out what bears one's own server ID.
  private static func sharedIDs(_ facts: [String: DatabaseFacts]) -> [String] {
    Dictionary(grouping: facts.keys) { facts[$0]?.serverID }.values.filter { $0.count > 1 }
      .map { "\($0.sorted().joined(separator: " and ")) have the same server_id" }.sorted()
  }
}
