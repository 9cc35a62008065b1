public import Firewall

/// What each stage of the kernel's rules says of a packet, in words.
struct PolicyStages {
  typealias Stage = PolicyExplanation.Stage

  let packet: Packet
  let compiled: CompiledPolicy
  let outcome: PolicyOutcome
  private let counters: [String: LiveRuleset.Count]
  private let dropped: KernelDenials.Source?

  /// `dropped`: what the kernel dropped of the source lately.
  init(
    of packet: Packet, by compiled: CompiledPolicy, counters: [String: LiveRuleset.Count] = [:],
    dropped: KernelDenials.Source? = nil
  ) {
    self.packet = packet
    self.compiled = compiled
    self.counters = counters
    self.dropped = dropped
    outcome = compiled.verdict.verdict(packet, at: compiled.time)
  }

  private var policy: FirewallPolicy { compiled.policy }

  var management: Stage {
    guard let management = policy.management else {
      return Stage(name: "management", result: .no, detail: "there is none")
    }
    if outcome == .allowedByManagement {
      return decided("management", .allow, covering(management.from), management.place)
    }
    let ports = management.to.map(\.description).joined(separator: ", ")
    let why =
      covers(management.from) ? "is for \(ports)" : lacking(management.from)
    return Stage(name: "management", result: .no, detail: why)
  }

  func ban(_ ban: KernelBans.Ban?) -> Stage {
    guard let ban else { return Stage(name: "bans", result: .no, detail: "not banned") }
    return Stage(
      name: "bans", result: .deny, detail: "\(ban.network) is banned for \(ban.secondsLeft) s more",
      counter: "r_ban", hits: counters["r_ban"]?.packets)
  }

  var deny: Stage {
    guard outcome == .deniedByDeny else {
      return Stage(
        name: "deny", result: .no,
        detail: policy.deny.isEmpty ? "there is none" : lacking(policy.deny) + denyExtent)
    }
    return decided("deny", .deny, covering(policy.deny), policy.deny.first?.place)
  }

  /// How much deny holds that does not stand in it address by address, and what of it is nearest.
  private var denyExtent: String {
    guard policy.deny.contains(where: \.isGroup) else { return "" }
    let denied = compiled.verdict.policy.deny.remaining(at: compiled.time)
    let count = "\(denied.ipv4.count + denied.ipv6.count) interval(s)"
    guard let nearest = denied.nearest(to: packet.source) else { return ": \(count)" }
    return ": \(count), the nearest \(nearest)"
  }

  var service: [Stage] {
    if outcome == .deniedByDeny || outcome == .deniedByPanic { return [] }
    guard let name = serviceName, let service = policy.services.first(where: { $0.name == name })
    else { return [decided("default", .deny, "no service listens there", nil)] }
    switch outcome {
    case .deniedByService: return [decided(name, .deny, covering(service.deny), service.place)]
    case .deniedBySchedule:
      let hours = service.schedule?.text ?? ""
      return [decided(name, .deny, "closed: open \(hours)", service.place)]
    case .deniedByAllow:
      return [decided(name, .deny, "allow: \(lacking(service.allow))", service.place)]
    case .allowedAsTrustedProxy:
      return [decided(name, .allow, covering(service.trustedProxies), service.place)]
    case .allowedByService:
      let all = service.allow + service.http.flatMap(\.allow)
      let stage = decided(name, .allow, covering(all), service.place)
      return [stage] + (service.limit.map { [limit($0, service)] } ?? [])
    case .allowedAsEssential, .allowedByManagement, .deniedByDeny, .deniedByPanic,
      .deniedByDefault:
      return []
    }
  }

  private func limit(_ limit: FirewallPolicy.Limit, _ service: FirewallPolicy.Service) -> Stage {
    let rate = limit.newConnections.map {
      "\($0.count) new a \($0.unit), \($0.burst) at once"
    }
    let most = limit.concurrent.map { "\($0) open at a time" }
    let text = [rate, most].compactMap(\.self).joined(separator: "; ")
    let counter = outcome.counter.map { "\($0.dropLast("allow".count))limited" }
    let hits = counter.flatMap { counters[$0]?.packets }
    var stage = Stage(
      name: "limit", result: .depends, detail: text,
      place: "\(service.place.file):\(service.place.line)", counter: counter, hits: hits)
    // The kernel notes whom it dropped, not why: where this limit has dropped nobody, it was another rule.
    guard let dropped, let hits, hits > 0 else { return stage }
    let whose = packet.source.isIPv6 ? "its /64" : "it"
    let what = policy.mode == .audit ? "would have been dropped" : "were dropped"
    stage.result = .over
    stage.detail +=
      ": \(dropped.packets) packet(s) of \(whose) \(what), the last \(dropped.secondsAgo) s ago"
    return stage
  }

  private var serviceName: String? {
    switch outcome {
    case .allowedByService(let name), .allowedAsTrustedProxy(let name), .deniedByService(let name),
      .deniedBySchedule(let name), .deniedByAllow(let name):
      name
    case .allowedAsEssential, .allowedByManagement, .deniedByDeny, .deniedByPanic,
      .deniedByDefault:
      nil
    }
  }

  var advice: String {
    switch outcome {
    case .deniedByDeny: "To allow: take it out of what deny names; deny beats every allow"
    case .deniedByPanic: "To allow: gatehouse panic off"
    case .deniedByService(let name): "To allow: take it out of services.\(name).deny"
    case .deniedBySchedule(let name): "To allow: change services.\(name).schedule"
    case .deniedByAllow(let name):
      if let group = groups.first {
        "To allow: add `\(group)` to services.\(name).allow"
      } else {
        """
        To allow: add \(packet.source) to services.\(name).allow, or for a while:
          gatehouse allow add \(packet.source) --to \(name) --for 2h --reason WHY --owner WHO
        """
      }
    case .deniedByDefault: "To allow: add a service that listens there"
    case .allowedAsEssential, .allowedByManagement, .allowedByService, .allowedAsTrustedProxy: ""
    }
  }

