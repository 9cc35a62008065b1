/// A request as somebody would send it, for a forecast.
public struct ForecastRequest: Sendable {
  public var method: String
  /// Path and query, as they stand in the request's line.
  public var target: String
  /// As Host has it, with a port where it is not the scheme's.
  public var host: String
  public var bodyBytes: Int?
  /// What a trusted proxy in front says of the client.
  public var forwardedFor: String?

  public init(
    method: String = "GET", target: String, host: String, bodyBytes: Int? = nil,
    forwardedFor: String? = nil
  ) {
    self.method = method
    self.target = target
    self.host = host
    self.bodyBytes = bodyBytes
    self.forwardedFor = forwardedFor
  }

  /// The bytes that the proxy would get.
  var head: [UInt8] {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"]
    if let bodyBytes { lines.append("Content-Length: \(bodyBytes)") }
    if let forwardedFor { lines.append("X-Forwarded-For: \(forwardedFor)") }
    return Array(lines.map { "\($0)\r\n" }.joined().utf8) + [13, 10]
  }
}

/// Whether a listener lets a client connect.
public enum ClientForecast: Sendable, Equatable {
  /// There is no policy.
  case everybody
  case allowed
  case notAllowed
  /// Outside the hours of its service.
  case closed
}

/// What a client's hello gets.
public enum HandshakeForecast: Sendable {
  /// The listener speaks no TLS.
  case plain
  /// The names of certificates, one for each kind of key; `asks` when the client must or may show its own.
  case certificate([String], isDefault: Bool, asks: ClientAuth?)
  /// No certificate bears the name: the alert unrecognized_name.
  case unrecognizedName
}

/// What becomes of a request.
public struct RequestForecast: Sendable {
  public enum End: Sendable {
    /// By the proxy itself.
    case reply(status: UInt16, title: String, reason: String)
    case redirect(status: UInt16, location: String)
    /// Index of the backend.
    case backend(Int, ServerForecast)
    case local
  }
  public var end: End
  /// Who asks, as trusted proxies in front tell it; nil where they tell nothing readable.
  public var client: IPAddress?
  /// Without the port, as it came.
  public var host = ""
  /// Normalised.
  public var path = ""
  /// The policy's rules for requests that name it, in whatever way its path may be read.
  public var rules: [Int] = []
  /// The policy's rules for requests refuse it, and count it only.
  public var isForbiddenInAudit = false
  /// Index of the route that takes it.
  public var route: Int?
}

/// Which servers of a backend the next request may go to.
public struct ServerForecast: Sendable {
  /// Indices into the backend's servers; empty when none can take it.
  public var candidates: [Int]
  /// As each stands, in the backend's order.
  public var standings: [ServerStanding]
  /// Those that workers have set aside.
  public var setAside: Set<Int>
  /// Those without it get nothing, when set.
  public var role: ServerRole?
  /// The primary may be asked where there is no replica.
  public var fallsBackToPrimary = false
  /// A key of the request decides among the candidates.
  public var isByKey = false
}

/// What the proxy answers where no server can take a request.
public enum ForecastReply {
  public static func noServer(
    isForPrimary: Bool
  ) -> (status: UInt16, title: String, text: String) {
    let reply: Reply = isForPrimary ? .noPrimary : .noServer
    return (reply.status, "\(Replies.title(of: reply.status))", "\(reply.reason)")
  }
}
