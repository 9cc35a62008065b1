internal import Firewall

/// Who gains and who loses the way to which ports.
struct AccessChanges {
  typealias Change = PolicyChanges.Change
  typealias Port = FirewallPolicy.Port

  private(set) var changes: [Change] = []
  /// What changes for those who get in before and after.
  private(set) var lines: [String] = []
  private let old: CompiledPolicy?
  private let new: CompiledPolicy
  private let connections: [TrackedConnection]
  private let counters: [String: LiveRuleset.Count]
  /// Entries whose other ends are told elsewhere.
  private let told: AddressSet

  init(
    from old: CompiledPolicy?, to new: CompiledPolicy, connections: [TrackedConnection],
    counters: [String: LiveRuleset.Count], told: AddressSet
  ) {
    self.old = old
    self.new = new
    self.connections = connections
    self.counters = counters
    self.told = told
    for ports in Situation.groups(old, new) { judge(ports) }
    sort()
  }

  /// Ports that both policies judge alike: the first stands for all.
  private mutating func judge(_ ports: [Port]) {
    guard let port = ports.first else { return }
    let before = Access(old, port)
    let after = Access(new, port)
    add(after.all.subtracting(before.all), isGain: true, after, ports)
    add(before.all.subtracting(after.all), isGain: false, before, ports)
    guard old != nil else { return }
    addLines(before, after, PortPieces.joined(ports).text)
  }

  /// `access`: by what they get in, or got in.
  private mutating func add(
    _ sources: AddressSet, isGain: Bool, _ access: Access, _ ports: [Port]
  ) {
    guard !sources.isEmpty else { return }
    let managed = sources.intersection(access.management)
    add(managed, isGain: isGain, to: "management", .allowedByManagement, ports)
    guard let service = access.service else { return }
    let served = sources.subtracting(access.management)
    let isTrusted = served.subtracting(service.trustedProxies).isEmpty
    add(
      served, isGain: isGain, to: service.name,
      isTrusted ? .allowedAsTrustedProxy(service.name) : .allowedByService(service.name), ports)
  }

  private mutating func add(
    _ sources: AddressSet, isGain: Bool, to service: String, _ outcome: PolicyOutcome,
    _ ports: [Port]
  ) {
    guard !sources.isEmpty else { return }
    let open = isGain ? 0 : openConnections(from: sources, to: ports)
    if let index = changes.firstIndex(where: {
      $0.isGain == isGain && $0.service == service && $0.sources == sources
    }) {
      changes[index].ports = PortPieces.joined(changes[index].ports + ports)
      changes[index].openConnections += open
      return
    }
    var change = Change(
      isGain: isGain, service: service, ports: PortPieces.joined(ports), sources: sources,
      openConnections: open, hits: nil)
    if !isGain, let counter = outcome.counter { change.hits = counters[counter]?.packets }
    changes.append(change)
  }

  private func openConnections(from sources: AddressSet, to ports: [Port]) -> Int {
    connections.count { connection in
      guard let transport = connection.transport,
        // At the input hook its port is another one by then, and no business of ours.
        !connection.isRedirected || new.policy.protect == .hostAndPublished,
        ports.contains(where: { $0.covers(transport, connection.destinationPort) })
      else { return false }
      return sources.contains(connection.source, at: 0)
    }
  }

  private mutating func addLines(_ before: Access, _ after: Access, _ ports: String) {
    if let one = before.service?.name, let other = after.service?.name, one != other {
      lines.append("\(ports): was of service \(one), is of service \(other)")
    }
    let raised = after.management.subtracting(before.management).intersection(before.all)
    if !raised.isEmpty {
      lines.append(
        "management \(ports): + \(raised.text) (got in before, too; now beyond deny and bans)")
    }
    let lowered = before.management.subtracting(after.management).intersection(after.all)
    if !lowered.isEmpty {
      lines.append(
        "management \(ports): - \(lowered.text) (still gets in, but deny and bans reach it)")
    }
    let ends = before.all.endingApart(from: after.all).subtracting(told)
    if !ends.isEmpty {
      let name = after.service?.name ?? "management"
      lines.append("\(name) \(ports): the ends of \(ends.text) change")
    }
  }

  /// In the order of the policies' services, management last.
  private mutating func sort() {
    var names = new.policy.services.map(\.name)
    if let old { names += old.policy.services.map(\.name) }
    names.append("management")
    let byName = Dictionary(grouping: changes) { $0.service }
    var seen: Set<String> = []
    changes = []
    for name in names where seen.insert(name).inserted { changes += byName[name] ?? [] }
  }
}

/// By what both policies judge a port.
private struct Situation: Hashable {
  struct Rules: Hashable {
    let service: String?
    let isManaged: Bool

    init(_ policy: CompiledPolicy, _ port: FirewallPolicy.Port) {
      service = policy.verdict.service(port.transport, port: port.first)?.name
      let managed = policy.verdict.policy.management?.ports ?? []
      isManaged = managed.contains { $0.covers(port.transport, port.first) }
    }
  }
  let before: Rules?
  let after: Rules

  /// All ports that either policy serves, those of one situation together: of thousands, each set of
  /// addresses is worked out once.
  static func groups(
    _ old: CompiledPolicy?, _ new: CompiledPolicy
  ) -> [[FirewallPolicy.Port]] {
    var ranges = new.servedPorts
    if let old { ranges += old.servedPorts }
    var order: [Situation] = []
    var groups: [Situation: [FirewallPolicy.Port]] = [:]
    for piece in PortPieces.cut(ranges) {
      let situation = Situation(before: old.map { Rules($0, piece) }, after: Rules(new, piece))
      if groups[situation] == nil { order.append(situation) }
      groups[situation, default: []].append(piece)
    }
    return order.compactMap { groups[$0] }
  }
}

/// Who may connect to a port, and by what, in one policy.
private struct Access {
  var service: ResolvedPolicy.Service?
  var management = AddressSet()
  /// By the service or as management.
  var all = AddressSet()

  init(_ policy: CompiledPolicy?, _ port: FirewallPolicy.Port) {
    guard let policy else { return }
    let (verdict, time) = (policy.verdict, policy.time)
    service = verdict.service(port.transport, port: port.first)
    management = verdict.managementSources(port.transport, port: port.first).remaining(at: time)
    all = verdict.allowedSources(port.transport, port: port.first).remaining(at: time)
  }
}

extension CompiledPolicy {
  /// Whatever services or management listen for.
  fileprivate var servedPorts: [FirewallPolicy.Port] {
    let management = verdict.policy.management?.ports ?? []
    return verdict.policy.services.flatMap(\.listen) + management
  }
}
