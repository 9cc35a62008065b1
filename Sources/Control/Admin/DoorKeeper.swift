internal import Configuration
internal import Proxy

/// Why the door over TCP does not answer.
struct AdminRefusal: Error, Equatable {
  var status: UInt16
  var message: String
  var fields: [LocalField] = []
  /// A login that failed, for the audit log.
  var isFailedLogin = false
}

/// Asks each request over TCP, loopback or not, who is behind it.
struct DoorKeeper {
  let terms: AdminListen
  let sessions: SessionBook
  let failures: FailureBook

  /// Whom it is for, and that no other site is behind it; what it came to, as a page's origin.
  func origin(of request: LocalRequest) throws(AdminRefusal) -> String {
    let host = AdminListen.authority(request.authority, isTLS: terms.isTLS)
    let hosts = terms.hosts
    guard request.values(of: "host").count == 1, hosts.contains(host) else {
      let all = hosts.sorted().joined(separator: ", ")
      let shown = String(AuditLog.visible(request.authority).prefix(300))
      throw AdminRefusal(
        status: 421,
        message: "Host is \"\(shown)\"; answered here: \(all); another one is put into "
          + "`admin.listen.names`")
    }
    let origin = "\(terms.isTLS ? "https" : "http")://\(host)"
    if let why = CrossSite.refusal(of: request, to: origin) {
      throw AdminRefusal(status: 403, message: why)
    }
    return origin
  }

  /// Who asks: by a token, else by a session, else by a certificate.
  func caller(of request: LocalRequest, to origin: String) throws(AdminRefusal) -> AdminCaller {
    switch Credentials.bearer(request.values(of: "authorization")) {
    case .token(let token):
      let (role, _) = try role(ofToken: token, request)
      return AdminCaller(.token, role, at: request.address)
    case .malformed:
      throw AdminRefusal(
        status: 400, message: "Authorization is not like: Bearer TOKEN, once")
    case .none: break
    }
    if let cookie = cookie(of: request), let (digest, _) = sessions.token(of: cookie),
      let role = role(ofDigest: digest)
    {
      try checkChange(request, to: origin)
      return AdminCaller(.session, role, at: request.address)
    }
    if let certificate = request.certificate, let (role, name) = terms.role(of: certificate) {
      return AdminCaller(.certificate(name), role, at: request.address)
    }
    throw unknownCaller
  }

  /// The token's role, and its digest.
  func role(
    ofToken token: String, _ request: LocalRequest
  ) throws(AdminRefusal) -> (AdminRole, digest: [UInt8]) {
    let address = request.address?.address ?? .ipv4(0)
    let digest = Credentials.digest(token)
    // A right one is let in whoever else guesses from there: 32 random bytes are not to be guessed, and
    // nobody may lock others out.
    if let role = role(ofDigest: digest) { return (role, digest) }
    if let wait = failures.wait(of: address) {
      let seconds = max(1, wait.components.seconds + 1)
      throw AdminRefusal(
        status: 429,
        message: "\(FailureBook.failureLimit) logins from \(address) have failed within "
          + "\(FailureBook.span.components.seconds) s; wait \(seconds) s",
        fields: [LocalField("Retry-After", "\(seconds)")])
    }
    failures.note(address)
    var refusal = unknownCaller
    refusal.message = "no role has this token"
    refusal.isFailedLogin = true
    throw refusal
  }

  /// A cookie goes along with whatever a page sends, so what changes something must come from a page of ours.
  func checkChange(_ request: LocalRequest, to origin: String) throws(AdminRefusal) {
    guard request.method != "GET", request.method != "HEAD" else { return }
    try checkOrigin(request, origin)
    try checkType(request)
  }

  func checkOrigin(_ request: LocalRequest, _ origin: String) throws(AdminRefusal) {
    guard CrossSite.isProven(request, to: origin) else {
      throw AdminRefusal(
        status: 403,
        message:
          "with a session, what changes something must come from a page of \(origin): neither "
          + "Origin nor Sec-Fetch-Site says so; programs send the token itself")
    }
  }

  /// What a form can't send.
  func checkType(_ request: LocalRequest) throws(AdminRefusal) {
    let types = request.values(of: "content-type")
    let type = types.first?.split(separator: ";").first?.lowercased() ?? ""
    guard types.count == 1, type.filter({ $0 != " " }) == "application/json" else {
      throw AdminRefusal(status: 415, message: "Content-Type must be application/json")
    }
  }

  func cookie(of request: LocalRequest) -> String? {
    Credentials.cookie(cookieName, request.values(of: "cookie"))
  }

  /// `__Host-`: browsers take it over TLS only, from this very host, for it alone.
  var cookieName: String { terms.isTLS ? "__Host-gatehouse" : "gatehouse" }

  /// The field that has a browser keep the session, or forget it.
  func setCookie(_ value: String, for life: Duration) -> LocalField {
    LocalField(
      "Set-Cookie",
      "\(cookieName)=\(value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(life.components.seconds)"
        + (terms.isTLS ? "; Secure" : ""))
  }

  private var unknownCaller: AdminRefusal {
    var ways = terms.tokens.isEmpty ? [] : ["send Authorization: Bearer TOKEN"]
    if terms.clientAuth != nil { ways.append("show a certificate") }
    return AdminRefusal(
      status: 401, message: "who asks? \(ways.joined(separator: ", or "))",
      fields: [LocalField("WWW-Authenticate", "Bearer realm=\"gatehouse\"")])
  }

  /// All are compared, so that the time says nothing.
  private func role(ofDigest digest: [UInt8]) -> AdminRole? {
    terms.tokens.filter { Credentials.isSame($0.value, digest) }.keys.max()
  }
}
