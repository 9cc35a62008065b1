import Firewall

/// Policies as an administrator reads them.
enum PolicyText {
  /// Who may come in to what, a line each.
  static func summary(of policy: FirewallPolicy) -> String {
    var rows: [[String]] = []
    if let management = policy.management {
      rows.append(["management", ports(management.to), names(management.from), ""])
    }
    for service in policy.services {
      let deny = (service.deny + policy.deny)
      rows.append([
        service.name, ports(service.listen), names(service.allow),
        deny.isEmpty ? "" : "but never \(names(deny))",
      ])
    }
    rows.append(["all else", "", "nobody", ""])
    return "What the policy allows:\n\n" + table(["TO", "PORTS", "FROM", ""], rows)
  }

  static func ports(_ ports: [FirewallPolicy.Port]) -> String {
    ports.map(\.description).joined(separator: ", ")
  }

  static func names(_ references: [FirewallPolicy.Reference]) -> String {
    references.map { reference in
      switch reference.target {
      case .any: "any"
      case .group(let name): name
      case .network(let network): network.description
      }
    }.joined(separator: ", ")
  }
}

extension PolicyText {
  /// The kernel's sets beside the policy's, in addresses gained and lost.
  static func difference(
    _ live: LiveRuleset?, _ changes: [LiveRuleset.Difference], isSame: Bool
  ) -> String {
    guard let live else { return "nothing is applied: the kernel has no table inet gatehouse" }
    if isSame { return "in sync: generation \(live.generation ?? 0) is this policy" }
    let lines = changes.flatMap { change in
      change.gained.map { "+ \(change.set): \($0)" } + change.lost.map { "- \(change.set): \($0)" }
    }
    let head = live.digest == nil ? "others have changed the rules since the last apply" : nil
    let rules = lines.isEmpty ? ["the sets are the same; rules or time limits differ"] : lines
    return ((head.map { [$0] } ?? []) + rules).joined(separator: "\n")
  }

  static func intervals(of set: AddressSet) -> [String] {
    set.ipv4.map { text(Address.ipv4($0.first), Address.ipv4($0.last)) }
      + set.ipv6.map { text(Address.ipv6($0.first), Address.ipv6($0.last)) }
  }

  private static func text(_ first: Address, _ last: Address) -> String {
    first == last ? "\(first)" : "\(first)-\(last)"
  }
}
