internal import Firewall

/// Entries that end at another time than before.
struct EndChanges {
  private(set) var lines: [String] = []
  /// Of these entries.
  private(set) var networks = AddressSet()

  init(from old: CompiledPolicy, to new: CompiledPolicy) {
    let before = Dictionary(old.policy.groups.map { ($0.name, $0) }) { first, _ in first }
    let names = new.policy.groupsInUse
    var found: [Network] = []
    for group in new.policy.groups where names.contains(group.name) {
      guard let ends = before[group.name]?.ends else { continue }
      let newEnds = group.ends
      var seen: Set<Network> = []
      for entry in group.entries where seen.insert(entry.network).inserted {
        let network = entry.network
        guard let one = ends[network], let other = newEnds[network], one != other,
          max(one, other) > new.time
        else { continue }
        found.append(network)
        lines.append(
          "\(network) in group \(group.name): \(Self.text(one)) becomes \(Self.text(other))")
      }
    }
    let sets = found.map { AddressSet($0) }
    networks = AddressSet(ipv4: sets.flatMap(\.ipv4), ipv6: sets.flatMap(\.ipv6))
  }

  private static func text(_ end: Int64) -> String {
    end == .max ? "without end" : "until \(Moment.text(end))"
  }
}

extension FirewallPolicy.Group {
  /// The last end of each network among the entries; the largest number where it never ends.
  fileprivate var ends: [Network: Int64] {
    Dictionary(entries.map { ($0.network, $0.until ?? Int64.max) }) { max($0, $1) }
  }
}

extension FirewallPolicy {
  /// Groups whose entries' ends count. Those of `except` do not: what is taken out comes back only by
  /// a new evaluation.
  fileprivate var groupsInUse: Set<String> {
    var waiting: [Reference] = management?.from ?? []
    waiting += deny
    waiting += bans.never
    for service in services {
      waiting += service.allow
      waiting += service.deny
      waiting += service.trustedProxies
      waiting += service.http.flatMap(\.allow)
    }
    let includes = Dictionary(groups.map { ($0.name, $0.include) }) { first, _ in first }
    var names: Set<String> = []
    while let reference = waiting.popLast() {
      guard case .group(let name) = reference.target, names.insert(name).inserted else { continue }
      waiting += includes[name] ?? []
    }
    return names
  }
}
