internal import Firewall

/// What a new policy changes beside who may connect: a line each.
struct SettingChanges {
  private(set) var lines: [String] = []
  private let old: CompiledPolicy
  private let new: CompiledPolicy
  /// Entries whose other ends are told elsewhere.
  private let told: AddressSet

  init(from old: CompiledPolicy, to new: CompiledPolicy, told: AddressSet) {
    self.old = old
    self.new = new
    self.told = told
    compareWhole()
    compareLists()
    compareServices()
  }

  private mutating func compareWhole() {
    let (before, after) = (old.policy, new.policy)
    if before.mode != after.mode {
      let meaning =
        after.mode == .audit
        ? "everybody gets in, what would be denied is counted"
        : "whom the policy denies gets in no more"
      lines.append("mode: \(before.mode.rawValue) becomes \(after.mode.rawValue): \(meaning)")
    }
    tell("panic", before.isPanic ? "on" : "off", after.isPanic ? "on" : "off")
    tell("protect", before.protect.rawValue, after.protect.rawValue)
    tell(
      "existing_connections", before.existingConnections.rawValue,
      after.existingConnections.rawValue)
    tell("on_drift", before.onDrift.rawValue, after.onDrift.rawValue)
    let (bans, newBans) = (before.bans, after.bans)
    tell("bans.default_for", bans.defaultSeconds.spanText, newBans.defaultSeconds.spanText)
    tell("bans.max_for", bans.longestSeconds.spanText, newBans.longestSeconds.spanText)
  }

  private mutating func compareLists() {
    tell(
      "deny", from: old.verdict.policy.deny, to: new.verdict.policy.deny,
      gain: "nothing but management", loss: "denied everywhere no more")
    let before = old.sources(old.policy.bans.never)
    let after = new.sources(new.policy.bans.never)
    // Management and trusted proxies are never banned, whatever the list says.
    let beside = old.verdict.policy.neverBanned.subtracting(before)
    let besideNew = new.verdict.policy.neverBanned.subtracting(after)
    tell(
      "bans.never", from: before.subtracting(besideNew), to: after.subtracting(beside),
      gain: "never banned", loss: "may be banned")
  }

  private mutating func compareServices() {
    let before = Dictionary(old.services.map { ($0.name, $0) }) { first, _ in first }
    var names: Set<String> = []
    for service in new.services {
      names.insert(service.name)
      if before[service.name] == nil { lines.append("\(service.name): is a new service") }
      compare(before[service.name] ?? ServiceTerms(blank: service), service)
    }
    for service in old.services where !names.contains(service.name) {
      lines.append("\(service.name): is no service any more")
    }
  }

  private mutating func compare(_ before: ServiceTerms, _ after: ServiceTerms) {
    let name = after.name
    let (one, other) = (before.written, after.written)
    tell("\(name): limit", one.limit?.text ?? "none", other.limit?.text ?? "none")
    tell("\(name): ban", one.ban?.text ?? "none", other.ban?.text ?? "none")
    tell(
      "\(name): schedule", one.schedule?.text ?? "always open",
      other.schedule?.text ?? "always open")
    tell("\(name): log", one.log.rawValue, other.log.rawValue)
    tell(
      "\(name): trusted_proxies", from: before.resolved.trustedProxies,
      to: after.resolved.trustedProxies,
      gain: "believed about who is behind them, free of limits and bans",
      loss: "believed no more, limits and bans hold for them")
    if !one.http.isEmpty || !other.http.isEmpty { compareRequests(before, after) }
  }

  /// What the proxy asks, also about clients behind trusted proxies, whom the kernel does not see.
  private mutating func compareRequests(_ before: ServiceTerms, _ after: ServiceTerms) {
    let name = after.name
    tell(
      "\(name): deny", from: before.resolved.deny, to: after.resolved.deny, gain: "denied",
      loss: "denied no more")
    tell(
      "\(name): requests that no http rule names", from: before.resolved.others,
      to: after.resolved.others, gain: "allowed", loss: "allowed no more")
    let rules = before.rules
    let newRules = after.rules
    for rule in Set(rules.keys).union(newRules.keys).sorted() {
      switch (rules[rule], newRules[rule]) {
      case (let was?, let allowed?):
        tell(
          "\(name): http \(rule)", from: was, to: allowed, gain: "allowed", loss: "allowed no more")
      case (nil, let allowed?):
        lines.append("\(name): http \(rule): is new, allows \(allowed.text)")
      case (let was?, nil):
        lines.append("\(name): http \(rule): is removed, allowed \(was.text)")
      case (nil, nil): break
      }
    }
  }

