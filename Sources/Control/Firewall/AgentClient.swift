public import Firewall
internal import Foundation
internal import Synchronization

/// Asks the agent for bans; connects when it must, and again when the agent was started anew.
public final class AgentClient: Sendable {
  private let path: String
  private let connection = Mutex(Connection())

  private struct Connection {
    var descriptor: Int32 = -1
    /// On the boot clock, in microseconds.
    var answeredAt: Int64 = 0
  }

  public init(path: String) { self.path = path }

  deinit { connection.withLock { if $0.descriptor >= 0 { close($0.descriptor) } } }

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
    try connection.withLock { connection in
      // The first attempt may find that the agent it knew is gone.
      for attempt in 0..<2 {
        if connection.descriptor < 0 { connection.descriptor = try UnixSocket.connected(path) }
        let bytes = AgentMessage.encode(request)
        if let answer = Self.exchange(bytes, over: &connection, atMost: limit) { return answer }
        close(connection.descriptor)
        connection.descriptor = -1
        if attempt == 1 { break }
      }
      throw PolicyStore.Failure("the agent at \(path) does not answer")
    }
  }

  private static func exchange(
    _ bytes: [UInt8], over connection: inout Connection, atMost limit: Int
  ) -> [UInt8]? {
    let descriptor = connection.descriptor
    guard unsafe send(descriptor, bytes, bytes.count, UnixSocket.withoutSignal) == bytes.count
    else { return nil }
    var answer = [UInt8](repeating: 0, count: limit + 1)
    var count = -1
    // Right after an answer the agent is awake, and the next one is there before anybody could wake.
    let begun = BootClock.microseconds
    let isAwake = begun - connection.answeredAt < Agent.awakeTime
    while isAwake, count < 0, BootClock.microseconds - begun < Agent.awakeTime {
      count = unsafe recv(descriptor, &answer, answer.count, UnixSocket.withoutWaiting)
      if count < 0 { sched_yield() }
    }
    if count < 0 { count = unsafe recv(descriptor, &answer, answer.count, 0) }
    connection.answeredAt = BootClock.microseconds
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
