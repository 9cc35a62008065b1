public import Firewall
internal import Foundation
internal import Synchronization

/// Asks the agent for bans; connects when it must, and again when the agent was started anew.
public final class AgentClient: Sendable {
  private let path: String
  private let descriptor = Mutex<Int32>(-1)

  public init(path: String) { self.path = path }

  deinit { descriptor.withLock { if $0 >= 0 { close($0) } } }

  /// Bans a network; for how many seconds, at most what the policy allows. Nil: the policy never bans it.
  public func ban(_ network: Network, seconds: UInt32) throws -> UInt32? {
    try ask(.init(operation: .ban, network: network, seconds: seconds))
  }

  public func unban(_ network: Network) throws {
    _ = try ask(.init(operation: .unban, network: network, seconds: 0))
  }

  private func ask(_ request: AgentMessage.Request) throws -> UInt32? {
    try descriptor.withLock { descriptor in
      // The first attempt may find that the agent it knew is gone.
      for attempt in 0..<2 {
        if descriptor < 0 { descriptor = try UnixSocket.connected(path) }
        if let answer = Self.exchange(AgentMessage.encode(request), over: descriptor) {
          return try Self.read(answer)
        }
        close(descriptor)
        descriptor = -1
        if attempt == 1 { break }
      }
      throw PolicyStore.Failure("the agent at \(path) does not answer")
    }
  }

  private static func exchange(_ bytes: [UInt8], over descriptor: Int32) -> [UInt8]? {
    guard unsafe send(descriptor, bytes, bytes.count, UnixSocket.withoutSignal) == bytes.count
    else { return nil }
    var answer = [UInt8](repeating: 0, count: AgentMessage.answerByteCount + 1)
    let count = unsafe recv(descriptor, &answer, answer.count, 0)
    return count == AgentMessage.answerByteCount ? Array(answer[..<count]) : nil
  }

  private static func read(_ answer: [UInt8]) throws -> UInt32? {
    switch AgentMessage.Status(rawValue: answer[0]) {
    case .done: return answer[1...].reduce(0) { $0 << 8 | UInt32($1) }
    case .never: return nil
    case .failed, .malformed, nil:
      throw PolicyStore.Failure("the agent could not do it; its log says why")
    }
  }
}
