import Firewall
import Proxy

/// Gives every listener the sources its policy allows.
struct AccessReader {
  let verdict: PolicyVerdict
  let problems: Problems

  func access(_ found: ListenerReader.Found) -> AccessRules? {
    let ports = Set(found.listener.addresses.map(\.port)).sorted()
    let name = found.listener.name
    for port in ports where !verdict.isServed(.tcp, port: port) {
      problems.warning(
        found.place,
        "listener \"\(name)\": no service of the policy listens on tcp/\(port); "
          + "everybody but management is refused there")
    }
    guard let first = ports.first else { return nil }
    let rules = rules(first)
    for port in ports.dropFirst() where self.rules(port) != rules {
      problems.error(
        found.place,
        "listener \"\(name)\": the policy allows others on tcp/\(port) than on tcp/\(first); "
          + "make it two listeners")
    }
    return rules
  }

  private func rules(_ port: UInt16) -> AccessRules {
    let sources = verdict.allowedSources(.tcp, port: port)
    return AccessRules(
      ipv4: sources.ipv4.map { .init(first: $0.first, last: $0.last, until: $0.until) },
      ipv6: sources.ipv6.map { .init(first: $0.first, last: $0.last, until: $0.until) })
  }
}
