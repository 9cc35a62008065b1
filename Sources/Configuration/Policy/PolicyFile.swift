public import Firewall
import Foundation
import Proxy

/// Reads a policy file and all it includes.
public enum PolicyFile {
  /// Where the firewall keeps what it applied, unless told otherwise.
  public static var standardState: String {
    ProcessInfo.processInfo.environment["GATEHOUSE_STATE"] ?? "/var/lib/gatehouse/firewall"
  }

  /// The policy, checked at a Unix time in seconds, and what is doubtful in it.
  /// `lastFeeds`: the folder where the feeds of the last apply lie.
  public static func load(
    _ path: String, at now: Int64, lastFeeds: String? = nil
  ) throws(ConfigurationErrors) -> (policy: FirewallPolicy, warnings: [String]) {
    let problems = Problems()
    let found = read(path, at: now, lastFeeds: lastFeeds, namedAt: nil, problems)
    try problems.throwIfAny()
    guard let policy = found?.policy else {
      throw ConfigurationErrors(lines: ["\(path):1:1: no policy"])
    }
    return (policy, problems.warnings)
  }

  /// Nil when it cannot be used; why is then among the problems.
  static func read(
    _ path: String, at now: Int64, lastFeeds: String?, namedAt place: SourcePlace?,
    _ problems: Problems
  ) -> (policy: FirewallPolicy, verdict: PolicyVerdict)? {
    let own = Problems()
    let found = PolicyReader.read(path, at: now, lastFeeds: lastFeeds, namedAt: place, own)
    let policy = found?.policy
    // What could not be read would show up once more, as missing or undefined.
    if let policy, own.isEmpty {
      for finding in PolicyChecks.findings(of: policy, at: now) { own.add(finding) }
    }
    let verdict = own.isEmpty ? policy.map { PolicyVerdict(ResolvedPolicy($0)) } : nil
    if let policy, let verdict {
      for expectation in found?.expectations ?? [] {
        let verdict = expectation.at.map(verdict.scheduled(at:)) ?? verdict
        check(expectation, of: policy, verdict, at: expectation.at ?? now, own)
      }
    }
    problems.add(own)
    guard let policy, let verdict, own.isEmpty else { return nil }
    return (policy, verdict)
  }

  private static func check(
    _ expectation: Expectation, of policy: FirewallPolicy, _ verdict: PolicyVerdict,
    at time: Int64, _ problems: Problems
  ) {
    let outcome = verdict.verdict(expectation.packet, at: time)
    var isAllowed = outcome.isAllowed
    var found = outcome.sentence
    if isAllowed, let host = expectation.host, case .tcp(let port) = expectation.packet.content,
      let access = PolicyRequests.access(policy, verdict, port: port)
    {
      let client = IPAddress(expectation.packet.source)
      isAllowed = access.allows(client, host: host, path: expectation.path, at: time)
      found = isAllowed ? "allowed by http" : "denied by http"
    }
    guard isAllowed != expectation.isAllowed else { return }
    let request = expectation.host.map { ", \($0)\(expectation.path)," } ?? ""
    problems.error(
      expectation.place,
      "expected that \(expectation.packet.source) to \(expectation.destination)\(request) is "
        + "\(expectation.isAllowed ? "allowed" : "denied"), but it is \(found); "
        + "change the policy, or what is expected of it")
  }
}
