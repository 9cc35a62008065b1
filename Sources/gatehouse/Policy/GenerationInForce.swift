import Control
import Firewall

/// The generation in force beside the kernel, and what the kernel knows of a source.
struct GenerationInForce {
  let number: UInt64
  /// The kernel's own count of changes; nil where it could not be asked.
  let kernelGeneration: UInt32?
  /// Nil where the kernel could not be asked, and where it has no table of ours.
  let live: LiveRuleset?
  /// Whether the kernel holds it as it was applied.
  let isInSync: Bool
  private let store: PolicyStore

  init(_ loaded: LoadedPolicy, _ store: PolicyStore) throws {
    self.store = store
    let state = try store.state()
    number = state.generation
    let mayAsk = (try? FirewallKernel.exists()) != nil
    live = mayAsk ? try? FirewallKernel.live() : nil
    isInSync = state.isInKernel(live, try? store.policy(of: number))
    kernelGeneration = mayAsk ? try? FirewallKernel.generation() : nil
  }

  /// For the line of the verdict.
  var standing: String {
    guard let kernelGeneration else { return "generation \(number), the kernel was not asked" }
    let sync = isInSync ? "in sync" : "NOT in sync"
    return "generation \(number), kernel generation \(kernelGeneration), \(sync)"
  }

  /// Why the kernel may do otherwise; nil when it does the same.
  var doubt: String? {
    guard kernelGeneration != nil else {
      return "the kernel was not asked: that needs root, or CAP_NET_ADMIN"
    }
    guard !isInSync else { return nil }
    return
      "the kernel does not hold the generation in force as it was applied: gatehouse policy verify"
  }

  /// Tables of others on the way.
  var otherChains: [String] {
    ((try? FirewallKernel.otherChains()) ?? []).map(\.description)
  }

  /// The ban that a source is under at a time.
  func ban(of source: Address, at time: Int64) throws -> KernelBans.Ban? {
    guard live != nil, let ban = try BanBook(store).ban(of: source),
      ban.counts(at: time, now: CompiledPolicy.now)
    else { return nil }
    return ban
  }

  /// What the kernel dropped of a source lately where a limit of the service may be why.
  func dropped(_ packet: Packet, _ compiled: CompiledPolicy) -> KernelDenials.Source? {
    let service: ResolvedPolicy.Service? =
      switch packet.content {
      case .tcp(let port): compiled.verdict.service(.tcp, port: port)
      case .udp(let port, _): compiled.verdict.service(.udp, port: port)
      case .icmp, .icmpv6, .other: nil
      }
    guard live != nil, let service, let limit = service.limit else { return nil }
    // Whom a limit of new connections does not count any more is not over it.
    let isMetered = try? KernelDenials.isMetered(packet.source, by: service)
    guard isMetered != false || limit.concurrent != nil else { return nil }
    return try? KernelDenials.source(packet.source)
  }
}
