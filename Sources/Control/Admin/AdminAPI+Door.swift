internal import Foundation
internal import Proxy

/// What is answered over TCP: who asks is found first.
extension AdminAPI {
  func answer(_ request: LocalRequest, by keeper: DoorKeeper) -> LocalResponse {
    var response: LocalResponse
    do throws(AdminRefusal) {
      response = try admitted(request, keeper)
    } catch {
      response = Self.failure(error.status, error.message)
      response.fields = error.fields
      if error.isFailedLogin { note(login: request, role: "", outcome: "401: \(error.message)") }
    }
    return response.with { $0.fields += AdminPages.protection }
  }

  private func admitted(
    _ request: LocalRequest, _ keeper: DoorKeeper
  ) throws(AdminRefusal) -> LocalResponse {
    let origin = try keeper.origin(of: request)
    if let page = AdminPages.page(request.method, request.path) { return page }
    if request.path == "/v1/greeting", request.method == "GET" {
      // Whoever shows something must show the right thing; only who shows nothing is greeted all the same.
      let showsToken = !request.values(of: "authorization").isEmpty
      let caller =
        showsToken
        ? try keeper.caller(of: request, to: origin) : try? keeper.caller(of: request, to: origin)
      var response = Self.json(Greeting(keeper, caller))
      response.caller = caller?.key
      return response
    }
    if request.path == "/v1/session" {
      if request.method == "POST" { return try logIn(request, keeper) }
      if request.method == "DELETE" { return try logOut(request, keeper, origin) }
    }
    return answer(request, as: try keeper.caller(of: request, to: origin))
  }

  /// Gives a browser a cookie in the token's place.
  private func logIn(
    _ request: LocalRequest, _ keeper: DoorKeeper
  ) throws(AdminRefusal) -> LocalResponse {
    let token: String
    switch Credentials.bearer(request.values(of: "authorization")) {
    case .token(let text): token = text
    case .malformed, .none:
      try keeper.checkType(request)
      guard let login = try? readJSON(Login.self, Data(request.body)),
        login.token.utf8.count <= Credentials.lengthLimit
      else { throw AdminRefusal(status: 400, message: #"the body is not like {"token": "…"}"#) }
      token = login.token
    }
    let (role, digest) = try keeper.role(ofToken: token, request)
    note(login: request, role: role.rawValue, outcome: "done")
    let cookie = keeper.sessions.begin(digest)
    let caller = AdminCaller(.session, role, at: request.address)
    var response = Self.json(Session(caller))
    response.caller = caller.key
    response.fields = [keeper.setCookie(cookie, for: SessionBook.life)]
    return response
  }

  private func logOut(
    _ request: LocalRequest, _ keeper: DoorKeeper, _ origin: String
  ) throws(AdminRefusal) -> LocalResponse {
    guard let cookie = keeper.cookie(of: request) else {
      throw AdminRefusal(status: 400, message: "there is no session to end")
    }
    try keeper.checkOrigin(request, origin)
    keeper.sessions.end(cookie)
    supervisor.door.endEventStreams()
    var response = Self.json(AdminFailure(errors: []))
    response.fields = [keeper.setCookie("", for: .zero)]
    return response
  }

  private func note(login request: LocalRequest, role: String, outcome: String) {
    let entry = AuditEntry(
      at: Date(), user: "token \(role.isEmpty ? "unknown" : role)", uid: nil, pid: nil,
      address: request.address?.description, role: role, action: "log in", subject: "", before: "",
      after: "", reason: "", outcome: outcome)
    if let trouble = supervisor.audit.append(entry) {
      supervisor.logger.error("the audit log can't be written: \(trouble)")
    }
  }
}

/// The body of `POST /v1/session`, where the token is not in Authorization.
struct Login: Codable {
  var token: String
}

/// What a page may know before anybody has logged in: who looks, and what else would be taken.
struct Greeting: Codable {
  /// Nil where nothing says who it is; no error, which a browser would log.
  var session: Session?
  var takesTokens: Bool
  var takesCertificates: Bool

  init(_ keeper: DoorKeeper, _ caller: AdminCaller?) {
    session = caller.map(Session.init)
    takesTokens = !keeper.terms.tokens.isEmpty
    takesCertificates = keeper.terms.clientAuth != nil
  }
}

/// Who one is, as `/v1/session` says.
struct Session: Codable {
  var name: String
  var role: String
  var address: String?

  init(_ caller: AdminCaller) {
    name = caller.name
    role = caller.role.rawValue
    address = caller.address?.description
  }
}
