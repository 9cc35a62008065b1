internal import Configuration
internal import Firewall
internal import Proxy

/// From a request to the server that gets it.
extension Explainer {
  func explainRequest(
    _ course: Course, _ url: RequestURL, from peer: IPAddress, _ explanation: inout Explanation
  ) {
    let question = course.question
    var request = ForecastRequest(
      method: question.method, target: url.target, host: url.hostField,
      bodyBytes: question.bodyBytes)
    if question.via != nil { request.forwardedFor = "\(course.client)" }
    let forecast = forecaster.request(
      request, from: peer, to: course.listener, serverName: Self.serverName(of: url),
      at: course.time,
      isBanned: { running?.endOfBan(of: $0).map { $0 > course.time } ?? false })
    explainRules(course, forecast, &explanation)
    switch forecast.end {
    case .reply(let status, let title, let reason):
      explanation.end = .reply(status: status, title: title, reason: reason)
      explanation.route = forecast.route
      explainRefusal(course, forecast, status, reason, &explanation)
    case .redirect(let status, let location):
      explainRoute(course, forecast, &explanation)
      explanation.end = .redirect(status: status, location: location)
    case .local: explanation.end = .letIn
    case .backend(let backend, let servers):
      explainRoute(course, forecast, &explanation)
      explain(backend, servers, isStream: false, &explanation)
    }
  }

  // MARK: The policy's rules for requests

  private func explainRules(
    _ course: Course, _ forecast: RequestForecast, _ explanation: inout Explanation
  ) {
    let listener = configuration.listeners[course.listener]
    guard let access = listener.http, !forecast.path.isEmpty, let policy = loaded.policy else {
      return
    }
    if let client = forecast.client, client != course.peer {
      explanation.add("client", .ok, "\(client), as X-Forwarded-For tells it")
    } else if access.trustedProxies?.allows(course.peer, at: course.time) == true {
      explanation.notes.append(
        "\(course.peer) is a trusted proxy: whom it names in X-Forwarded-For decides; ask with --via"
      )
    }
    let compiled = CompiledPolicy(policy, at: course.time)
    let source = Packet(from: Address(forecast.client ?? course.peer), .tcp(port: course.port))
    var told = PolicyExplanation(of: source, by: compiled)
    let before = told.stages.count
    told.advice = nil
    told.add(requestTo: forecast.host, forecast.path, source, compiled)
    explanation.steps += told.stages.dropFirst(before)
    if forecast.isForbiddenInAudit {
      explanation.add("http: audit", .allow, "would be forbidden; counted, and let through")
    } else {
      explanation.advice = told.advice
    }
  }

  // MARK: The route

  private func explainRoute(
    _ course: Course, _ forecast: RequestForecast, _ explanation: inout Explanation
  ) {
    let listener = configuration.listeners[course.listener]
    guard let index = forecast.route else {
      return explanation.add(
        "redirect", .ok, "every request goes to https",
        places.place("listeners", listener.name, "redirect"))
    }
    let route = configuration.routes[index]
    explanation.route = index
    explanation.add("route", .ok, "\(route.pattern) -> \(action(route))", places.route(index))
  }

  private func action(_ route: ProxyConfiguration.Route) -> String {
    switch route.action {
    case .backend(let index): "backend \(configuration.backends[index].name)"
    case .redirect(let target, _): "redirect to \(target)"
    case .local: "this process"
    }
  }

  private func explainRefusal(
    _ course: Course, _ forecast: RequestForecast, _ status: UInt16, _ reason: String,
    _ explanation: inout Explanation
  ) {
    switch status {
    case 403:
      if forecast.client == nil {
        explanation.add("http", .deny, "X-Forwarded-For of a trusted proxy can't be read")
      } else if !explanation.steps.contains(where: { $0.name == "http" && $0.result == .deny }) {
        explanation.add("http", .deny, reason)
      }
    case 404:
      explanation.add(
        "route", .deny, "none for \(forecast.host)\(forecast.path)", places.place("routes"))
      explanation.advice =
        "To serve it: a route for it, such as { host: \(forecast.host), backend: NAME }"
    case 413 where forecast.route != nil:
      let index = forecast.route ?? 0
      let place =
        configuration.routes[index].bodyBytes == nil
        ? places.place("limits", "body") : places.route(index, "body")
      explanation.add("route", .ok, configuration.routes[index].pattern, places.route(index))
      explanation.add("body", .deny, reason, place)
    case 421:
      explanation.add(
        "route", .deny, "\(forecast.host) is not served over this connection",
        forecast.route.flatMap { places.route($0) })
      explanation.advice =
        "A route without host takes hosts that a certificate of the listener bears"
    default: explanation.add("request", .deny, "\(status): \(reason)")
    }
  }

