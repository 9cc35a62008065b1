import Firewall

/// Policies as an administrator reads them.
enum PolicyText {
  static let panic = "PANIC: only management is let in; gatehouse panic off"

  /// Who may come in to what, a line each.
  static func summary(of policy: FirewallPolicy) -> String {
    var rows: [[String]] = []
    if let management = policy.management {
      rows.append(["management", ports(management.to), names(management.from), ""])
    }
    for service in policy.services {
      let trusted =
        service.trustedProxies.isEmpty
        ? [] : ["\(names(service.trustedProxies)) (trusted)"]
      let allow = service.allow.isEmpty ? [] : [names(service.allow)]
      rows.append([
        service.name, ports(service.listen), (allow + trusted).joined(separator: ", "),
        conditions(of: service, policy).joined(separator: "; "),
      ])
      rows += service.http.map { rule in
        ["  \(rule.host)\(rule.path ?? "")", "", names(rule.allow), "each request"]
      }
    }
    rows.append(["all else", "", "nobody", ""])
    let start =
      policy.mode == .audit ? "What the policy would allow (audit)" : "What the policy allows"
    return "\(start):\n\n" + table(["TO", "PORTS", "FROM", ""], rows)
  }

  private static func conditions(
    of service: FirewallPolicy.Service, _ policy: FirewallPolicy
  ) -> [String] {
    let deny = service.deny + policy.deny
    var conditions = deny.isEmpty ? [] : ["but never \(names(deny))"]
    if let schedule = service.schedule { conditions.append("open \(schedule.text)") }
    if let rate = service.limit?.newConnections {
      conditions.append("\(rate.count) new a \(rate.unit)")
    }
    if let most = service.limit?.concurrent { conditions.append("\(most) at a time") }
    if let ban = service.ban {
      conditions.append(
        "banned when \(ban.cause) \(ban.times) times in \(spanText(ban.withinSeconds))")
    }
    return conditions
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

  static func intervals(of set: AddressSet) -> [String] {
    set.ipv4.map { text(Address.ipv4($0.first), Address.ipv4($0.last)) }
      + set.ipv6.map { text(Address.ipv6($0.first), Address.ipv6($0.last)) }
  }

  private static func text(_ first: Address, _ last: Address) -> String {
    first == last ? "\(first)" : "\(first)-\(last)"
  }
}