  private mutating func tell(_ name: String, _ before: String, _ after: String) {
    guard before != after else { return }
    lines.append("\(name): \(before) becomes \(after)")
  }

  /// Who joins, who leaves, and what that means for them.
  private mutating func tell(
    _ name: String, from before: AddressSet, to after: AddressSet, gain: String, loss: String
  ) {
    let before = before.remaining(at: old.time)
    let after = after.remaining(at: new.time)
    let gained = after.subtracting(before)
    let lost = before.subtracting(after)
    let ends = before.endingApart(from: after).subtracting(told)
    var parts: [String] = []
    if !gained.isEmpty { parts.append("+ \(gained.text) (\(gain))") }
    if !lost.isEmpty { parts.append("- \(lost.text) (\(loss))") }
    if !ends.isEmpty { parts.append("the ends of \(ends.text) change") }
    guard !parts.isEmpty else { return }
    lines.append("\(name): \(parts.joined(separator: "; "))")
  }
}

/// A service as it is written, and with its names resolved.
private struct ServiceTerms {
  let written: FirewallPolicy.Service
  let resolved: ResolvedPolicy.Service

  var name: String { written.name }

  init(_ written: FirewallPolicy.Service, _ resolved: ResolvedPolicy.Service) {
    self.written = written
    self.resolved = resolved
  }

  /// Of the same name, with nothing in it.
  init(blank service: ServiceTerms) {
    self.init(
      FirewallPolicy.Service(
        name: service.name, listen: [], allow: [], place: service.written.place),
      ResolvedPolicy.Service(name: service.name, listen: [], allow: AddressSet()))
  }

  /// By host and path; where several rules are for the same, all of them must allow a request.
  var rules: [String: AddressSet] {
    let names = written.http.map { "\($0.host.lowercased())\($0.path ?? "/**")" }
    return Dictionary(zip(names, resolved.http)) { $0.intersection($1) }
  }
}

extension CompiledPolicy {
  fileprivate var services: [ServiceTerms] {
    zip(policy.services, verdict.policy.services).map { ServiceTerms($0, $1) }
  }

  /// Whom a list names.
  fileprivate func sources(_ references: [FirewallPolicy.Reference]) -> AddressSet {
    var sources = AddressSet()
    for reference in references {
      switch reference.target {
      case .any: return .any
      case .network(let network): sources = sources.union(AddressSet(network))
      case .group(let name): sources = sources.union(verdict.policy.groups[name] ?? AddressSet())
      }
    }
    return sources
  }
}

// MARK: Settings as a person reads them

extension FirewallPolicy.Limit {
  fileprivate var text: String {
    var parts: [String] = []
    if let rate = newConnections {
      parts.append(
        "\(rate.count) new a \(rate.unit), burst \(rate.burst), per \(newConnectionsPer.text)")
    }
    if let concurrent { parts.append("\(concurrent) at a time per \(concurrentPer.text)") }
    return parts.isEmpty ? "none" : parts.joined(separator: "; ")
  }
}

extension FirewallPolicy.Prefixes {
  fileprivate var text: String { "ipv4/\(ipv4) and ipv6/\(ipv6)" }
}

extension FirewallPolicy.BanRule {
  fileprivate var text: String {
    let span = forSeconds.map(\.spanText) ?? "bans.default_for"
    return "\(cause.rawValue) \(times) times in \(withinSeconds.spanText), for \(span)"
  }
}

extension UInt64 {
  /// So many seconds as a policy writes them.
  fileprivate var spanText: String {
    for (name, seconds) in [("d", UInt64(86_400)), ("h", 3600), ("m", 60)]
    where self > 0 && self % seconds == 0 { return "\(self / seconds)\(name)" }
    return "\(self)s"
  }
}
