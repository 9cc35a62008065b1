/// A policy whose names are resolved: what the compiler, the verdict and explanations work on.
public struct ResolvedPolicy: Sendable, Equatable {
  public var mode = FirewallPolicy.Mode.enforce
  public var management: Management?
  /// Denied everywhere but for management.
  public var deny = AddressSet()
  public var bans = FirewallPolicy.Bans()
  /// Who is never banned: management, trusted proxies, and whom the policy names.
  public var neverBanned = AddressSet()
  public var services: [Service] = []
  public var protect = FirewallPolicy.Protection.host
  public var existingConnections = FirewallPolicy.ExistingConnections.close
  public var isPanic = false
  /// By name; for explanations.
  public var groups: [String: AddressSet] = [:]

  public init() {}

  /// What is denied is let in all the same; panic denies also what is on trial.
  public var isOnTrial: Bool { mode == .audit && !isPanic }

  public struct Management: Sendable, Equatable {
    public var sources: AddressSet
    public var ports: [FirewallPolicy.Port]

    public init(sources: AddressSet, ports: [FirewallPolicy.Port]) {
      self.sources = sources
      self.ports = ports
    }
  }

  public struct Service: Sendable, Equatable {
    public var name: String
    public var listen: [FirewallPolicy.Port]
    /// Whom the kernel lets in, but for trusted proxies: all that `others` or an HTTP rule allows.
    /// Behind trusted proxies those of the HTTP rules come through them.
    public var allow: AddressSet
    /// Beats `allow`.
    public var deny: AddressSet
    public var trustedProxies = AddressSet()
    /// Who may send requests that no HTTP rule names.
    public var others: AddressSet
    /// Whom each HTTP rule allows, in the order of the policy.
    public var http: [AddressSet] = []
    public var limit: FirewallPolicy.Limit?
    public var ban: FirewallPolicy.BanRule?
    public var schedule: Schedule?
    public var log = FirewallPolicy.LogChoice.none

    public init(
      name: String, listen: [FirewallPolicy.Port], allow: AddressSet,
      deny: AddressSet = AddressSet()
    ) {
      self.name = name
      self.listen = listen
      self.allow = allow
      self.deny = deny
      others = allow
    }
  }
}

extension ResolvedPolicy {
  /// Names that can't be resolved count as nobody: see `PolicyChecks` first.
  public init(_ policy: FirewallPolicy) {
    var groups = GroupResolution(policy.groups)
    self.init()
    mode = policy.mode
    protect = policy.protect
    existingConnections = policy.existingConnections
    isPanic = policy.isPanic
    bans = policy.bans
    deny = groups.set(policy.deny)
    let from = groups.set(policy.management?.from ?? [])
    management = policy.management.map { Management(sources: from, ports: $0.to) }
    neverBanned = from.union(groups.set(policy.bans.never))
    for service in policy.services {
      let resolved = Service(service, &groups)
      neverBanned = neverBanned.union(resolved.trustedProxies)
      services.append(resolved)
    }
    for group in policy.groups { self.groups[group.name] = groups.set(of: group) }
  }
}

extension ResolvedPolicy.Service {
  fileprivate init(_ service: FirewallPolicy.Service, _ groups: inout GroupResolution) {
    self.init(
      name: service.name, listen: service.listen, allow: groups.set(service.allow),
      deny: groups.set(service.deny))
    trustedProxies = groups.set(service.trustedProxies)
    for rule in service.http {
      let sources = groups.set(rule.allow)
      http.append(sources)
      if service.trustedProxies.isEmpty { allow = allow.union(sources) }
    }
    limit = service.limit
    ban = service.ban
    schedule = service.schedule
    log = service.log
  }
}
