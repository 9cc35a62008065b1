public import Firewall

/// What a new policy would change for whom.
public struct PolicyChanges: Sendable {
  /// Addresses that gain or lose a service, or its end.
  public struct Change: Sendable {
    public var isGain: Bool
    /// A service, or `management`.
    public var service: String
    public var ports: [FirewallPolicy.Port]
    public var sources: AddressSet
    /// Of those who lose it.
    public var openConnections: Int
    /// Packets that the rule which let them in has seen.
    public var hits: UInt64?
  }
  public var changes: [Change] = []
  /// Changes that are not of addresses, such as of a limit.
  public var others: [String] = []

  public var isEmpty: Bool { changes.isEmpty && others.isEmpty }

  /// `old` nil: nothing is in force, and everybody gets everywhere.
  public init(
    from old: CompiledPolicy?, to new: CompiledPolicy, connections: [TrackedConnection],
    counters: [String: LiveRuleset.Count]
  ) {
    for port in Self.ports(old, new) {
      let before = old?.allowed(port.port) ?? AddressSet()
      let after = new.allowed(port.port)
      add(after.subtracting(before), isGain: true, port, [], counters)
      let open = connections.filter {
        $0.transport == port.port.transport
          && (port.port.first...port.port.last).contains($0.destinationPort)
      }
      add(before.subtracting(after), isGain: false, port, open, counters)
      if before != after, before.subtracting(after).isEmpty, after.subtracting(before).isEmpty {
        others.append("\(port.service) \(port.port): the ends of some entries change")
      }
    }
    addOthers(old, new)
  }

  private typealias ServedPort = (service: String, port: FirewallPolicy.Port)

  /// Every range of ports that either policy serves, cut so that no two overlap.
  private static func ports(_ old: CompiledPolicy?, _ new: CompiledPolicy) -> [ServedPort] {
    var served: [ServedPort] = []
    for policy in [new, old].compactMap(\.self) {
      let all =
        policy.policy.services.flatMap { service in service.listen.map { (service.name, $0) } }
        + (policy.policy.management?.to ?? []).map { ("management", $0) }
      for (name, port) in all where !served.contains(where: { $0.port == port }) {
        served.append((name, port))
      }
    }
    return served
  }

  private mutating func add(
    _ sources: AddressSet, isGain: Bool, _ port: ServedPort, _ open: [TrackedConnection],
    _ counters: [String: LiveRuleset.Count]
  ) {
    guard !sources.isEmpty else { return }
    let count = open.count { sources.contains($0.source, at: 0) }
    let counter =
      port.service == "management"
      ? PolicyOutcome.allowedByManagement : .allowedByService(port.service)
    if let index = changes.firstIndex(where: {
      $0.isGain == isGain && $0.service == port.service && $0.sources == sources
    }) {
      changes[index].ports.append(port.port)
      changes[index].openConnections += count
    } else {
      changes.append(
        Change(
          isGain: isGain, service: port.service, ports: [port.port], sources: sources,
          openConnections: count, hits: counter.counter.flatMap { counters[$0]?.packets }))
    }
  }

  private mutating func addOthers(_ old: CompiledPolicy?, _ new: CompiledPolicy) {
    guard let old else { return }
    if old.policy.mode != new.policy.mode {
      others.append("mode: \(old.policy.mode) becomes \(new.policy.mode)")
    }
    if old.policy.protect != new.policy.protect {
      others.append(
        "protect: \(old.policy.protect.rawValue) becomes \(new.policy.protect.rawValue)")
    }
    if old.policy.isPanic != new.policy.isPanic {
      others.append("panic: \(new.policy.isPanic ? "on" : "off")")
    }
    for service in new.policy.services {
      guard let before = old.policy.services.first(where: { $0.name == service.name }) else {
        continue
      }
      let parts: [(String, Bool)] = [
        ("limit", before.limit != service.limit), ("ban", before.ban != service.ban),
        ("schedule", before.schedule?.text != service.schedule?.text),
        ("log", before.log != service.log),
        ("http", old.requests(service.name) != new.requests(service.name)),
      ]
      for (name, isChanged) in parts where isChanged {
        others.append("\(service.name): \(name) changes")
      }
    }
    if isEmpty, old.digest != new.digest { others.append("rules for requests or bans change") }
  }
}

extension CompiledPolicy {
  /// Host, path and sources of each rule for requests of a service, as they are written.
  fileprivate func requests(_ service: String) -> [String] {
    (policy.services.first { $0.name == service }?.http ?? []).map {
      "\($0.host) \($0.path ?? "") \($0.allow.map(\.text))"
    }
  }

  fileprivate func allowed(_ port: FirewallPolicy.Port) -> AddressSet {
    verdict.allowedSources(port.transport, port: port.first).remaining(at: time)
  }
}
