import Firewall

extension PolicyReader {
  typealias Service = FirewallPolicy.Service

  func service(_ pair: YAMLValue.Pair, _ map: MapReader) -> Service {
    var service = Service(
      name: pair.key, listen: ports(map, ServiceFields.listen),
      allow: references(map, ServiceFields.allow), deny: references(map, ServiceFields.deny),
      place: pair.place)
    service.trustedProxies = references(map, ServiceFields.trustedProxies)
    service.log =
      map.choice(ServiceFields.log).flatMap(FirewallPolicy.LogChoice.init) ?? service.log
    if let section = map.section(ServiceFields.limit, ServiceLimitFields.section) {
      service.limit = limit(section)
    }
    if let section = map.section(ServiceFields.schedule, ScheduleFields.section) {
      service.schedule = schedule(section)
    }
    if let section = map.section(ServiceFields.ban, BanFields.section) {
      service.ban = ban(section, service)
    }
    service.http = (map.items(ServiceFields.http) ?? []).compactMap { httpRule($0, pair.key) }
    return service
  }

  func bans(_ map: MapReader) -> FirewallPolicy.Bans {
    var bans = FirewallPolicy.Bans()
    bans.never = references(map, BanFields.never)
    if let span = map.duration(BanFields.defaultFor) {
      bans.defaultSeconds = UInt64(span.components.seconds)
    }
    if let span = map.duration(BanFields.maxFor) {
      bans.longestSeconds = UInt64(span.components.seconds)
    }
    if bans.defaultSeconds > bans.longestSeconds {
      problems.error(map.place, "default_for of bans is longer than max_for; raise max_for")
    }
    return bans
  }

  private func limit(_ map: MapReader) -> FirewallPolicy.Limit? {
    var limit = FirewallPolicy.Limit()
    if let section = map.section(ServiceLimitFields.newConnections, ServiceLimitFields.rateSection)
    {
      limit.newConnections = rate(section)
      limit.newConnectionsPer = prefixes(section)
    }
    if let section = map.section(
      ServiceLimitFields.concurrent, ServiceLimitFields.concurrentSection)
    {
      limit.concurrent = section.integer(ServiceLimitFields.max).map(UInt32.init)
      limit.concurrentPer = prefixes(section)
    }
    if map[ServiceLimitFields.newConnections] == nil, map[ServiceLimitFields.concurrent] == nil {
      problems.error(map.place, "\(map.label) limits nothing; write new_connections or concurrent")
    }
    return limit
  }

  /// `50/s`: the letters are those of durations.
  private func rate(_ map: MapReader) -> FirewallPolicy.Rate? {
    guard let value = map[ServiceLimitFields.rate], let text = map.text(ServiceLimitFields.rate)
    else { return nil }
    let units: [Substring: FirewallPolicy.Rate.Unit] = [
      "s": .second, "m": .minute, "h": .hour, "d": .day, "w": .week,
    ]
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let unit = units[parts[1]], let count = Quantity.whole(parts[0]),
      (1...1_000_000).contains(count)
    else { return map.refuse(value, ServiceLimitFields.rate, "is no rate") }
    let burst = map.integer(ServiceLimitFields.burst) ?? count
    return FirewallPolicy.Rate(UInt64(count), per: unit, burst: UInt32(burst))
  }

  private func prefixes(_ map: MapReader) -> FirewallPolicy.Prefixes {
    var prefixes = FirewallPolicy.Prefixes()
    for item in map.items(ServiceLimitFields.per) ?? [] {
      guard let text = item.text("\"per\"\(map.inLabel)", problems) else { continue }
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      let number = parts.count == 2 ? Quantity.whole(parts[1]) ?? .max : .max
      switch parts[0] {
      case "ipv4" where (8...32).contains(number): prefixes.ipv4 = UInt8(number)
      case "ipv6" where (16...128).contains(number): prefixes.ipv6 = UInt8(number)
      default:
        problems.error(
          item.place,
          "per\(map.inLabel): \(item.kind) is no size of source; "
            + "allowed: ipv4/8 to ipv4/32 and ipv6/16 to ipv6/128")
      }
    }
    return prefixes
  }

  private func ban(_ map: MapReader, _ service: Service) -> FirewallPolicy.BanRule? {
    guard let value = map[BanFields.when], let text = map.text(BanFields.when) else { return nil }
    let words = text.split(separator: " ")
    guard words.count == 5, words[2] == "times", words[3] == "in",
      let cause = FirewallPolicy.BanRule.Cause(rawValue: String(words[0])),
      let times = Quantity.whole(words[1]), (1...10_000).contains(times),
      let within = TimeSpan.parse(String(words[4])), within >= .seconds(1),
      within <= .seconds(7 * 86_400)
    else { return map.refuse(value, BanFields.when, "is no rule for bans") }
    if cause == .limited, service.limit == nil {
      problems.error(
        value.place,
        "ban of service \"\(service.name)\" waits for its limit, and there is none; "
          + "add limit: { new_connections: { rate: 50/s } }")
    }
    let span = map.duration(BanFields.span)?.components.seconds
    return FirewallPolicy.BanRule(
      cause, times: UInt32(times), withinSeconds: UInt64(within.components.seconds),
      // Nil is the policy's default, which may stand further down.
      forSeconds: span.map(UInt64.init))
  }

  private func httpRule(_ item: YAMLValue, _ service: String) -> FirewallPolicy.HTTPRule? {
    let label = "http of service \"\(service)\""
    guard let map = MapReader(item, HTTPRuleFields.section, label: label, problems),
      let value = map[HTTPRuleFields.host], let host = map.text(HTTPRuleFields.host)
    else { return nil }
    guard HostPattern.parseRule(host) != nil else {
      return map.refuse(value, HTTPRuleFields.host, "is no host")
    }
    let path = map.text(HTTPRuleFields.path)
    if let path, let place = map[HTTPRuleFields.path], PathPattern.parse(path) == nil {
      return map.refuse(place, HTTPRuleFields.path, "is no path as the proxy matches it")
    }
    return FirewallPolicy.HTTPRule(
      host: host, path: path, allow: references(map, HTTPRuleFields.allow), place: item.place)
  }
}