  // MARK: Who covers it

  private func decided(
    _ name: String, _ result: PolicyExplanation.Result, _ detail: String, _ place: SourcePlace?
  ) -> Stage {
    Stage(
      name: name, result: result, detail: detail, place: place.map { "\($0.file):\($0.line)" },
      counter: outcome.counter, hits: outcome.counter.flatMap { counters[$0]?.packets })
  }

  private func lacking(_ references: [FirewallPolicy.Reference]) -> String {
    "\(names(references)) \(references.count > 1 ? "do" : "does") not cover it"
  }

  private func names(_ references: [FirewallPolicy.Reference]) -> String {
    references.isEmpty ? "nobody" : references.map(\.text).joined(separator: ", ")
  }

  private func covers(_ references: [FirewallPolicy.Reference]) -> Bool {
    references.contains(where: covers)
  }

  private func covers(_ reference: FirewallPolicy.Reference) -> Bool {
    switch reference.target {
    case .any: true
    case .network(let network): AddressSet(network).contains(packet.source, at: compiled.time)
    case .group(let name): sets[name]?.contains(packet.source, at: compiled.time) ?? false
    }
  }

  private var sets: [String: AddressSet] { compiled.groups }

  /// Groups that hold it, smallest first.
  private var groups: [String] {
    policy.groups.map(\.name).filter {
      sets[$0]?.contains(packet.source, at: compiled.time) ?? false
    }
  }

  /// `allow: vendors (203.0.113.64/27, alice, until 2026-12-31, OPS-123)`: every entry that covers it,
  /// the most specific first.
  private func covering(_ references: [FirewallPolicy.Reference]) -> String {
    references.filter(covers).map { reference in
      guard case .group(let name) = reference.target else { return reference.text }
      let entries = entries(of: name, depth: 0)
      return entries.isEmpty ? name : "\(name) (\(entries.joined(separator: "; ")))"
    }.joined(separator: ", ")
  }

  /// The entries that a decision stands on, the most specific of each group first.
  var entries: [Stage] {
    decidingReferences.filter(covers).flatMap { reference -> [Stage] in
      guard case .group(let name) = reference.target else {
        let what = "named by itself: \(reference.text)"
        return [Stage(name: "entry", result: .ok, detail: what, place: reference.place.inFile)]
      }
      return entryStages(of: name, depth: 0)
    }
  }

  private var decidingReferences: [FirewallPolicy.Reference] {
    let service = serviceName.flatMap { name in policy.services.first { $0.name == name } }
    return switch outcome {
    case .allowedByManagement: policy.management?.from ?? []
    case .deniedByDeny: policy.deny
    case .deniedByService: service?.deny ?? []
    case .allowedAsTrustedProxy: service?.trustedProxies ?? []
    case .allowedByService: (service?.allow ?? []) + (service?.http.flatMap(\.allow) ?? [])
    case .allowedAsEssential, .deniedByPanic, .deniedBySchedule, .deniedByAllow, .deniedByDefault:
      []
    }
  }

  private func entryStages(of name: String, depth: Int) -> [Stage] {
    guard depth < 16, let group = policy.groups.first(where: { $0.name == name }) else { return [] }
    let own = group.entries.filter {
      AddressSet($0.network, until: $0.until).contains(packet.source, at: compiled.time)
    }.sorted { $0.network.prefix > $1.network.prefix }.map {
      Stage(
        name: "entry", result: .ok, detail: "of group \(name): \($0.text)", place: $0.place.inFile)
    }
    let inner = group.include.filter(covers).flatMap { reference -> [Stage] in
      guard case .group(let inner) = reference.target else { return [] }
      return entryStages(of: inner, depth: depth + 1)
    }
    return own + inner
  }

  private func entries(of name: String, depth: Int) -> [String] {
    guard depth < 16, let group = policy.groups.first(where: { $0.name == name }) else { return [] }
    var found: [(prefix: UInt8, text: String)] = group.entries.filter {
      AddressSet($0.network, until: $0.until).contains(packet.source, at: compiled.time)
    }.map { ($0.network.prefix, $0.text) }
    found.sort { $0.prefix > $1.prefix }
    var texts = found.map(\.text)
    if let feed = group.feed, feed.addresses.contains(packet.source, at: compiled.time) {
      texts.append("\(feed.path), one of \(feed.entryCount) entries")
    }
    for reference in group.include where covers(reference) {
      if case .group(let inner) = reference.target {
        texts += entries(of: inner, depth: depth + 1).map { "\(inner): \($0)" }
      } else {
        texts.append(reference.text)
      }
    }
    return texts
  }
}

extension CompiledPolicy {
  /// Each group's addresses.
  fileprivate var groups: [String: AddressSet] { verdict.policy.groups }
}

extension FirewallPolicy.Reference {
  fileprivate var isGroup: Bool { if case .group = target { true } else { false } }

  /// As it is written.
  public var text: String {
    switch target {
    case .any: "any"
    case .group(let name): name
    case .network(let network): network.description
    }
  }
}

extension FirewallPolicy.Entry {
  fileprivate var text: String {
    var facts = ["\(network)"]
    facts += [owner, reason, ticket].compactMap(\.self)
    if let until { facts.append("until \(Moment.text(until))") }
    return facts.joined(separator: ", ")
  }
}

extension SourcePlace {
  /// As an explanation shows it: `file:line`.
  var inFile: String { "\(file):\(line)" }
}
