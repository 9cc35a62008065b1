internal import Firewall
internal import Foundation

/// What the proxy asks of the agent, and what it answers: fixed bytes, never text.
///
/// ```
/// request   version 1 | 1 ban, 2 unban, 3 look | family 4 or 6 | prefix | seconds, 4 bytes | address, 16 bytes
/// answer    0 done, 1 never banned, 2 failed, 3 not understood | seconds granted, 4 bytes
/// to look   0 done | `FirewallFacts` as JSON, for a reader who has fewer rights than who wrote it
/// ```
enum AgentMessage {
  static let requestByteCount = 24
  static let answerByteCount = 5
  /// Far below what a socket takes as one message; counters and sets past it are left out.
  static let factsByteLimit = 128 << 10

  enum Operation: UInt8 {
    case ban = 1
    case unban = 2
    /// Its network and its seconds mean nothing.
    case look = 3
  }
  enum Status: UInt8 {
    case done = 0
    case never = 1
    case failed = 2
    case malformed = 3
  }

  struct Request: Equatable {
    var operation: Operation
    var network: Network
    /// 0: as long as the policy says.
    var seconds: UInt32
  }

  static func encode(_ request: Request) -> [UInt8] {
    var bytes: [UInt8] = [1, request.operation.rawValue]
    switch request.network {
    case .ipv4(let bits, let prefix):
      bytes += [4, prefix]
      bytes.append(request.seconds, 4)
      bytes.append(UInt128(bits), 16)
    case .ipv6(let bits, let prefix):
      bytes += [6, prefix]
      bytes.append(request.seconds, 4)
      bytes.append(bits, 16)
    }
    return bytes
  }

  /// Nil for anything else than a request: wrong length, unknown numbers, bits behind the prefix.
  static func decode(_ bytes: [UInt8]) -> Request? {
    guard bytes.count == requestByteCount, bytes[0] == 1,
      let operation = Operation(rawValue: bytes[1])
    else { return nil }
    let seconds = UInt32(truncatingIfNeeded: bytes[4..<8].number)
    let bits = bytes[8..<24].number
    let network: Network
    switch (bytes[2], bytes[3]) {
    case (4, 8...32) where bits <= UInt128(UInt32.max):
      let (bits, prefix) = (UInt32(truncatingIfNeeded: bits), bytes[3])
      guard prefix == 32 || bits << UInt32(prefix) == 0 else { return nil }
      network = .ipv4(bits, prefix: prefix)
    case (6, 16...128):
      network = .ipv6(bits, prefix: bytes[3])
      // Such as an IPv4 address in disguise.
      guard (try? Network(parsing: network.description)) == network else { return nil }
    default: return nil
    }
    return Request(operation: operation, network: network, seconds: seconds)
  }

  static func encode(_ facts: FirewallFacts) -> [UInt8] {
    var facts = facts
    let encoder = JSONEncoder()
    while let text = try? encoder.encode(facts) {
      guard text.count >= factsByteLimit else { return [Status.done.rawValue] + text }
      facts.sets.removeLast(facts.sets.count - facts.sets.count / 2)
      if facts.sets.isEmpty {
        facts.counters.removeLast(facts.counters.count - facts.counters.count / 2)
      }
    }
    return encode(.failed, seconds: 0)
  }

  static func encode(_ status: Status, seconds: UInt32) -> [UInt8] {
    var bytes = [status.rawValue]
    bytes.append(seconds, 4)
    return bytes
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ number: some FixedWidthInteger, _ byteCount: Int) {
    for index in 0..<byteCount {
      append(UInt8(truncatingIfNeeded: number >> (8 * (byteCount - 1 - index))))
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var number: UInt128 { reduce(0) { $0 << 8 | UInt128($1) } }
}
