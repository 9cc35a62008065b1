public import Firewall
public import Proxy

/// Gives every listener the sources its policy allows, and what it says of requests.
struct AccessReader {
  let policy: FirewallPolicy
  let verdict: PolicyVerdict
  let routes: [ProxyConfiguration.Route]
  let problems: Problems

  func access(_ found: ListenerReader.Found, _ listener: inout ProxyConfiguration.Listener) {
    let ports = Set(found.listener.addresses.map(\.port)).sorted()
    let name = found.listener.name
    for port in ports where !verdict.isServed(.tcp, port: port) {
      problems.warning(
        found.place,
        "listener \"\(name)\": no service of the policy listens on tcp/\(port); "
          + "everybody but management is refused there")
    }
    guard let first = ports.first else { return }
    let rules = AccessRules(verdict.allowedSources(.tcp, port: first))
    let http = PolicyRequests.access(policy, verdict, port: first)
    let hours = hours(first)
    for port in ports.dropFirst()
    where AccessRules(verdict.allowedSources(.tcp, port: port)) != rules
      || PolicyRequests.access(policy, verdict, port: port) != http || self.hours(port) != hours
    {
      problems.error(
        found.place,
        "listener \"\(name)\": the policy allows others on tcp/\(port) than on tcp/\(first); "
          + "make it two listeners")
    }
    listener.access = rules
    listener.http = http
    listener.hours = hours
    listener.isAudit = policy.mode == .audit
    listener.closesRefused = policy.existingConnections == .close
    warnOfOtherHosts(found.place, listener, port: first)
  }

  private func warnOfOtherHosts(
    _ place: SourcePlace, _ listener: ProxyConfiguration.Listener, port: UInt16
  ) {
    guard listener.stream == nil, listener.redirectToHTTPSPort == nil,
      let rules = listener.http?.rules, !rules.contains(where: { $0.host == .any }),
      let service = verdict.service(.tcp, port: port)
    else { return }
    let refusing = zip(rules, service.http).filter { _, sources in
      !service.others.subtracting(sources).isEmpty
    }.map { rule, _ in rule }
    guard OtherHosts.leadAround(refusing, routes) else { return }
    problems.warning(
      place,
      "listener \"\(listener.name)\": requests for other hosts, or for none, fall under `allow` of "
        + "service \"\(service.name)\"; add a rule with host: \"*\"")
  }

  private func hours(_ port: UInt16) -> OpeningHours? {
    guard let schedule = verdict.service(.tcp, port: port)?.schedule else { return nil }
    return OpeningHours(
      windows: schedule.windows.map { .init(opens: $0.opens, closes: $0.closes) },
      managers: AccessRules(verdict.managementSources(.tcp, port: port)))
  }
}

/// A policy's rules for requests as the proxy asks them; explanations ask the same.
public enum PolicyRequests {
  /// Nil where every request of who may connect is let through.
  public static func access(
    _ policy: FirewallPolicy, _ verdict: PolicyVerdict, port: UInt16
  ) -> HTTPAccess? {
    guard let resolved = verdict.service(.tcp, port: port),
      let service = policy.services.first(where: { $0.name == resolved.name }),
      !service.http.isEmpty || !service.trustedProxies.isEmpty
    else { return nil }
    // Management may send what it likes where it may connect.
    let managed = verdict.managementSources(.tcp, port: port)
    func rules(_ set: AddressSet) -> AccessRules {
      AccessRules(
        set.subtracting(resolved.deny).subtracting(verdict.policy.deny).union(managed))
    }
    let list = zip(service.http, resolved.http).compactMap { rule, sources -> HTTPAccess.Rule? in
      guard let host = HostPattern.parseRule(rule.host) else { return nil }
      return HTTPAccess.Rule(
        host: host, path: rule.path.flatMap(PathPattern.parse) ?? .any, sources: rules(sources))
    }
    return HTTPAccess(
      rules: list, others: rules(resolved.others),
      trustedProxies: service.trustedProxies.isEmpty
        ? nil : AccessRules(resolved.trustedProxies))
  }
}

extension AccessRules {
  init(_ set: AddressSet) {
    self.init(
      ipv4: set.ipv4.map { .init(first: $0.first, last: $0.last, until: $0.until) },
      ipv6: set.ipv6.map { .init(first: $0.first, last: $0.last, until: $0.until) })
  }
}

extension IPAddress {
  public init(_ address: Address) {
    switch address {
    case .ipv4(let bits): self = .ipv4(bits)
    case .ipv6(let bits): self = .ipv6(bits)
    }
  }
}
