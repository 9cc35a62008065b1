/// What is asked of a server once it is connected, and how its answer is judged.
protocol ProbeExchange {
  /// Bytes to send: the request at first, later what the answer demands.
  var outgoing: [UInt8] { get set }
  /// What is awaited now, in words.
  var awaited: String { get }
  mutating func take(_ bytes: Span<UInt8>) -> ProbeFinding?
  /// The server has sent its last byte.
  mutating func end() -> ProbeFinding
}

/// A judgement without its time.
struct ProbeFinding: Equatable {
  var isGood: Bool
  var text: String
  var agent: AgentAnswer?

  static func bad(_ text: String) -> ProbeFinding { ProbeFinding(isGood: false, text: text) }
}

extension ProxyConfiguration.Health.Check {
  /// Nil where a connection, or a handshake, is all.
  func exchange(host: String, isTLS: Bool) -> (any ProbeExchange)? {
    switch self {
    case .tcp, .tls, .mysql: nil
    case .http(let check): HTTPProbe(check, host: host)
    case .grpc(let service): GRPCProbe(service: service, host: host, isTLS: isTLS)
    case .agent: AgentProbe()
    }
  }
}
