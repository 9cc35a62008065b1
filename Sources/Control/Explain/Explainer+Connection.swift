internal import Configuration
internal import Firewall
internal import Proxy

/// From the connection up to its request.
extension Explainer {
  func explain(_ course: Course, _ explanation: inout Explanation) {
    let listener = configuration.listeners[course.listener]
    explanation.add(
      "listener \(listener.name)", .ok, Self.text(of: listener), places.listener(listener.name))
    explainPolicy(course, &explanation)
    guard passes(course.peer, course, &explanation) else { return }
    let isAnnounced = forecaster.isAnnouncer(course.peer, of: course.listener)
    if isAnnounced {
      let place = places.place("listeners", listener.name, "proxy_protocol")
      explanation.add(
        "PROXY protocol", .ok, "\(course.peer) must tell of its client in a header", place)
      guard course.question.via != nil else {
        explanation.notes.append(
          "who is behind \(course.peer) decides; ask with: why CLIENT URL --via \(course.peer)")
        return shake(course, course.peer, &explanation)
      }
      guard passes(course.client, course, &explanation) else { return }
    }
    shake(course, isAnnounced ? course.client : course.peer, &explanation)
  }

  private static func text(of listener: ProxyConfiguration.Listener) -> String {
    let what =
      listener.stream != nil
      ? "bytes, whatever they say"
      : listener.redirectToHTTPSPort != nil ? "HTTP, redirected to https" : "HTTP"
    let addresses = listener.addresses.map(\.description).joined(separator: ", ")
    return "\(addresses): \(what)\(listener.tls == nil ? ", in clear" : " over TLS")"
  }

  // MARK: The policy, as the proxy holds it

  /// What the file's policy says, unless the kernel holds the same one.
  private func explainPolicy(_ course: Course, _ explanation: inout Explanation) {
    guard let policy = loaded.policy else {
      return explanation.add("policy", .allow, "there is none in \(path): everybody may connect")
    }
    guard !course.isKernelPolicySame else { return }
    let source = course.question.via ?? course.question.client
    let told = PolicyExplanation(
      of: Packet(from: source, .tcp(port: course.port)), by: CompiledPolicy(policy, at: course.time)
    )
    explanation.steps += (told.stages.filter { $0.name != "bans" } + told.entries).map { stage in
      var step = stage
      step.name = "policy: \(stage.name)"
      step.counter = nil
      guard stage.name == "limit" else { return step }
      step.result = .skipped
      step.detail += " (held by the kernel alone)"
      return step
    }
    explanation.advice = told.isAllowed ? nil : told.advice
  }

  /// Whether the proxy keeps the connection of an address, or of whom a balancer tells.
  private func passes(
    _ address: IPAddress, _ course: Course, _ explanation: inout Explanation
  ) -> Bool {
    let listener = configuration.listeners[course.listener]
    if let end = running?.endOfBan(of: address), end > course.time {
      explanation.add(
        "proxy: bans", .deny, "\(address.banned) is banned for \(end - course.time) s more")
      explanation.end = .closed
      explanation.advice = "To allow: gatehouse ban del \(address.banned)"
      return false
    }
    let forecast = forecaster.admission(of: address, to: course.listener, at: course.time)
    let place = places.place("policy")
    switch forecast {
    case .everybody: return true
    case .allowed:
      explanation.add("proxy", .allow, "\(address) may connect", place)
      explanation.advice = nil
      return true
    case .notAllowed, .closed:
      let why =
        forecast == .closed ? "outside the hours of its service" : "the policy does not let it in"
      guard listener.isAudit else {
        explanation.add("proxy", .deny, "\(address): \(why)", place)
        explanation.end = .closed
        return false
      }
      explanation.add("proxy: audit", .allow, "\(address): \(why); counted, and let in", place)
      explanation.advice = nil
      return true
    }
  }

  // MARK: The handshake

  private func shake(_ course: Course, _ client: IPAddress, _ explanation: inout Explanation) {
    let listener = configuration.listeners[course.listener]
    guard let url = course.question.url else {
      if listener.stream != nil { return explainStream(course, client, &explanation) }
      return explanation.notes.append("name a URL, too, to hear what becomes of a request")
    }
    let speaksTLS = listener.tls != nil
    if listener.stream == nil || url.scheme == .https, url.scheme != .tcp,
      (url.scheme == .https) != speaksTLS, !(listener.stream != nil && !speaksTLS)
    {
      let what =
        speaksTLS ? "expects TLS, and http:// begins none" : "speaks no TLS, and https:// begins it"
      explanation.add("handshake", .deny, "the listener \(what)", places.listener(listener.name))
      // OpenSSL has no alert for a request in clear.
      explanation.end = speaksTLS ? .closed : .noHandshake
      return
    }
    guard !speaksTLS || explainCertificate(course, url, &explanation) else { return }
    guard listener.stream == nil else { return explainStream(course, client, &explanation) }
    explainRequest(course, url, from: client, &explanation)
  }

  /// As clients put it into their hello: no address (RFC 6066, section 3), no last dot.
  static func serverName(of url: RequestURL) -> String {
    guard Address(parsing: url.host) == nil else { return "" }
    return url.host.hasSuffix(".") ? String(url.host.dropLast()) : url.host
  }

  private func explainCertificate(
    _ course: Course, _ url: RequestURL, _ explanation: inout Explanation
  ) -> Bool {
    let listener = configuration.listeners[course.listener]
    let name = Self.serverName(of: url)
    let address = Address(parsing: url.host).map { IPAddress($0) }
    let folder = places.place("listeners", listener.name, "certificates")
    switch forecaster.handshake(for: name, to: address, of: course.listener) {
    case .plain: return true
    case .unrecognizedName:
      let what = name.isEmpty ? "the address \(url.host)" : name
      explanation.add("certificate", .deny, "none bears \(what), and there is no default", folder)
      explanation.end = .alert("unrecognized_name")
      explanation.advice =
        "To serve it: put a certificate that bears \(what) into the folder; gatehouse cert list"
      return false
    case .certificate(let names, let isDefault, let asks):
      let list = names.joined(separator: ", ")
      let place =
        isDefault ? places.place("listeners", listener.name, "default_certificate") : folder
      explanation.add(
        "certificate", .ok, isDefault ? "\(list), the default: none bears the name" : list, place)
      guard let asks else { return true }
      let authority = places.authority(of: listener.name, host: url.host) ?? "an authority"
      let names =
        asks.allowedNames.isEmpty ? "" : ", for \(asks.allowedNames.joined(separator: " or "))"
      let must = asks.mode == .require ? "must" : "may"
      explanation.add(
        "client certificate", .ok, "the client \(must) show one of \(authority)\(names)",
        places.clientAuth(of: listener.name, host: url.host))
      if asks.mode == .require {
        explanation.notes.append(
          "without a certificate of \(authority) the handshake ends with an alert")
      }
      return true
    }
  }
}
