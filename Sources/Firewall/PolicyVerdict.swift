/// Why a policy can't be evaluated: the errors among its findings.
public struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
  public let findings: [Finding]

  public var description: String { findings.map(\.description).joined(separator: "\n") }
}

/// A packet that begins a connection, as far as a policy looks at it.
public struct Packet: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    case tcp(port: UInt16)
    case udp(port: UInt16, from: UInt16?)
    case icmp(type: UInt8)
    case icmpv6(type: UInt8)
    /// Any other protocol, by its number.
    case other(UInt8)
  }
  public var source: Address
  public var content: Content
  /// Of IPv6; routers on the way make it less than 255.
  public var hopLimit: UInt8

  public init(from source: Address, _ content: Content, hopLimit: UInt8 = 64) {
    self.source = source
    self.content = content
    self.hopLimit = hopLimit
  }

  /// What services and management listen for.
  var port: (transport: FirewallPolicy.Port.Transport, number: UInt16)? {
    switch content {
    case .tcp(let port): (.tcp, port)
    case .udp(let port, _): (.udp, port)
    case .icmp, .icmpv6, .other: nil
    }
  }
}

/// What becomes of a new connection, and by which part of the policy.
public enum PolicyOutcome: Sendable, Equatable {
  /// Neighbours, path MTU, a limited ping: no policy may cut them.
  case allowedAsEssential
  case allowedByManagement
  case allowedByService(String)
  /// To a service that takes its word for who is behind it.
  case allowedAsTrustedProxy(String)
  case deniedByDeny
  case deniedByPanic
  case deniedByService(String)
  /// Outside the service's hours.
  case deniedBySchedule(String)
  /// A service listens there, and does not allow the source.
  case deniedByAllow(String)
  /// Nothing listens there.
  case deniedByDefault

  public var isAllowed: Bool {
    switch self {
    case .allowedAsEssential, .allowedByManagement, .allowedByService, .allowedAsTrustedProxy: true
    case .deniedByDeny, .deniedByPanic, .deniedByService, .deniedBySchedule, .deniedByAllow,
      .deniedByDefault:
      false
    }
  }

  /// As in "it is allowed by management".
  public var sentence: String {
    switch self {
    case .allowedAsEssential: "allowed, as what no policy may cut"
    case .allowedByManagement: "allowed by management"
    case .allowedByService(let name): "allowed by service \"\(name)\""
    case .allowedAsTrustedProxy(let name): "allowed as a trusted proxy of service \"\(name)\""
    case .deniedByDeny: "denied by deny"
    case .deniedByPanic: "denied: panic is on"
    case .deniedByService(let name): "denied by deny of service \"\(name)\""
    case .deniedBySchedule(let name): "denied: service \"\(name)\" is closed at that hour"
    case .deniedByAllow(let name): "denied: service \"\(name)\" does not allow it"
    case .deniedByDefault: "denied: no service listens there"
    }
  }

  /// The kernel's counter of what ends so; nil for what is not counted.
  public var counter: String? {
    func named(_ service: String, _ end: String) -> String {
      "r_\(RulesetCompiler.identifier(service))_\(end)"
    }
    return switch self {
    case .allowedAsEssential: nil
    case .allowedByManagement: "r_management"
    case .allowedByService(let name): named(name, "allow")
    case .allowedAsTrustedProxy(let name): named(name, "trusted")
    case .deniedByDeny: "r_deny"
    case .deniedByPanic: "r_panic"
    case .deniedByService(let name): named(name, "deny")
    case .deniedBySchedule(let name): named(name, "closed")
    case .deniedByAllow(let name): named(name, "default")
    case .deniedByDefault: "r_default"
    }
  }
}

/// A policy as a pure function: the same for the kernel's rules, the proxy and explanations.
public struct PolicyVerdict: Sendable {
  public let policy: ResolvedPolicy

  /// Throws what is wrong with the policy, if anything is.
  public init(_ policy: FirewallPolicy, at now: Int64 = 0) throws(PolicyError) {
    let errors = PolicyChecks.findings(of: policy, at: now).filter { $0.severity == .error }
    guard errors.isEmpty else { throw PolicyError(findings: errors) }
    self.policy = ResolvedPolicy(policy)
  }

