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
  ) -> (policy: FirewallPolicy, verdict: PolicyVerdict)? {
    let own = Problems()
    let policy = PolicyReader.read(path, namedAt: place, own)
    // What could not be read would show up once more, as missing or undefined.
    if let policy, own.isEmpty {
      for finding in PolicyChecks.findings(of: policy, at: now) { own.add(finding) }
    }
    problems.add(own)
    guard let policy, own.isEmpty, let verdict = try? PolicyVerdict(policy, at: now) else {
      return nil
    }
    return (policy, verdict)
  }
}
