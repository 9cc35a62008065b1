public import Firewall
internal import Foundation
internal import Synchronization

/// Asks the agent for bans; connects when it must, and again when the agent was started anew.
public final class AgentClient: Sendable {
  /// Microseconds for which it looks for an answer without sleeping: that of a ban is there before,
  /// and to be woken takes as long as a ban.
  private static let awakeTime: Int64 = 100

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

  func look() throws -> FirewallFacts {
    let request = AgentMessage.Request(operation: .look, network: .ipv4(0, prefix: 8), seconds: 0)
    let answer = try exchange(request, atMost: AgentMessage.factsByteLimit)
    guard answer.first == AgentMessage.Status.done.rawValue else {
      throw PolicyStore.Failure("the agent could not look; its log says why")
    }
    return try readJSON(FirewallFacts.self, Data(answer.dropFirst()))
  }

  private func ask(_ request: AgentMessage.Request) throws -> UInt32? {
    let answer = try exchange(request, atMost: AgentMessage.answerByteCount)
    guard answer.count == AgentMessage.answerByteCount else {
      throw PolicyStore.Failure("the agent at \(path) speaks another language; start it anew")
    }
    return try Self.read(answer)
  }

  private func exchange(_ request: AgentMessage.Request, atMost limit: Int) throws -> [UInt8] {
    try descriptor.withLock { descriptor in
      // The first attempt may find that the agent it knew is gone.
      for attempt in 0..<2 {
        if descriptor < 0 { descriptor = try UnixSocket.connected(path) }
        let bytes = AgentMessage.encode(request)
        if let answer = Self.exchange(bytes, over: descriptor, atMost: limit) { return answer }
        close(descriptor)
        descriptor = -1
        if attempt == 1 { break }
      }
      throw PolicyStore.Failure("the agent at \(path) does not answer")
    }
  }

  private static func exchange(
    _ bytes: [UInt8], over descriptor: Int32, atMost limit: Int
  ) -> [UInt8]? {
    guard unsafe send(descriptor, bytes, bytes.count, UnixSocket.withoutSignal) == bytes.count
    else { return nil }
    var answer = [UInt8](repeating: 0, count: limit + 1)
    var count = -1
    let awakeUntil = BootClock.microseconds + Self.awakeTime
    while count < 0, BootClock.microseconds < awakeUntil {
      count = unsafe recv(descriptor, &answer, answer.count, UnixSocket.withoutWaiting)
      if count < 0 { sched_yield() }
    }
    if count < 0 { count = unsafe recv(descriptor, &answer, answer.count, 0) }
    return count > 0 && count <= limit ? Array(answer[..<count]) : nil
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
