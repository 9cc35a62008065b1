public import Firewall

/// What a new policy would change for whom.
public struct PolicyChanges: Sendable {
  /// Addresses that gain or lose a service.
  public struct Change: Sendable {
    public var isGain: Bool
    /// A service, or `management`.
    public var service: String
    /// In order; none touch.
    public var ports: [FirewallPolicy.Port]
    public var sources: AddressSet
    /// Of those who lose it.
    public var openConnections: Int
    /// Packets that the rule has seen which let in those who lose it.
    public var hits: UInt64?
  }
  public var changes: [Change] = []
  /// Changes for those who get in before and after, such as of a limit or of an end: a line each.
  public var others: [String] = []

  public var isEmpty: Bool { changes.isEmpty && others.isEmpty }

  /// More than these nobody reads.
  private static let shownOtherLimit = 20

  /// `others`, but not a page of them.
  public var shownOthers: [String] {
    let rest = others.count - Self.shownOtherLimit
    guard rest > 0 else { return others }
    return Array(others.prefix(Self.shownOtherLimit)) + ["and \(rest) more"]
  }

  /// `old` nil: nothing is in force, and everybody gets everywhere.
  public init(
    from old: CompiledPolicy?, to new: CompiledPolicy, connections: [TrackedConnection],
    counters: [String: LiveRuleset.Count]
  ) {
    let ends = old.map { EndChanges(from: $0, to: new) }
    let told = ends?.networks ?? AddressSet()
    let access = AccessChanges(
      from: old, to: new, connections: connections, counters: counters, told: told)
    changes = access.changes
    guard let old else { return }
    others = SettingChanges(from: old, to: new, told: told).lines + access.lines
    others += ends?.lines ?? []
    if isEmpty, old.digest != new.digest {
      others.append("the rules change, and nobody gains or loses by it")
    }
  }

  /// Connections of others to this machine; none where the kernel does not tell.
  public static func openConnections() -> [TrackedConnection] {
    (try? Connections.incoming()) ?? []
  }
}
