/// The header fields that the proxy has a rule for.
enum KnownHeader: UInt8 {
  case other
  case host, contentLength, transferEncoding, connection, te, trailer, upgrade, expect, accept
  /// About one connection only (RFC 9110, section 7.6.1).
  case hopByHop
  /// What we tell the server of the client: made anew, whatever the client claims.
  case forwarding
  case requestID
  case authorization, cookie
  /// `traceparent` and `tracestate`.
  case trace

  init(_ name: Span<UInt8>) {
    switch name.count {
    case 2: self = name.isEqual("te") ? .te : .other
    case 4: self = name.isEqual("host") ? .host : .other
    case 6: self = Self.ofSix(name)
    case 7: self = name.isEqual("upgrade") ? .upgrade : name.isEqual("trailer") ? .trailer : .other
    case 9:
      self = name.isEqual("forwarded") || name.isEqual("x-real-ip") ? .forwarding : .other
    case 10:
      self =
        name.isEqual("connection")
        ? .connection
        : name.isEqual("keep-alive") ? .hopByHop : name.isEqual("tracestate") ? .trace : .other
    case 11:
      self =
        name.isEqual("client-cert")
        ? .forwarding : name.isEqual("traceparent") ? .trace : .other
    case 12: self = name.isEqual("x-request-id") ? .requestID : .other
    case 13: self = name.isEqual("authorization") ? .authorization : .other
    case 14:
      self =
        name.isEqual("content-length")
        ? .contentLength : name.isEqual("http2-settings") ? .hopByHop : .other
    case 15: self = name.isEqual("x-forwarded-for") ? .forwarding : .other
    case 16: self = Self.ofSixteen(name)
    case 17: self = Self.ofSeventeen(name)
    case 18: self = name.isEqual("x-forwarded-server") ? .forwarding : .other
    default: self = .other
    }
  }

  /// Connection may not name it: dropping it would change who asks, or where the body ends
  /// (Traefik CVE-2024-45410).
  var isProtected: Bool {
    switch self {
    case .host, .contentLength, .transferEncoding, .forwarding, .requestID, .authorization, .cookie,
      .expect, .trailer:
      true
    case .other, .trace, .connection, .te, .upgrade, .accept, .hopByHop: false
    }
  }

  private static func ofSix(_ name: Span<UInt8>) -> KnownHeader {
    if name.isEqual("accept") { return .accept }
    if name.isEqual("cookie") { return .cookie }
    return name.isEqual("expect") ? .expect : .other
  }

  private static func ofSixteen(_ name: Span<UInt8>) -> KnownHeader {
    if name.isEqual("x-forwarded-host") || name.isEqual("x-forwarded-port") { return .forwarding }
    return name.isEqual("proxy-connection") ? .hopByHop : .other
  }

  private static func ofSeventeen(_ name: Span<UInt8>) -> KnownHeader {
    if name.isEqual("transfer-encoding") { return .transferEncoding }
    if name.isEqual("client-cert-chain") { return .forwarding }
    return name.isEqual("x-forwarded-proto") ? .forwarding : .other
  }
}
