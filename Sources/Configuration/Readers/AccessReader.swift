import Firewall
import Proxy

/// Gives every listener the sources its policy allows.
struct AccessReader {
  let sources: PolicySources
  let problems: Problems

  func access(_ found: ListenerReader.Found) -> AccessRules? {
    let ports = Set(found.listener.addresses.map(\.port)).sorted()
    let name = found.listener.name
    for port in ports where !sources.isCovered(port) {
      problems.warning(
        found.place,
        "listener \"\(name)\": no service of the policy listens on tcp/\(port); "
          + "everybody but management is refused there")
    }
    guard let first = ports.first else { return nil }
    let rules = sources.allowed(first)
    for port in ports.dropFirst() where sources.allowed(port) != rules {
      problems.error(
        found.place,
        "listener \"\(name)\": the policy allows others on tcp/\(port) than on tcp/\(first); "
          + "make it two listeners")
    }
    return rules
  }
}
