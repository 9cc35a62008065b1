internal import Foundation

extension Verdict {
  /// All that is wrong, the worst first.
  static func causes(of status: Status, now: Date = Date()) -> [Cause] {
    var all = status.backends.flatMap { backend($0, now) }
    if let traffic = status.traffic.recent { all += errors(traffic) }
    if status.isEnding {
      all.append(
        Cause(
          .degraded, "", "it is ending: /readyz says no, and new clients go elsewhere",
          next: "gatehouse events"))
    }
    all += status.databases.flatMap(database)
    if let error = status.lastApplyErrors.first {
      all.append(
        Cause(
          .degraded, status.configuration, "the file was not applied",
          detail: error + more(status.lastApplyErrors.count),
          // A check binds nothing.
          next: error.hasPrefix("can't listen")
            ? "ss -ltnp" : "gatehouse check -c \(status.configuration)"))
    }
    all += status.certificates.compactMap(certificate)
    all += status.certificateErrors.map {
      Cause(.degraded, "", $0, next: "gatehouse cert list")
    }
    all += status.renewals.compactMap(renewal)
    all += status.overrideErrors.map {
      Cause(.degraded, "", $0, next: "gatehouse overrides list")
    }
    if let drift = status.firewall.kernel?.drift, drift > 0 {
      all.append(
        Cause(
          .degraded, "firewall", "the kernel's rules are not as applied",
          detail: "\(drift) difference(s)", next: "gatehouse policy verify"))
    }
    if let trouble = status.log?.trouble {
      all.append(Cause(.degraded, "log", trouble, next: "gatehouse events"))
    }
    return all.enumerated().sorted {
      ($1.element.severity, $0.offset) < ($0.element.severity, $1.offset)
    }.map(\.element)
  }

  /// Of the last minute's requests so many must have failed, of at least so many.
  static let errorShare = 0.05
  static let errorRequests = 20.0

  private static func errors(_ traffic: RecentTraffic) -> [Cause] {
    guard traffic.errorShare >= errorShare, traffic.requestsPerSecond * 60 >= errorRequests else {
      return []
    }
    let percent = Int((traffic.errorShare * 100).rounded())
    return [
      Cause(
        .degraded, "", "\(percent)% of the last minute's requests ended with 5xx",
        next: "gatehouse top")
    ]
  }

  private static func backend(_ one: Status.Backend, _ now: Date) -> [Cause] {
    let troubles = one.servers.filter(\.isTrouble)
    let usable = one.servers.count(where: \.takesRequests)
    guard usable == 0 || !troubles.isEmpty, !one.servers.isEmpty else { return [] }
    let first = troubles.first ?? one.servers.first { !$0.takesRequests }
    let detail = first.map { trouble($0, now) } ?? ""
    let others = troubles.isEmpty ? one.servers.count : troubles.count
    guard usable > 0 else {
      return [
        Cause(
          .down, one.name, "backend \(one.name): no server is up", detail: detail + more(others),
          next: first.map(remedy) ?? "gatehouse server list")
      ]
    }
    // Who stands by could serve: nothing is wrong with it.
    let well = one.servers.count { $0.takesRequests || $0.state == "standby" }
    return [
      Cause(
        .degraded, one.name, "backend \(one.name) \(well)/\(one.servers.count) up",
        detail: detail + more(others), next: first.map(remedy) ?? "gatehouse server list")
    ]
  }

  /// What somebody has taken out he can bring back; what failed by itself must be looked at.
  private static func remedy(_ server: Status.Server) -> String {
    let name = "\(server.backend)/\(server.name)"
    if ["drain", "maint"].contains(server.state) {
      return "gatehouse server set \(name) --state ready"
    }
    if server.state == "up" { return "gatehouse server set \(name) --weight 1" }
    return "gatehouse server show \(name)"
  }

  /// "web/s1 down since 14:02: connect refused".
  private static func trouble(_ server: Status.Server, _ now: Date) -> String {
    let since =
      server.state == "down" ? server.healthSince.map { " since \(clock($0, now))" } ?? "" : ""
    let weight = server.state == "up" && server.effectiveWeight == 0 ? ", weight 0" : ""
    let why = weight + (server.why.isEmpty ? "" : ": \(server.why)")
    return "\(server.backend)/\(server.name) \(server.state)\(since)\(why)"
  }

  private static func more(_ count: Int) -> String {
    count > 1 ? ", and \(count - 1) more" : ""
  }

  private static func database(_ one: Status.Database) -> [Cause] {
    let next = "gatehouse db status \(one.backend)"
    var all = one.warnings.map {
      Cause(.degraded, one.backend, "database \(one.backend): \($0)", next: next)
    }
    if one.writers != 1 {
      // Before the first checks nobody knows.
      let isKnown = !one.members.isEmpty
      all.insert(
        Cause(
          isKnown ? .down : .degraded, one.backend, "database \(one.backend): \(one.verdict)",
          next: next), at: 0)
    }
    return all
  }

  private static func certificate(_ one: Status.Certificate) -> Cause? {
    let why = one.problems.first.map { ": \($0)" } ?? ""
    let (severity, word): (Severity, String)
    switch one.state {
    case .ok: return nil
    case .expiring:
      let day = one.notAfter.map { String($0.formatted(.iso8601).prefix(10)) } ?? "?"
      (severity, word) = (.degraded, "expires on \(day)")
    case .expired: (severity, word) = (.down, "has expired\(why)")
    case .kept: (severity, word) = (.degraded, "is not the newest: the one before goes on\(why)")
    case .refused: (severity, word) = (.degraded, "is not served\(why)")
    }
    return Cause(
      severity, one.name, "certificate \(one.name) \(word)", next: "gatehouse cert show \(one.name)"
    )
  }

  /// From so many failures in a row on, somebody should look.
  static let renewalFailureLimit = 3

  /// Failed for a while, or what should serve is not there at all.
  private static func renewal(_ one: Status.Renewal) -> Cause? {
    guard one.failures >= (one.reason == "missing" ? 1 : renewalFailureLimit) else { return nil }
    return Cause(
      .degraded, one.certificate,
      "certificate \(one.certificate) could not be fetched \(one.failures) times",
      detail: one.lastProblem ?? "", next: "gatehouse cert renew \(one.certificate)")
  }
}
