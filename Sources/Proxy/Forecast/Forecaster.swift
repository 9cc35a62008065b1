/// What the proxy would do with a client and a request: found by the code that serves them, over the
/// same tables, so that it can't be of another opinion.
public struct Forecaster {
  public let configuration: ProxyConfiguration
  private let snapshot: Snapshot
  private let selectors: Selectors
  private var standings: [ServerID: ServerStanding]
  private var setAside: Set<ServerID>

  /// `standings`: how servers are treated now; as the file has them where they are not named.
  public init(
    _ configuration: ProxyConfiguration, standings: [ServerID: ServerStanding] = [:],
    setAside: Set<ServerID> = []
  ) throws(ProxyError) {
    guard let key = TicketKey() else { throw .system("no randomness for ticket keys") }
    self.standings = standings
    do throws(TLSContextError) {
      snapshot = try Snapshot(configuration)
      selectors = try Selectors(
        configuration.listeners, keys: TicketKeys(key, at: 0), answering: [])
    } catch { throw .tls(error) }
    self.configuration = configuration
    self.setAside = setAside
  }

  /// Over what was compiled already, with servers that stand otherwise now.
  public func standing(
    _ standings: [ServerID: ServerStanding], setAside: Set<ServerID>
  ) -> Forecaster {
    var other = self
    other.standings = standings
    other.setAside = setAside
    return other
  }

  /// Time in seconds since 1970; bans left aside.
  public func admission(
    of client: IPAddress, to listener: Int, at time: Int64
  ) -> ClientForecast {
    let admission = snapshot.listeners[listener].admission
    guard let access = admission.access else { return .everybody }
    if admission.admits(client, at: time) { return .allowed }
    return access.allows(client, at: time) ? .closed : .notAllowed
  }

  /// Whether who connects from there must tell of the client in a PROXY protocol header.
  public func isAnnouncer(_ address: IPAddress, of listener: Int) -> Bool {
    snapshot.listeners[listener].announcers?.allows(address, at: 0) == true
  }

  /// `name`: as the hello has it; empty without one, and then the address that was connected to counts.
  public func handshake(
    for name: String, to address: IPAddress?, of listener: Int
  ) -> HandshakeForecast {
    guard let tls = configuration.listeners[listener].tls else { return .plain }
    let selector = selectors[configuration.listeners[listener].name]
    let bytes = Array(name.utf8)
    guard let offer = selector?.offer(for: bytes.span, to: address) else {
      return .unrecognizedName
    }
    return .certificate(
      offer.certificates.map { tls.certificates[$0].name }, isDefault: offer.isFallback,
      asks: offer.verifier?.settings)
  }

  /// In the worker's order (`Worker.decide`). `serverName`: of the hello before; `isBanned`: tells of
  /// the client that proxies in front name.
  public func request(
    _ request: ForecastRequest, from peer: IPAddress, to listener: Int, serverName: String,
    at time: Int64, isBanned: (IPAddress) -> Bool = { _ in false }
  ) -> RequestForecast {
    let bytes = request.head
    var head = RequestHead()
    var forecast = RequestForecast(end: .local, client: peer)
    switch HeadParser.parseRequest(bytes.span, limits: snapshot.headLimits, into: &head) {
    case .head: break
    case .needsMore: return forecast.ending(.refused(.headTooLarge))
    case .reject(let why): return forecast.ending(.refused(why))
    }
    forecast.host = String(copying: bytes.span.extracting(head.host))
    let plan = snapshot.listeners[listener]
    if let port = plan.redirectToHTTPSPort, plan.admission.requests == nil {
      return secure(forecast, head, bytes, port)
    }
    guard let path = PathNormalizer.normalised(bytes.span.extracting(head.path)) else {
      return forecast.ending(.badPath)
    }
    forecast.path = String(decoding: path, as: UTF8.self)
    if let requests = plan.admission.requests {
      let host = bytes.span.extracting(head.host)
      forecast.rules = requests.matching(host: host, path: path.span).map(\.rule)
      forecast.client = requests.client(from: peer, head, bytes.span, at: time)
      let isAllowed =
        forecast.client.map {
          requests.allows($0, host: host, path: path.span, at: time) && !isBanned($0)
        } ?? false
      forecast.isForbiddenInAudit = !isAllowed && plan.admission.isAudit
      guard isAllowed || plan.admission.isAudit else { return forecast.ending(.forbidden) }
    }
    if let port = plan.redirectToHTTPSPort { return secure(forecast, head, bytes, port) }
    return routed(forecast, head, bytes, path, plan.name, serverName)
  }

