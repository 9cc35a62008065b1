internal import Configuration
public import Firewall
internal import Proxy

/// Why a packet gets in or does not: every stage that it meets, in the kernel's order.
public struct PolicyExplanation: Sendable {
  public enum Result: String, Sendable, Encodable {
    case no, allow, deny, ok, skipped
  }

  public struct Stage: Sendable, Encodable {
    public var name: String
    public var result: Result
    public var detail: String
    /// `file:line` of what decided.
    public var place: String?
    /// The kernel's counter of this end, and what it has seen.
    public var counter: String?
    public var hits: UInt64?
  }
  public var outcome: PolicyOutcome
  public var stages: [Stage] = []
  /// What of the policy's lists covers the source where that decides, each with its place.
  public var entries: [Stage] = []
  /// What to do to let it in; nil when it gets in.
  public var advice: String?

  public init(
    of packet: Packet, by compiled: CompiledPolicy, banned: KernelBans.Ban? = nil,
    counters: [String: LiveRuleset.Count] = [:]
  ) {
    outcome = compiled.verdict.verdict(packet, at: compiled.time)
    let reader = Reader(packet: packet, compiled: compiled, counters: counters, outcome: outcome)
    if outcome == .allowedAsEssential {
      stages = [
        Stage(name: "essentials", result: .allow, detail: "neighbours, path MTU, a limited ping")
      ]
      return
    }
    entries = reader.entries
    stages = [reader.management]
    if outcome == .allowedByManagement { return }
    stages.append(reader.ban(banned))
    stages.append(reader.deny)
    if compiled.policy.isPanic {
      stages.append(
        Stage(name: "panic", result: .deny, detail: "only management is let in", counter: "r_panic")
      )
    }
    stages += reader.service
    advice = outcome.isAllowed ? nil : reader.advice
  }

  /// What the proxy says of a request over the connection; it asks the same rules.
  public mutating func add(
    requestTo host: String, _ path: String, _ packet: Packet, _ compiled: CompiledPolicy
  ) {
    guard case .tcp(let port) = packet.content,
      let access = PolicyRequests.access(compiled.policy, compiled.verdict, port: port),
      let service = compiled.verdict.service(.tcp, port: port),
      let rules = compiled.policy.services.first(where: { $0.name == service.name })?.http
    else {
      stages.append(Stage(name: "http", result: .ok, detail: "no rules for requests here"))
      return
    }
    guard let matching = access.matching(host: host, path: path) else {
      stages.append(
        Stage(name: "http", result: .deny, detail: "the path could be read in more than one way"))
      return
    }
    let client = IPAddress(packet.source)
    for index in matching {
      let isAllowed = access.rules[index].sources.allows(client, at: compiled.time)
      let names = rules[index].allow.map(\.text).joined(separator: ", ")
      stages.append(
        Stage(
          name: "http", result: isAllowed ? .allow : .deny,
          detail: "\(rules[index].host) \(rules[index].path ?? "/**") allow: \(names)",
          place: "\(rules[index].place.file):\(rules[index].place.line)"))
      if !isAllowed {
        advice = "To allow: add its group to services.\(service.name).http[\(index)].allow"
      }
    }
    guard matching.isEmpty else { return }
    let isAllowed = access.others.allows(client, at: compiled.time)
    stages.append(
      Stage(
        name: "http", result: isAllowed ? .allow : .deny,
        detail: "no rule for requests names it; allow of the service decides",
        place: compiled.policy.services.first { $0.name == service.name }.map {
          "\($0.place.file):\($0.place.line)"
        }))
  }

  /// The verdict in a line.
  public var sentence: String {
    guard let stage = stages.first(where: { $0.result == .deny }) else {
      return outcome.sentence.capitalizedVerdict
    }
    switch stage.name {
    case "bans": return "DENIED by a ban"
    case "http": return "DENIED by the proxy (http); the kernel lets the connection in"
    default: return outcome.sentence.capitalizedVerdict
    }
  }

  /// Whether it gets in, bans counted.
  public var isAllowed: Bool { outcome.isAllowed && !stages.contains { $0.result == .deny } }
}

private struct Reader {
  typealias Stage = PolicyExplanation.Stage

  let packet: Packet
  let compiled: CompiledPolicy
  let counters: [String: LiveRuleset.Count]
  let outcome: PolicyOutcome

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
        detail: policy.deny.isEmpty ? "there is none" : lacking(policy.deny))
    }
    return decided("deny", .deny, covering(policy.deny), policy.deny.first?.place)
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
    let counter = "r_\(service.name)_limited"
    return Stage(
      name: "limit", result: .ok,
      detail: [rate, most].compactMap(\.self).joined(separator: "; "),
      place: "\(service.place.file):\(service.place.line)", counter: counter,
      hits: counters[counter]?.packets)
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

extension String {
  fileprivate var capitalizedVerdict: String {
    let word = prefix { $0.isLetter }
    return word.uppercased() + dropFirst(word.count)
  }
}

extension SourcePlace {
  /// As an explanation shows it: `file:line`.
  var inFile: String { "\(file):\(line)" }
}
