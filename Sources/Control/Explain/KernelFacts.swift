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
  /// From the source to a port with a limit of how many may be open; nil where there is none.
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
    let limit = compiled.verdict.service(.tcp, port: port)?.limit
    if limit?.concurrent != nil, let prefixes = limit?.concurrentPer {
      facts.openConnections = Self.openConnections(from: source, prefixes, to: port)
    }
    return facts
  }

  private static func openConnections(
    from source: Address, _ prefixes: FirewallPolicy.Prefixes, to port: UInt16
  ) -> Int? {
    let network: Network =
      switch source {
      case .ipv4(let bits): .ipv4(bits, prefix: prefixes.ipv4)
      case .ipv6(let bits): .ipv6(bits, prefix: prefixes.ipv6)
      }
    guard let peers = try? LocalSockets.peers(ports: [.init(.tcp, port)]) else { return nil }
    let own = AddressSet(network.masked)
    return peers.count { own.contains($0.address, at: 0) }
  }

  /// What decides over packets; nil where the kernel lets all of them in.
  var policy: CompiledPolicy? {
    switch enforcement {
    case .inForce, .unknown: compiled
    case .none, .lost: nil
    }
  }
}
