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
