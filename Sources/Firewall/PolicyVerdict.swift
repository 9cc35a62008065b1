/// Why a policy can't be evaluated: the errors among its findings.
public struct PolicyError: Error, Sendable, Equatable, CustomStringConvertible {
  public let findings: [Finding]

  public var description: String { findings.map(\.description).joined(separator: "\n") }
}

/// What becomes of a new connection, and by which part of the policy.
public enum PolicyOutcome: Sendable, Equatable {
  case allowedByManagement
  case allowedByService(String)
  case deniedByDeny
  case deniedByService(String)
  /// A service listens there, and does not allow the source; or none listens.
  case deniedByDefault

  public var isAllowed: Bool {
    switch self {
    case .allowedByManagement, .allowedByService: true
    case .deniedByDeny, .deniedByService, .deniedByDefault: false
    }
  }
}

/// A policy as a pure function: the same for the kernel's rules, the proxy and explanations.
public struct PolicyVerdict: Sendable {
  struct Service: Sendable {
    let name: String
    let listen: [FirewallPolicy.Port]
    let allow: AddressSet
    let deny: AddressSet
  }

  let protect: FirewallPolicy.Protection
  let managementFrom: AddressSet
  let managementTo: [FirewallPolicy.Port]
  let deny: AddressSet
  let services: [Service]

  /// Throws what is wrong with the policy, if anything is.
  public init(_ policy: FirewallPolicy, at now: Int64 = 0) throws(PolicyError) {
    let errors = PolicyChecks.findings(of: policy, at: now).filter { $0.severity == .error }
    guard errors.isEmpty else { throw PolicyError(findings: errors) }
    var groups = GroupResolution(policy.groups)
    protect = policy.protect
    managementFrom = groups.set(policy.management?.from ?? [])
    managementTo = policy.management?.to ?? []
    deny = groups.set(policy.deny)
    var services: [Service] = []
    for service in policy.services {
      services.append(
        Service(
          name: service.name, listen: service.listen, allow: groups.set(service.allow),
          deny: groups.set(service.deny)))
    }
    self.services = services
  }

  /// Management first, then deny, then the service that listens: its deny, its allow, else denied.
  public func verdict(
    _ source: Address, to transport: FirewallPolicy.Port.Transport, port: UInt16, at time: Int64
  ) -> PolicyOutcome {
    if managementTo.contains(where: { $0.covers(transport, port) }),
      managementFrom.contains(source, at: time)
    {
      return .allowedByManagement
    }
    if deny.contains(source, at: time) { return .deniedByDeny }
    guard let service = service(transport, port) else { return .deniedByDefault }
    if service.deny.contains(source, at: time) { return .deniedByService(service.name) }
    return service.allow.contains(source, at: time)
      ? .allowedByService(service.name) : .deniedByDefault
  }

  /// All who may connect to a port, each as long as the policy says.
  public func allowedSources(
    _ transport: FirewallPolicy.Port.Transport, port: UInt16
  ) -> AddressSet {
    var allowed = AddressSet()
    if let service = service(transport, port) {
      allowed = service.allow.subtracting(service.deny).subtracting(deny)
    }
    guard managementTo.contains(where: { $0.covers(transport, port) }) else { return allowed }
    return allowed.union(managementFrom)
  }

  /// Whether a service listens on the port.
  public func isServed(_ transport: FirewallPolicy.Port.Transport, port: UInt16) -> Bool {
    service(transport, port) != nil
  }

  private func service(
    _ transport: FirewallPolicy.Port.Transport, _ port: UInt16
  ) -> Service? {
    services.first { $0.listen.contains { $0.covers(transport, port) } }
  }
}

extension FirewallPolicy.Port {
  func covers(_ transport: Transport, _ port: UInt16) -> Bool {
    self.transport == transport && (first...last).contains(port)
  }
}

extension FirewallPolicy.Port: CustomStringConvertible {
  public var description: String {
    first == last ? "\(transport.rawValue)/\(first)" : "\(transport.rawValue)/\(first)-\(last)"
  }
}
