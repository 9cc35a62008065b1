public import Firewall

/// Reads a policy file and all it includes.
public enum PolicyFile {
  /// The policy, checked at a Unix time in seconds, and what is doubtful in it.
  public static func load(_ path: String, at now: Int64) throws(ConfigurationErrors) -> (
    policy: FirewallPolicy, warnings: [String]
  ) {
    let problems = Problems()
    let found = read(path, at: now, namedAt: nil, problems)
    try problems.throwIfAny()
    guard let policy = found?.policy else {
      throw ConfigurationErrors(lines: ["\(path):1:1: no policy"])
    }
    return (policy, problems.warnings)
  }

  /// Nil when it cannot be used; why is then among the problems.
  static func read(
    _ path: String, at now: Int64, namedAt place: SourcePlace?, _ problems: Problems
  ) -> (policy: FirewallPolicy, sources: PolicySources)? {
    let own = Problems()
    let policy = PolicyReader.read(path, namedAt: place, own)
    let sources = policy.map { PolicySources($0, own) }
    if let policy { check(policy, at: now, own) }
    problems.add(own)
    guard let policy, let sources, own.isEmpty else { return nil }
    return (policy, sources)
  }

  private static func check(_ policy: FirewallPolicy, at now: Int64, _ problems: Problems) {
    for group in policy.groups {
      for entry in group.entries {
        if let until = entry.until, until <= now {
          problems.warning(
            entry.place, "this entry of group \"\(group.name)\" has ended; remove it")
        }
        if case .ipv4(_, 0) = entry.network { refuseAll(entry.place, problems) }
        if case .ipv6(_, 0) = entry.network { refuseAll(entry.place, problems) }
      }
    }
  }

  private static func refuseAll(_ place: SourcePlace, _ problems: Problems) {
    problems.error(place, "a network of all addresses; in allow write any, and mean it")
  }
}
