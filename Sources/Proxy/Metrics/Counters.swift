/// What one worker has counted since it started.
public struct Counters: Sendable, Equatable {
  public internal(set) var connectionsAccepted: UInt64 = 0
  /// Closed before TLS, because the policy does not name the address.
  public internal(set) var connectionsRefused: UInt64 = 0
  /// Closed because the address is banned.
  public internal(set) var connectionsBanned: UInt64 = 0
  /// Connections and requests that an audit let in all the same.
  public internal(set) var wouldRefuse: UInt64 = 0
  public internal(set) var handshakes: UInt64 = 0
  /// Of the handshakes, those that went on with a session of before.
  public internal(set) var handshakesResumed: UInt64 = 0
  public internal(set) var handshakeFailures: UInt64 = 0
  public internal(set) var requests: UInt64 = 0
  /// Refused as malformed, ambiguous or too large.
  public internal(set) var requestsRefused: UInt64 = 0
  /// Refused by the policy's rules for requests.
  public internal(set) var requestsForbidden: UInt64 = 0
  /// By first digit: 1xx ... 5xx.
  public internal(set) var responses: [UInt64] = [0, 0, 0, 0, 0]
  public internal(set) var retries: UInt64 = 0
  public internal(set) var connectFailures: UInt64 = 0
  /// Exchanges that ended before their response did.
  public internal(set) var aborts: UInt64 = 0
  /// Clients of listeners that move bytes.
  public internal(set) var streams: UInt64 = 0
  /// Of those, the ones that were ended because their server lost its role.
  public internal(set) var streamsCut: UInt64 = 0

  mutating func countResponse(_ status: UInt16) {
    let index = Int(status) / 100 - 1
    guard responses.indices.contains(index) else { return }
    responses[index] &+= 1
  }

  public init() {}

  public static func += (sum: inout Counters, other: Counters) {
    sum.connectionsAccepted &+= other.connectionsAccepted
    sum.connectionsRefused &+= other.connectionsRefused
    sum.connectionsBanned &+= other.connectionsBanned
    sum.wouldRefuse &+= other.wouldRefuse
    sum.requestsForbidden &+= other.requestsForbidden
    sum.handshakes &+= other.handshakes
    sum.handshakesResumed &+= other.handshakesResumed
    sum.handshakeFailures &+= other.handshakeFailures
    sum.requests &+= other.requests
    sum.requestsRefused &+= other.requestsRefused
    for index in sum.responses.indices { sum.responses[index] &+= other.responses[index] }
    sum.retries &+= other.retries
    sum.connectFailures &+= other.connectFailures
    sum.aborts &+= other.aborts
    sum.streams &+= other.streams
    sum.streamsCut &+= other.streamsCut
  }
}
