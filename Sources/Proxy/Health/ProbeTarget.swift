/// What of a configuration one server's check depends on.
struct ProbeTarget: Sendable, Equatable {
  let id: ServerID
  let address: SocketAddress
  let check: ProxyConfiguration.Health.Check
  /// Only where the check speaks TLS.
  let tls: ProxyConfiguration.UpstreamTLS?
  let host: String
  let announcement: ProxyConfiguration.Backend.Announcement?

  /// Nil when nothing is checked.
  init?(_ backend: ProxyConfiguration.Backend, _ server: ProxyConfiguration.Server) {
    guard let check = backend.health.check else { return nil }
    id = ServerID(backend: backend.name, server: server.name)
    self.check = check
    address = backend.health.port.map(server.address.with(port:)) ?? server.address
    tls =
      switch check {
      case .tcp, .agent, .mysql: nil
      // A check for TLS where the backend has none: any certificate will do.
      case .tls: backend.tls ?? Self.unverified
      case .http, .grpc: backend.tls
      }
    if case .http(let http) = check, let own = http.host {
      host = own
    } else {
      host = backend.host ?? server.hostName ?? "\(server.address)"
    }
    // An agent is no server: it knows nothing of PROXY headers.
    announcement = check == .agent ? nil : backend.announcement
  }

  var isProbedHere: Bool { check != .mysql }

  private static let unverified: ProxyConfiguration.UpstreamTLS = {
    var tls = ProxyConfiguration.UpstreamTLS(serverName: "")
    tls.verify = false
    return tls
  }()
}

extension SocketAddress {
  func with(port: UInt16) -> SocketAddress {
    switch self {
    case .ipv4(let bits, _): .ipv4(bits, port: port)
    case .ipv6(let bits, _): .ipv6(bits, port: port)
    case .unix: self
    }
  }
}
