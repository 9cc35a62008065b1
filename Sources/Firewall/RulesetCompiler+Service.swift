/// What becomes of packets to a service's ports: its deny, its hours, its allow, its limits.
///
/// ```
/// svc_NAME: deny -> drop | closed -> drop | trusted -> accept | allow -> lim_NAME or accept | drop
/// lim_NAME: over a limit -> over_NAME | no room to count the source -> a common limit | accept
/// over_NAME: never banned -> drop | the Nth time -> banned, drop | drop
/// ```
/// Limits are asked after `allow`: those who are not let in anyway must not use up their memory.
extension RulesetCompiler {
  mutating func add(_ service: ResolvedPolicy.Service) {
    let names = ServiceNames(Self.identifier(service.name))
    if service.log != .none || policy.isOnTrial {
      let log = logged("\(service.name) denied", if: true)
      let rules = log + [[.verdict(denial)]]
      ruleset.chains.append(Chain(name: names.refused, rules: rules))
    }
    let refusal: Verdict =
      service.log != .none || policy.isOnTrial ? .jump(names.refused) : denial
    func refused(_ compiler: inout RulesetCompiler, _ end: String) -> [Expression] {
      compiler.counted(names.counter(end)) + [.verdict(refusal)]
    }
    var rules = self.rules(names.deny, service.deny) { refused(&$0, "deny") }
    if let schedule = service.schedule {
      rules.append(isClosed(schedule, names) + refused(&self, "closed"))
    }
    rules += self.rules(names.trusted, service.trustedProxies) {
      $0.counted(names.counter("trusted")) + [.verdict(.accept)]
    }
    let accept = accept(service, names)
    rules += self.rules(names.allow, service.allow) {
      service.limit == nil
        ? $0.counted(names.counter("allow")) + [.verdict(accept)]
        : [.verdict(.jump(names.limits))]
    }
    rules.append(refused(&self, "default"))
    ruleset.chains.append(Chain(name: names.service, rules: rules))
    if service.log == .all {
      let log = logged("\(service.name) allowed", if: true)
      ruleset.chains.append(Chain(name: names.accepted, rules: log + [[.verdict(.accept)]]))
    }
    if let limit = service.limit { addLimits(limit, service, names, refusal) }
  }

  private func accept(
    _ service: ResolvedPolicy.Service, _ names: ServiceNames
  ) -> Verdict {
    service.log == .all ? .jump(names.accepted) : .accept
  }

  /// Matches outside the windows, whatever the time zone of the machine.
  private mutating func isClosed(_ schedule: Schedule, _ names: ServiceNames) -> Rule {
    let second: UInt128 = 1_000_000_000
    let windows = schedule.windows.filter { 0 <= $0.opens && $0.opens <= $0.closes }
    let elements = windows.map {
      SetElement(first: UInt128($0.opens) * second, last: UInt128($0.closes) * second)
    }
    ruleset.sets.append(NamedSet(name: names.hours, key: .time, elements: elements))
    return [.meta(.time), .toNetworkOrder, .lookup(set: names.hours, isInverted: true)]
  }

  private mutating func addLimits(
    _ limit: FirewallPolicy.Limit, _ service: ResolvedPolicy.Service, _ names: ServiceNames,
    _ refusal: Verdict
  ) {
    // Of sources that were revoked once, which are judged packet by packet: these begin nothing.
    var rules: [Rule] = [
      Expression.connection(in: Expression.establishedOrRelated) + [.verdict(.accept)]
    ]
    for family in [Expression.Family.ipv4, .ipv6] {
      if let rate = limit.newConnections {
        let prefix = limit.newConnectionsPer[family]
        let source = Expression.source(family, prefix: prefix)
        // Idle for longer than a bucket needs to fill up, a source is as good as unknown.
        let refill = UInt64(rate.burst) * rate.unit.rawValue / max(1, rate.count) + 1
        let set = addMeter(names.meter(family, rate, prefix), family, timeout: max(60, refill))
        rules.append(
          source + [.element(.update, set: set, over: .rate(rate)), .verdict(.jump(names.over))])
        // A full set counts no further sources: they share one limit, so that it never fails open.
        rules.append(
          source + [.lookup(set: set, isInverted: true)] + counted(names.counter("overflow"))
            + [.limit(rate, isOver: true)] + counted(names.counter("limited"))
            + [.verdict(refusal)])
      }
      if let most = limit.concurrent {
        let source = Expression.source(family, prefix: limit.concurrentPer[family])
        let size = limit.concurrentPer[family]
        let set = addMeter("\(names.concurrent(family)).\(most).\(size)", family, timeout: nil)
        rules.append(
          source + [
            .element(.add, set: set, over: .connections(most)), .verdict(.jump(names.over)),
          ])
        rules.append(
          source + [.lookup(set: set, isInverted: true)] + counted(names.counter("limited"))
            + [.verdict(refusal)])
      }
    }
    rules.append(counted(names.counter("allow")) + [.verdict(accept(service, names))])
    ruleset.chains.append(Chain(name: names.limits, rules: rules))
    addOver(service, names, refusal)
  }

