import Firewall
import Proxy

/// Who a policy lets connect: its groups looked up, and the sets computed.
struct PolicySources {
  struct Sources: Sendable {
    var ipv4 = IntervalSet<UInt32>()
    var ipv6 = IntervalSet<UInt128>()

    static let all = Sources(ipv4: .all, ipv6: .all)

    static func union(_ all: [Sources]) -> Sources {
      Sources(ipv4: .union(all.map(\.ipv4)[...]), ipv6: .union(all.map(\.ipv6)[...]))
    }

    func subtracting(_ other: Sources) -> Sources {
      Sources(ipv4: ipv4.subtracting(other.ipv4), ipv6: ipv6.subtracting(other.ipv6))
    }
  }

  private let policy: FirewallPolicy
  private var groups: [String: Sources] = [:]

  /// Tells of names that no group bears and of groups that include themselves.
  init(_ policy: FirewallPolicy, _ problems: Problems) {
    self.policy = policy
    let names = Set(policy.groups.map(\.name))
    var pending = policy.groups
    while !pending.isEmpty {
      var waiting: [FirewallPolicy.Group] = []
      for group in pending {
        let needed = Self.names(in: group.include + group.except)
        if needed.allSatisfy({ groups[$0] != nil || !names.contains($0) }) {
          groups[group.name] = sources(of: group)
        } else {
          waiting.append(group)
        }
      }
      guard waiting.count < pending.count else { break }
      pending = waiting
    }
    for group in pending where groups[group.name] == nil {
      problems.error(
        group.place, "group \"\(group.name)\" includes itself by way of others; break the circle")
    }
    for reference in Self.references(in: policy) {
      guard case .group(let name) = reference.target, !names.contains(name) else { continue }
      let suggestion = Suggestion.text(for: name, among: names.sorted())
      problems.error(reference.place, "unknown group \"\(name)\"\(suggestion)")
    }
  }

  func isCovered(_ port: UInt16) -> Bool {
    policy.services.contains { Self.covers($0.listen, port) }
  }

  /// Who may connect to a TCP port.
  func allowed(_ port: UInt16) -> AccessRules {
    let services = policy.services.filter { Self.covers($0.listen, port) }
    let allowed = services.map { sources($0.allow).subtracting(sources($0.deny)) }
    var all = [Sources.union(allowed).subtracting(sources(policy.deny))]
    if let management = policy.management, Self.covers(management.to, port) {
      all.append(sources(management.from))
    }
    let union = Sources.union(all)
    return AccessRules(ipv4: union.ipv4.accessIntervals, ipv6: union.ipv6.accessIntervals)
  }

  private static func covers(_ ports: [FirewallPolicy.Port], _ port: UInt16) -> Bool {
    ports.contains { $0.transport == .tcp && $0.first <= port && port <= $0.last }
  }

  private static func names(in references: [FirewallPolicy.Reference]) -> [String] {
    references.compactMap { if case .group(let name) = $0.target { name } else { nil } }
  }

  private static func references(in policy: FirewallPolicy) -> [FirewallPolicy.Reference] {
    policy.groups.flatMap { $0.include + $0.except } + (policy.management?.from ?? [])
      + policy.deny + policy.services.flatMap { $0.allow + $0.deny }
  }

  private func sources(_ references: [FirewallPolicy.Reference]) -> Sources {
    Sources.union(
      references.map { reference in
        switch reference.target {
        case .any: .all
        case .network(let network): Self.sources(network, until: nil)
        case .group(let name): groups[name] ?? Sources()
        }
      })
  }

  private func sources(of group: FirewallPolicy.Group) -> Sources {
    let entries = group.entries.map { Self.sources($0.network, until: $0.until) }
    return Sources.union(entries + [sources(group.include)]).subtracting(sources(group.except))
  }

  private static func sources(_ network: Network, until: Int64?) -> Sources {
    let until = until ?? .max
    switch network {
    case .ipv4(let bits, let prefix):
      let last = bits | (prefix == 0 ? .max : ~(UInt32.max << (32 - UInt32(min(prefix, 32)))))
      return Sources(ipv4: IntervalSet(.init(first: bits, last: last, until: until)))
    case .ipv6(let bits, let prefix):
      let last = bits | (prefix == 0 ? .max : ~(UInt128.max << (128 - UInt128(min(prefix, 128)))))
      return Sources(ipv6: IntervalSet(.init(first: bits, last: last, until: until)))
    }
  }
}
