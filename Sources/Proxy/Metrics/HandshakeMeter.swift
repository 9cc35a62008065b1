/// What became of TLS handshakes: by version, resumed or not, and why they failed.
public struct HandshakeMeter: Meter {
  /// What a listener speaks, by OpenSSL's numbers.
  public enum Version: Int, CaseIterable, Sendable {
    case tls12, tls13

    public var name: String {
      switch self {
      case .tls12: "TLSv1.2"
      case .tls13: "TLSv1.3"
      }
    }
  }

  /// Nothing in here is of the client's choosing but which of these it is.
  public enum Failure: Int, CaseIterable, Sendable {
    case timeout
    /// It went away, or its connection broke.
    case clientGone
    /// What came is no TLS: HTTP in clear, say.
    case notTLS
    case version, cipher
    /// No certificate of ours is for this name.
    case unknownName
    /// It refused ours: an authority that it does not know, mostly.
    case certificateRefused
    case clientCertificateMissing, clientCertificateBad
    case protocolError

    public var name: String {
      switch self {
      case .timeout: "timeout"
      case .clientGone: "client_gone"
      case .notTLS: "not_tls"
      case .version: "version"
      case .cipher: "cipher"
      case .unknownName: "unknown_name"
      case .certificateRefused: "certificate_refused"
      case .clientCertificateMissing: "client_certificate_missing"
      case .clientCertificateBad: "client_certificate_bad"
      case .protocolError: "protocol_error"
      }
    }
  }

  // Two for each version: full, resumed.
  private var done = InlineArray<4, UInt64>(repeating: 0)
  private var failed = InlineArray<10, UInt64>(repeating: 0)

  public init() {}

  public subscript(_ version: Version, isResumed isResumed: Bool) -> UInt64 {
    done[version.rawValue * 2 + (isResumed ? 1 : 0)]
  }

  public subscript(_ failure: Failure) -> UInt64 { failed[failure.rawValue] }

  public var failures: UInt64 { failed.indices.reduce(0) { $0 &+ failed[$1] } }

  mutating func add(_ version: Version, isResumed: Bool) {
    done[version.rawValue * 2 + (isResumed ? 1 : 0)] &+= 1
  }

  mutating func add(_ failure: Failure) { failed[failure.rawValue] &+= 1 }

  public static func += (sum: inout HandshakeMeter, other: HandshakeMeter) {
    for index in sum.done.indices { sum.done[index] &+= other.done[index] }
    for index in sum.failed.indices { sum.failed[index] &+= other.failed[index] }
  }
}
