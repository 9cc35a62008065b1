internal import Configuration
internal import Firewall
internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// Counts refused requests by client, and bans those that reach what the policy says: in the proxy at
/// once, and in the kernel through the agent.
final class RefusalBans: Sendable {
  /// More clients at a time are not counted: the oldest windows make room.
  private static let clientLimit = 65_536
  /// A year, in seconds.
  private static let longestSpan: UInt64 = 366 * 86_400
  /// Bans that wait for the agent; more are in the proxy only.
  private static let queueLimit = 1024

  private struct Window {
    var count: UInt32
    var since: Int64
  }

  private struct State {
    var rules: [String: FirewallPolicy.BanRule] = [:]
    var limits = ResolvedPolicy()
    var windows: [Network: Window] = [:]
    var agent: AgentClient?
    var agentPath: String?
    var queued = 0
  }

  private let state = Mutex(State())
  private let logger: Logger
  private let queue = DispatchQueue(label: "gatehouse.bans")

  init(logger: Logger) { self.logger = logger }

  /// From now on by this configuration; counts go on.
  func adopt(_ loaded: LoadedConfiguration) {
    state.withLock {
      $0.rules = loaded.refusalBans
      $0.limits = loaded.bans
      if $0.agentPath != loaded.agentSocket {
        $0.agentPath = loaded.agentSocket
        $0.agent = loaded.agentSocket.map(AgentClient.init(path:))
      }
    }
  }

  /// Called by the workers; takes microseconds.
  func count(_ client: IPAddress, _ listener: String, _ proxy: ProxyServer?) {
    let network = Network(client)
    let now = BootClock.milliseconds
    guard let (seconds, agent) = due(network, listener, at: now) else { return }
    proxy?.ban(client, until: CompiledPolicy.now + Int64(seconds))
    // As text: read within the logger's closures, a value that holds a UInt128 crashed (Swift 6.3).
    let name = "\(network)"
    logger.notice(
      "banned \(name) for \(seconds) s: too many refused requests", metadata: .about(name))
    guard let agent else { return }
    queue.async { [self] in
      defer { state.withLock { $0.queued -= 1 } }
      do {
        if try agent.ban(network, seconds: UInt32(clamping: seconds)) == nil {
          logger.warning(
            "the agent does not ban \(name): its policy never does", metadata: .about(name))
        }
      } catch {
        logger.error(
          "\(name) is banned in the proxy only: \(error)", metadata: .about(name))
      }
    }
  }

  /// For how long the client is to be banned now, and who asks the kernel; nil when it is not.
  private func due(
    _ network: Network, _ listener: String, at now: Int64
  ) -> (UInt64, AgentClient?)? {
    state.withLock { state -> (UInt64, AgentClient?)? in
      guard let rule = state.rules[listener] else { return nil }
      let span = Int64(clamping: min(rule.withinSeconds, Self.longestSpan)) * 1000
      if state.windows.count >= Self.clientLimit {
        state.windows = state.windows.filter { now - $0.value.since < span }
        if state.windows.count >= Self.clientLimit { state.windows.removeAll() }
      }
      var window = state.windows[network] ?? Window(count: 0, since: now)
      if now - window.since >= span { window = Window(count: 0, since: now) }
      window.count += 1
      state.windows[network] = window
      guard window.count >= rule.times else { return nil }
      state.windows[network] = nil
      let spared = state.limits.neverBanned.remaining(at: CompiledPolicy.now)
      guard !spared.intersects(AddressSet(network)) else { return nil }
      let bans = state.limits.bans
      let seconds = min(rule.forSeconds ?? bans.defaultSeconds, bans.longestSeconds)
      guard state.queued < Self.queueLimit, let agent = state.agent else { return (seconds, nil) }
      state.queued += 1
      return (seconds, agent)
    }
  }
}

extension Network {
  /// What is banned for a client.
  init(_ client: IPAddress) {
    switch client.banned {
    case .ipv4(let bits): self = .ipv4(bits, prefix: 32)
    case .ipv6(let bits): self = .ipv6(bits, prefix: 64)
    }
  }
}
