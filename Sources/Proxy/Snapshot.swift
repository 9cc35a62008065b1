/// The timeouts in milliseconds, as the loop compares them.
struct Times {
  let handshake, head, body, idle, connectionAge, connect, response, tunnel, pool: Int64
  let setAside, drain: Int64
  /// For the next byte of a client that is no longer listened to, and for all of them.
  let linger: Int64 = 2000
  /// For a client to say who he is; `.max` where nobody asks.
  let unknown: Int64
  let lingerInAll: Int64 = 30_000
  /// For the server to answer `Expect: 100-continue`; then the proxy does.
  let continueWait: Int64 = 1000
  /// How often the average rate of a request body is looked at.
  let bodyRateCheck: Int64 = 10_000

  init(_ timeouts: Timeouts, unknown: Duration? = nil) {
    self.unknown = unknown?.milliseconds ?? .max
    handshake = timeouts.handshake.milliseconds
    head = timeouts.head.milliseconds
    body = timeouts.body.milliseconds
    idle = timeouts.idle.milliseconds
    connectionAge = timeouts.connectionAge.milliseconds
    connect = timeouts.connect.milliseconds
    response = timeouts.response.milliseconds
    tunnel = timeouts.tunnel.milliseconds
    pool = timeouts.pool.milliseconds
    setAside = timeouts.setAside.milliseconds
    drain = timeouts.drain.milliseconds
  }
}

/// A configuration made ready to run; built once per worker, never changed, never shared.
final class Snapshot {
  struct Listener {
    let name: String
    let addresses: [SocketAddress]
    let admission: Admission
    let announcers: AccessRules?
    let redirectToHTTPSPort: UInt16?
    let stream: ProxyConfiguration.Stream?
  }

  struct Backend {
    let name: String
    /// Its servers' indices in `servers`.
    let servers: Range<Int>
    let host: [UInt8]
    let announcement: ProxyProtocol.Version?
    let tls: TLSContext?
    let tlsName: String
    let plan: ProxyConfiguration.Backend
    let affinity: Affinity
    let waiting: WaitingRequests
    let ejections: SharedEjections
    /// Nil where all go anywhere.
    let split: MethodSplit?

    /// Something in a request decides which servers may get it.
    var choosesByRequest: Bool {
      if case .hash = plan.balance { return true }
      return affinity.isSticky || split != nil
    }
  }

  struct Server {
    let name: String
    let address: SocketAddress
    let backend: Int
    let plan: ProxyConfiguration.Server
    let standing: ServerStanding
    /// Nil without a limit.
    let slots: ServerSlots?
  }

  struct Route {
    /// As `www.example.com/orders/**`.
    let name: String
    let action: ProxyConfiguration.Route.Action
    /// `Name: value` lines, each with CR LF, set in every response.
    let responseHeaders: ResponseHeaders
    /// The same over TLS.
    let secureHeaders: SecureHeaders
    let isForAnyHost: Bool
    /// `UInt64.max` for no limit.
    let bodyLimit: UInt64
  }

  let limits: Limits
  let headLimits: HeadLimits
  let responseHeadLimits: HeadLimits
  /// This worker's share of the connections.
  let connectionsPerWorker: Int
  let times: Times
  let callers: CallerLimits?
  let listeners: [Listener]
  let backends: [Backend]
  /// By backend: something in a request decides which servers may get it. Apart from the backends, for it
  /// is asked for each request, and a copied backend counts many references.
  let choosesByRequest: [Bool]
  let servers: [Server]
  let routes: [Route]
  let routing: RoutingTable
  let tracing: ProxyConfiguration.Tracing?
  /// Nil where none is kept.
  let log: AccessLog?

  init(
    _ configuration: ProxyConfiguration, standings: [ServerID: ServerStanding] = [:],
    sharing shared: SharedServers = SharedServers(), loggingTo sink: LogSink? = nil
  ) throws(TLSContextError) {
    limits = configuration.limits
    tracing = configuration.tracing
    headLimits = HeadLimits(
      bytes: limits.headBytes, targetBytes: limits.targetBytes, fields: limits.headerCount)
    responseHeadLimits = HeadLimits(
      bytes: limits.responseHeadBytes, targetBytes: 0, fields: limits.headerCount)
    connectionsPerWorker = max(
      1, configuration.limits.connections / max(1, configuration.workers))
    times = Times(configuration.timeouts, unknown: configuration.callers?.unknownFor)
    callers = configuration.callers
    listeners = configuration.listeners.map {
      Listener(
        name: $0.name, addresses: $0.addresses, admission: Admission($0),
        announcers: $0.announcers, redirectToHTTPSPort: $0.redirectToHTTPSPort,
        stream: $0.stream)
    }
    (backends, servers) = try Self.backends(configuration, standings, shared)
    choosesByRequest = backends.map(\.choosesByRequest)
    routes = configuration.routes.map {
      let limit = UInt64(max(0, $0.bodyBytes ?? configuration.limits.bodyBytes))
      return Route(
        name: $0.name, action: $0.action, responseHeaders: ResponseHeaders($0.setResponseHeaders),
        secureHeaders: SecureHeaders($0),
        isForAnyHost: $0.host == .any, bodyLimit: limit == 0 ? .max : limit)
    }
    routing = RoutingTable(configuration.routes)
    log = sink.map { AccessLog($0, configuration) }
  }

  private static func backends(
    _ configuration: ProxyConfiguration, _ standings: [ServerID: ServerStanding],
    _ shared: SharedServers
  ) throws(TLSContextError) -> ([Backend], [Server]) {
    var backends: [Backend] = []
    var servers: [Server] = []
    let sealer = CookieSealer(key: configuration.cookieKey)
    for backend in configuration.backends {
      let first = servers.count
      let tier = backend.servers.map(\.tier).min() ?? 0
      servers += backend.servers.map {
        let id = ServerID(backend: backend.name, server: $0.name)
        return Server(
          name: $0.name, address: $0.address, backend: backends.count, plan: $0,
          standing: standings[id] ?? ServerStanding($0, isInUse: $0.tier == tier),
          slots: shared.slots(id, limit: $0.limit ?? backend.limit.connections))
      }
      var context: TLSContext?
      if let tls = backend.tls { context = try TLSContext(upstream: tls) }
      backends.append(
        Backend(
          name: backend.name, servers: first..<servers.count,
          host: Array((backend.host ?? "").utf8),
          announcement: backend.announcement.map { $0 == .version1 ? .text : .binary },
          tls: context,
          tlsName: backend.tls?.serverName ?? "", plan: backend,
          affinity: Affinity(backend, sealer), waiting: shared.waiting(backend.name),
          ejections: shared.ejections(backend.name),
          split: backend.split.map { MethodSplit($0, backend: backend.name, sealer) }))
    }
    return (backends, servers)
  }
}