  /// More sources than this at a time share one limit.
  private static let meterSize: UInt32 = 131_072

  private mutating func addMeter(
    _ name: String, _ family: Expression.Family, timeout: UInt64?
  ) -> String {
    ruleset.sets.append(
      NamedSet(
        name: name, key: family == .ipv4 ? .ipv4 : .ipv6, isInterval: false,
        filling: .rules(size: Self.meterSize, timeoutSeconds: timeout)))
    return name
  }

  private mutating func addOver(
    _ service: ResolvedPolicy.Service, _ names: ServiceNames, _ refusal: Verdict
  ) {
    var rules: [Rule] = []
    if let ban = service.ban, ban.cause == .limited, policy.mode == .enforce {
      // An IPv6 source is banned with its /64: whoever shares one with those is spared, too.
      rules += self.rules("never", policy.neverBanned.widened(toIPv6: 64)) {
        $0.counted(names.counter("limited")) + [.verdict(refusal)]
      }
      for family in [Expression.Family.ipv4, .ipv6] {
        let source = Expression.source(family, prefix: family == .ipv6 ? 64 : nil)
        let strike = strikes(ban, family, names)
        let banned: [Expression] = [
          .ban(
            set: family == .ipv4 ? "ban4" : "ban64",
            seconds: min(ban.forSeconds ?? policy.bans.defaultSeconds, policy.bans.longestSeconds))
        ]
        rules.append(
          source + strike + banned + counted(names.counter("banned")) + [.verdict(refusal)])
      }
    }
    rules.append(counted(names.counter("limited")) + [.verdict(refusal)])
    ruleset.chains.append(Chain(name: names.over, rules: rules))
  }

  /// Goes on at the Nth time within the window, which begins with the first: the element ends with it,
  /// and a bucket that refills by one a week holds N - 1 till then.
  private mutating func strikes(
    _ ban: FirewallPolicy.BanRule, _ family: Expression.Family, _ names: ServiceNames
  ) -> [Expression] {
    guard ban.times > 1 else { return [] }
    let name = "\(names.strikes(family)).\(ban.times).\(ban.withinSeconds)"
    let set = addMeter(name, family, timeout: ban.withinSeconds)
    let rate = FirewallPolicy.Rate(1, per: .week, burst: ban.times - 1)
    return [.element(.add, set: set, over: .rate(rate))]
  }
}

extension ResolvedPolicy.Service {
  /// The set of the kernel that counts the new connections of a source, and the source's key there; nil
  /// where the service has no limit of them.
  func meter(of source: Address) -> (set: NamedSet, key: UInt128)? {
    guard let limit, let rate = limit.newConnections else { return nil }
    let family: Expression.Family = if case .ipv4 = source { .ipv4 } else { .ipv6 }
    let prefix = limit.newConnectionsPer[family]
    let name = ServiceNames(RulesetCompiler.identifier(name)).meter(family, rate, prefix)
    let set = NamedSet(
      name: name, key: family == .ipv4 ? .ipv4 : .ipv6, isInterval: false,
      filling: .rules(size: 0, timeoutSeconds: 0))
    return (set, source.network(prefix: prefix).first)
  }
}

extension FirewallPolicy.Rate {
  fileprivate var name: String { "\(count)-\(unit.rawValue)-\(burst)" }
}

extension FirewallPolicy.Prefixes {
  fileprivate subscript(_ family: Expression.Family) -> UInt8 { family == .ipv4 ? ipv4 : ipv6 }
}

/// What the parts of a service are called in the kernel.
private struct ServiceNames {
  let name: String

  init(_ name: String) { self.name = name }

  var service: String { "svc_\(name)" }
  var limits: String { "lim_\(name)" }
  var over: String { "over_\(name)" }
  var refused: String { "no_\(name)" }
  var accepted: String { "yes_\(name)" }
  var deny: String { "deny_\(name)" }
  var allow: String { "allow_\(name)" }
  var trusted: String { "trusted_\(name)" }
  /// A set's other name ends with -b, as a service's may: something has to stand behind it.
  var hours: String { "hours_\(name)_at" }

  func counter(_ end: String) -> String { "r_\(name)_\(end)" }
  /// An element keeps the limit that it was made with: another limit is another set.
  func meter(
    _ family: Expression.Family, _ rate: FirewallPolicy.Rate, _ prefix: UInt8
  ) -> String { "m_\(name)_\(digit(family)).\(rate.name).\(prefix)" }
  func concurrent(_ family: Expression.Family) -> String { "k_\(name)_\(digit(family))" }
  func strikes(_ family: Expression.Family) -> String { "s_\(name)_\(digit(family))" }

  private func digit(_ family: Expression.Family) -> String { family == .ipv4 ? "4" : "6" }
}
