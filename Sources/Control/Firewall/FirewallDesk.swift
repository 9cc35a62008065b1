internal import Configuration
internal import Foundation
internal import Synchronization

/// How the firewall is, for a proxy that may have no rights: the agent is asked, and where there is
/// none the kernel. Whoever asks here waits a second at most.
final class FirewallDesk: Sendable {
  private static let patience = DispatchTimeInterval.seconds(1)
  /// Milliseconds for which an answer is good, and for which it is better than none.
  private static let freshness: Int64 = 2000
  private static let staleness: Int64 = 30_000

  private struct State {
    var agent: AgentClient?
    var path: String?
    var last: (at: Int64, facts: FirewallFacts?)?
    var isAsking = false
  }

  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "gatehouse.firewall")
  private let kernel = Mutex<KernelLook>(KernelLook())

  /// Used on the queue only.
  private struct KernelLook: ~Copyable {
    let look = FirewallLook(PolicyStore())
  }

  /// Connects anew only where the file names another agent.
  func adopt(_ loaded: LoadedConfiguration) {
    state.withLock { state in
      guard state.path != loaded.agentSocket || state.agent == nil else { return }
      state.path = loaded.agentSocket
      state.agent = loaded.agentSocket.map(AgentClient.init(path:))
      state.last = nil
    }
  }

  /// Nil where nobody can be asked, or does not answer.
  func facts() -> FirewallFacts? {
    let now = BootClock.milliseconds
    let (isFresh, asks, agent) = state.withLock { state in
      let isFresh = state.last.map { now - $0.at < Self.freshness } ?? false
      let asks = !isFresh && !state.isAsking
      if asks { state.isAsking = true }
      return (isFresh, asks, state.agent)
    }
    if asks {
      let done = DispatchSemaphore(value: 0)
      queue.async { [self] in
        let facts = ask(agent)
        state.withLock {
          $0.last = (BootClock.milliseconds, facts)
          $0.isAsking = false
        }
        done.signal()
      }
      _ = done.wait(timeout: .now() + Self.patience)
    }
    return state.withLock { state in
      guard let last = state.last, isFresh || now - last.at < Self.staleness else { return nil }
      return last.facts
    }
  }

  private func ask(_ agent: AgentClient?) -> FirewallFacts? {
    if let agent { return try? agent.look() }
    return kernel.withLock { try? $0.look.facts(drift: nil) }
  }
}