  /// Without checks: of a policy that has passed them.
  public init(_ policy: ResolvedPolicy) { self.policy = policy }

  /// The kernel's order: essentials, management, deny, panic, the service that listens.
  public func verdict(_ packet: Packet, at time: Int64) -> PolicyOutcome {
    if packet.isEssential { return .allowedAsEssential }
    let port = packet.port
    if let management = policy.management, let port,
      management.ports.contains(where: { $0.covers(port.transport, port.number) }),
      management.sources.contains(packet.source, at: time)
    {
      return .allowedByManagement
    }
    if policy.deny.contains(packet.source, at: time) { return .deniedByDeny }
    if policy.isPanic { return .deniedByPanic }
    guard let port, let service = service(port.transport, port: port.number) else {
      return .deniedByDefault
    }
    return service.verdict(packet.source, at: time)
  }

  public func verdict(
    _ source: Address, to transport: FirewallPolicy.Port.Transport, port: UInt16, at time: Int64
  ) -> PolicyOutcome {
    verdict(
      Packet(from: source, transport == .tcp ? .tcp(port: port) : .udp(port: port, from: nil)),
      at: time)
  }

  /// All who may connect to a port, each as long as the policy says; schedules left aside.
  public func allowedSources(
    _ transport: FirewallPolicy.Port.Transport, port: UInt16
  ) -> AddressSet {
    var allowed = AddressSet()
    if let service = service(transport, port: port), !policy.isPanic {
      allowed = service.allow.union(service.trustedProxies).subtracting(service.deny)
        .subtracting(policy.deny)
    }
    return allowed.union(managementSources(transport, port: port))
  }

  /// Who administers what listens on a port.
  public func managementSources(
    _ transport: FirewallPolicy.Port.Transport, port: UInt16
  ) -> AddressSet {
    guard let management = policy.management,
      management.ports.contains(where: { $0.covers(transport, port) })
    else { return AddressSet() }
    return management.sources
  }

  /// Whether a service listens on the port.
  public func isServed(_ transport: FirewallPolicy.Port.Transport, port: UInt16) -> Bool {
    service(transport, port: port) != nil
  }

  public func service(
    _ transport: FirewallPolicy.Port.Transport, port: UInt16
  ) -> ResolvedPolicy.Service? {
    policy.services.first { $0.listen.contains { $0.covers(transport, port) } }
  }
}

extension ResolvedPolicy.Service {
  fileprivate func verdict(_ source: Address, at time: Int64) -> PolicyOutcome {
    if deny.contains(source, at: time) { return .deniedByService(name) }
    if let schedule, !schedule.isOpen(at: time) { return .deniedBySchedule(name) }
    if trustedProxies.contains(source, at: time) { return .allowedAsTrustedProxy(name) }
    return allow.contains(source, at: time) ? .allowedByService(name) : .deniedByAllow(name)
  }
}

extension Packet {
  /// As `RulesetCompiler.addEssentials` has it.
  fileprivate var isEssential: Bool {
    switch content {
    case .icmp(let type): [3, 8, 11, 12].contains(type) && !source.isIPv6
    case .icmpv6(let type):
      switch type {
      case 1, 2, 3, 4, 128: source.isIPv6
      case 130, 131, 132, 143: source.isLinkLocal
      case 133, 134, 135, 136: source.isIPv6 && hopLimit == 255
      default: false
      }
    case .udp(port: 546, from: 547): source.isLinkLocal
    case .tcp, .udp, .other: false
    }
  }
}

extension Address {
  public var isIPv6: Bool { if case .ipv6 = self { true } else { false } }

  /// fe80::/10
  fileprivate var isLinkLocal: Bool {
    if case .ipv6(let bits) = self { bits >> 118 == 0x3fa } else { false }
  }
}

extension FirewallPolicy.Port {
  public func covers(_ transport: Transport, _ port: UInt16) -> Bool {
    self.transport == transport && first <= port && port <= last
  }
}

extension FirewallPolicy.Port: CustomStringConvertible {
  public var description: String {
    first == last ? "\(transport.rawValue)/\(first)" : "\(transport.rawValue)/\(first)-\(last)"
  }
}