  private func secure(
    _ forecast: RequestForecast, _ head: RequestHead, _ bytes: [UInt8], _ port: UInt16
  ) -> RequestForecast {
    guard !head.host.isEmpty else { return forecast.ending(.noRoute) }
    let location = RedirectTarget.secure(head, bytes.span, port: port)
    return forecast.ending(
      in: .redirect(status: 308, location: String(decoding: location, as: UTF8.self)))
  }

  private func routed(
    _ forecast: RequestForecast, _ head: RequestHead, _ bytes: [UInt8], _ path: [UInt8],
    _ listener: String, _ serverName: String
  ) -> RequestForecast {
    var forecast = forecast
    let selector = selectors[listener]
    let name = Array(serverName.utf8)
    let host = bytes.span.extracting(head.host)
    if let selector, !selector.allows(host: host, afterHelloFor: name.span) {
      return forecast.ending(.misdirected)
    }
    let destination = snapshot.destination(
      host: host, path: path.span, framing: head.framing, over: selector)
    guard case .route(let route) = destination else {
      guard case .refuse(let reply) = destination else { return forecast }
      forecast.route = snapshot.routing.lookup(host: host, path: path.span)
      return forecast.ending(reply)
    }
    forecast.route = route
    switch snapshot.routes[route].action {
    case .local: return forecast.ending(in: .local)
    case .redirect(let pattern, let status):
      let location = RedirectTarget.filled(pattern, head, bytes.span)
      return forecast.ending(
        in: .redirect(
          status: UInt16(clamping: status), location: String(decoding: location, as: UTF8.self)))
    case .backend(let backend):
      let client = forecast.client ?? .ipv4(0)
      let plan = snapshot.backends[backend]
      let wish =
        plan.choosesByRequest
        ? plan.wish(head, bytes.span, path: path.span, client: client).wish : Balancer.Wish()
      return forecast.ending(in: .backend(backend, servers(of: backend, wish)))
    }
  }

  // MARK: Servers

  /// Of a listener that moves bytes; nil where it does not.
  public func stream(from client: IPAddress, to listener: Int) -> (
    backend: Int, servers: ServerForecast
  )? {
    guard let stream = snapshot.listeners[listener].stream,
      snapshot.backends.indices.contains(stream.backend)
    else { return nil }
    var wish = Balancer.Wish(stream)
    if case .hash = snapshot.backends[stream.backend].plan.balance {
      wish.key = Hashing.hash(client)
    }
    return (stream.backend, servers(of: stream.backend, wish))
  }

  private func servers(of backend: Int, _ wish: Balancer.Wish) -> ServerForecast {
    let plan = snapshot.backends[backend]
    var balancer = Balancer(plan, snapshot, standings)
    let names = plan.servers.map { ServerID(backend: plan.name, server: snapshot.servers[$0].name) }
    let aside = Set(names.indices.filter { setAside.contains(names[$0]) })
    var wish = wish
    wish.now = Clock.milliseconds()
    for member in aside {
      balancer.putOut(member, until: wish.now + 60_000, at: wish.now, reason: "")
    }
    let isByKey = if case .hash = plan.plan.balance { wish.key != nil } else { false }
    return ServerForecast(
      candidates: balancer.candidates(for: wish), standings: balancer.members.map(\.standing),
      setAside: aside, role: wish.role, fallsBackToPrimary: wish.fallsBackToPrimary,
      isByKey: isByKey)
  }
}

extension RequestForecast {
  fileprivate func ending(in end: End) -> RequestForecast {
    var forecast = self
    forecast.end = end
    return forecast
  }

  fileprivate func ending(_ reply: Reply) -> RequestForecast {
    ending(
      in: .reply(
        status: reply.status, title: "\(Replies.title(of: reply.status))",
        reason: "\(reply.reason)"))
  }
}
