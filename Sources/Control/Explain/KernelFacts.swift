public import Firewall

/// What the kernel does with a source, as far as it can be asked.
public struct KernelFacts: Sendable {
  public enum Enforcement: Sendable, Equatable {
    /// The kernel holds the generation in force.
    case inForce
    /// No policy was ever applied to this kernel.
    case none
    /// Why it is taken to hold the generation in force all the same.
    case unknown(String)
    /// One was applied, and the kernel has lost it.
    case lost
  }

  public var enforcement: Enforcement
  /// The generation in force.
  public var compiled: CompiledPolicy?
  public var ban: KernelBans.Ban?
  public var counters: [String: LiveRuleset.Count] = [:]
  /// What the kernel has noted of the source as denied; nil where it has not.
  public var denials: KernelDenials.Source?
  /// Of the service that listens on the port.
  public var limit: FirewallPolicy.Limit?
  /// Whether its limit of new connections counts the source now; nil without such a limit.
  public var isMetered: Bool?
  /// From the source to a service with a limit of how many may be open; nil where there is none.
  public var openConnections: Int?
  /// Tables of others on the way, which can drop what is let in here.
  public var otherChains: [String] = []

  public init(
    _ enforcement: Enforcement, compiled: CompiledPolicy? = nil, ban: KernelBans.Ban? = nil,
    counters: [String: LiveRuleset.Count] = [:]
  ) {
    self.enforcement = enforcement
    self.compiled = compiled
    self.ban = ban
    self.counters = counters
  }

  /// Asks the kernel, and the folder of applied generations.
  public static func read(_ store: PolicyStore, of source: Address, to port: UInt16) throws
    -> KernelFacts
  {
    let state = try store.state()
    guard state.generation > 0 else { return KernelFacts(.none) }
    let compiled = CompiledPolicy(try store.policy(of: state.generation), at: CompiledPolicy.now)
    guard let exists = try? FirewallKernel.exists() else {
      return KernelFacts(
        .unknown(
          "the kernel was not asked, which needs root; it is taken to hold what was applied"),
        compiled: compiled)
    }
    guard exists else { return KernelFacts(.lost, compiled: compiled) }
    let live = try? FirewallKernel.live()
    let isAsApplied = live?.digest == compiled.digest
    var facts = KernelFacts(
      isAsApplied
        ? .inForce
        : .unknown("the kernel does not hold what was applied: gatehouse policy verify"),
      compiled: compiled)
    facts.ban = try? BanBook(store).ban(of: source)
    facts.counters = live?.counters ?? [:]
    facts.otherChains = ((try? FirewallKernel.otherChains()) ?? []).map(\.description)
    facts.denials = (try? KernelDenials.source(source)) ?? nil
    if let service = compiled.verdict.service(.tcp, port: port) {
      facts.limit = service.limit
      facts.isMetered = (try? KernelDenials.isMetered(source, by: service)) ?? nil
      facts.openConnections = Self.openConnections(from: source, to: service)
    }
    return facts
  }

  /// As the kernel tracks them, to any port of the service; by its sockets where it tracks none.
  private static func openConnections(
    from source: Address, to service: ResolvedPolicy.Service
  ) -> Int? {
    guard let limit = service.limit, limit.concurrent != nil else { return nil }
    let per = limit.concurrentPer
    let prefix = if case .ipv4 = source { per.ipv4 } else { per.ipv6 }
    let own = AddressSet(source.network(prefix: prefix))
    let tracked = try? Conntrack.openConnections { connection in
      guard let transport = connection.transport else { return false }
      return own.contains(connection.source, at: 0)
        && service.listen.contains { $0.covers(transport, connection.destinationPort) }
    }
    if let tracked { return tracked }
    return (try? LocalSockets.peers(ports: service.listen))?.count {
      own.contains($0.address, at: 0)
    }
  }

  /// What decides over packets; nil where the kernel lets all of them in.
  var policy: CompiledPolicy? {
    switch enforcement {
    case .inForce, .unknown: compiled
    case .none, .lost: nil
    }
  }
}