  // MARK: Servers

  func explainStream(_ course: Course, _ client: IPAddress, _ explanation: inout Explanation) {
    guard let stream = forecaster.stream(from: client, to: course.listener) else { return }
    let listener = configuration.listeners[course.listener]
    explanation.add(
      "stream", .ok, "to backend \(configuration.backends[stream.backend].name)",
      places.place("listeners", listener.name, "backend"))
    explain(stream.backend, stream.servers, isStream: true, &explanation)
  }

  private func explain(
    _ index: Int, _ forecast: ServerForecast, isStream: Bool, _ explanation: inout Explanation
  ) {
    let backend = configuration.backends[index]
    let role = forecast.role.map { role in
      "; wants a \(role.rawValue)\(forecast.fallsBackToPrimary ? ", else the primary" : "")"
    }
    explanation.add(
      "backend \(backend.name)", .ok, backend.way(forecast) + (role ?? ""),
      places.backend(backend.name))
    for (member, server) in backend.servers.enumerated() {
      let id = ServerID(backend: backend.name, server: server.name)
      explanation.add(
        "server \(server.name)", forecast.candidates.contains(member) ? .ok : .no,
        "\(server.address) \(standing(member, id, forecast))", places.server(id))
    }
    let names = forecast.candidates.map { backend.servers[$0].name }
    guard names.isEmpty else {
      if forecast.candidates.allSatisfy(forecast.setAside.contains) {
        explanation.notes.append("all that can take it failed just now: 502 or 503 is likely")
      }
      explanation.end =
        isStream
        ? .stream(backend.name, servers: names) : .backend(backend.name, servers: names)
      return
    }
    let isForPrimary = forecast.role == .primary
    let reason = ForecastReply.noServer(isForPrimary: isForPrimary)
    explanation.end =
      isStream
      ? .noServer(backend.name)
      : .reply(status: reason.status, title: reason.title, reason: reason.text)
    explanation.advice = "To see why: gatehouse server list; gatehouse explain 503"
  }

  /// Why a server may take it or not, in words.
  private func standing(_ member: Int, _ id: ServerID, _ forecast: ServerForecast) -> String {
    let standing = forecast.standings[member]
    let known = running?.server(id)
    var words: [String] = []
    if standing.state != .ready { words.append(standing.state.rawValue) }
    if !standing.isHealthy { words.append("down") }
    if forecast.setAside.contains(member) { words.append("set aside") }
    if standing.weight == 0 { words.append("weight 0") }
    if !standing.isInUse { words.append("its tier is not in use") }
    if let role = forecast.role, standing.role != role {
      words.append(standing.role.map { "is a \($0.rawValue)" } ?? "has no role")
    }
    if words.isEmpty {
      words = [known?.health == "up" ? "up" : "not known to be down"]
      if forecast.isByKey {
        words.append(
          forecast.candidates.contains(member)
            ? "the request's key is its" : "the request's key is another's")
      }
    }
    words.append("weight \(standing.weight.hundredthsText)")
    if let why = known?.why, !why.isEmpty { words.append(why) }
    return words.joined(separator: ", ")
  }
}

extension ProxyConfiguration.Route {
  /// As `*.example.com /orders/**`.
  fileprivate var pattern: String {
    let host: String =
      switch self.host {
      case .any: "any host"
      case .exact(let name): name
      case .suffix(let name): "*.\(name)"
      }
    let path: String =
      switch self.path {
      case .any: "/**"
      case .exact(let path): path
      case .prefix(let path): "\(path)/**"
      }
    return "\(host) \(path)"
  }
}

extension ProxyConfiguration.Backend {
  /// How it chooses.
  fileprivate func way(_ forecast: ServerForecast) -> String {
    switch balance {
    case .roundRobin: "in turn, by weight"
    case .leastConnections: "the one with the fewest connections for its weight"
    case .latency: "the quicker of two drawn by weight"
    case .random: "drawn by weight"
    case .hash(.address): "the client's address decides"
    case .hash(.header(let name)):
      "the header \(name) decides\(forecast.isByKey ? "" : ", else in turn")"
    case .hash(.cookie(let name)):
      "the cookie \(name) decides\(forecast.isByKey ? "" : ", else in turn")"
    }
  }
}

extension Address {
  init(_ address: IPAddress) {
    switch address {
    case .ipv4(let bits): self = .ipv4(bits)
    case .ipv6(let bits): self = .ipv6(bits)
    }
  }
}
