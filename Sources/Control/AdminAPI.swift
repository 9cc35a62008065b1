internal import Configuration
internal import Firewall
internal import Foundation
internal import Proxy

/// What the admin socket and the door over TCP answer; each request is one line of `routes`.
struct AdminAPI: Sendable {
  let supervisor: Supervisor

  private static let routes: [AdminRoute] =
    [
      AdminRoute("GET /v1/status", .viewer) { api, _ in json(api.supervisor.status()) },
      AdminRoute("GET /v1/history", .viewer) { api, _ in json(api.supervisor.history.moments) },
      AdminRoute("GET /metrics", .viewer) { api, request in api.metrics(request) },
      AdminRoute("GET /v1/events/stream", .viewer) { api, _ in api.supervisor.eventStream() },
      AdminRoute("GET /v1/session", .viewer) { json(Session($1.caller)) },
      AdminRoute("GET /v1/audit", .viewer) { api, request in json(api.audit(request)) },
      AdminRoute("POST /v1/apply", .admin, "apply") { $0.apply($1) },
      AdminRoute("POST /v1/certificates/refresh", .admin, "refresh certificates") { api, _ in
        json(api.refresh(nil))
      },
      AdminRoute("POST /v1/certificates/refresh/NAME", .admin, "refresh certificate") {
        json($0.refresh($1[3]))
      },
      AdminRoute("PUT /v1/challenges/ID", .admin, "present challenge") {
        $0.present($1[2], $1.body)
      },
      AdminRoute("DELETE /v1/challenges/ID", .admin, "withdraw challenge") {
        $0.supervisor.challenges.withdraw($1[2])
        return json(AdminFailure(errors: []))
      },
      AdminRoute("GET /v1/bans/ADDRESS", .viewer) { $0.ban(of: $1[2]) },
      AdminRoute("PUT /v1/bans/ADDRESS", .operator, "ban") { $0.ban($1) },
      AdminRoute("DELETE /v1/bans/ADDRESS", .operator, "unban") { $0.unban($1) },
    ] + serverRoutes + eventRoutes + explainRoutes + haproxyRoutes

  /// Over the Unix socket.
  func answer(_ request: LocalRequest) -> LocalResponse {
    if let why = CrossSite.refusal(of: request, to: nil) { return Self.failure(403, why) }
    guard let caller = AdminCaller(request.peer, supervisor.roles) else {
      return Self.failure(403, "only over a Unix socket: the kernel must tell who asks")
    }
    return answer(request, as: caller)
  }

  func answer(_ request: LocalRequest, as caller: AdminCaller) -> LocalResponse {
    var response = answered(request, as: caller)
    response.caller = caller.key
    return response
  }

  private func answered(_ request: LocalRequest, as caller: AdminCaller) -> LocalResponse {
    let parts = request.path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
    guard let route = Self.routes.first(where: { $0.matches(request.method, parts) }) else {
      let all = Self.routes.map(\.text).joined(separator: ", ")
      return Self.failure(
        404, "no \(request.method) \(AuditLog.visible(request.path)) here; there are \(all)")
    }
    let asked = AdminRequest(
      caller: caller, parts: parts, query: request.query, body: request.body,
      ifMatch: request.ifMatch, accept: request.values(of: "accept"))
    guard let action = route.action else {
      guard route.takesTime else { return route.answer(self, asked) }
      return supervisor.questions.answer(caller.key) { route.answer(self, asked) }
    }
    guard caller.role >= route.role else {
      let answer = refusal(route, caller)
      note(action, asked, standing(of: asked), answer)
      return answer
    }
    return supervisor.changes.answer(caller.key) {
      let before = standing(of: asked)
      let answer = route.answer(self, asked)
      note(action, asked, before, answer)
      return answer
    }
  }

  private func refusal(_ route: AdminRoute, _ caller: AdminCaller) -> LocalResponse {
    Self.failure(
      403,
      "\(route.text) needs the role \(route.role.rawValue); \(caller.text) has "
        + "\(caller.role.rawValue); an administrator can change `admin.\(caller.peer == nil ? "listen" : "roles")`"
    )
  }

  private func note(
    _ action: String, _ request: AdminRequest, _ before: String, _ answer: LocalResponse
  ) {
    let body = Data(request.body)
    let failure = try? readJSON(AdminFailure.self, Data(answer.body))
    let isDone = answer.status < 400
    let entry = AuditEntry(
      at: Date(), user: request.caller.name, uid: request.caller.peer?.user,
      pid: request.caller.peer?.process, address: request.caller.address?.description,
      role: request.caller.role.rawValue, action: action,
      subject: request.parts.dropFirst(2).joined(separator: "/"), before: before,
      after: isDone ? standing(of: request) : "",
      reason: (try? readJSON(ChangeTerms.self, body))?.reason ?? "",
      outcome: isDone
        ? "done" : "\(answer.status): \(failure?.errors.joined(separator: "; ") ?? "")")
    if let trouble = supervisor.audit.append(entry) {
      supervisor.logger.error("the audit log can't be written: \(trouble)")
    }
  }

  private func metrics(_ request: AdminRequest) -> LocalResponse {
    let format = MetricText.Format(accepting: request.accept)
    return LocalResponse(
      status: 200, contentType: format.contentType, body: Array(supervisor.metrics(format).utf8))
  }

  private func audit(_ request: AdminRequest) -> [AuditEntry] {
    let wanted = request.query.split(separator: "&").first { $0.hasPrefix("last=") }
      .flatMap { Int($0.dropFirst(5)) }
    return supervisor.audit.last(max(1, min(wanted ?? 20, 10_000)))
  }

  private func apply(_ request: AdminRequest) -> LocalResponse {
    let errors = supervisor.apply(by: request.caller.name)
    guard errors.isEmpty else { return Self.json(AdminFailure(errors: errors), status: 422) }
    return Self.json(supervisor.status())
  }

  private func refresh(_ name: String?) -> CertificateRefresh {
    let all = supervisor.certificates.refresh(isAsked: true)
    guard let name else { return all }
    return CertificateRefresh(
      entries: all.entries.filter { $0.name == name }, workers: all.workers)
  }

  private func present(_ id: String, _ body: [UInt8]) -> LocalResponse {
    guard let wanted = try? readJSON(ChallengeBody.self, Data(body)),
      let challenge = wanted.challenge
    else { return Self.failure(400, "the body is not like {\"token\": \"…\", \"body\": \"…\"}") }
    guard supervisor.challenges.present(id, challenge) else {
      return Self.failure(503, "not every worker answers the challenge; see the log")
    }
    return Self.json(AdminFailure(errors: []))
  }

  private func ban(_ request: AdminRequest) -> LocalResponse {
    guard let address = Address(parsing: request[2]) else {
      return Self.failure(400, "\"\(AuditLog.visible(request[2]))\" is no address")
    }
    guard let ban = try? readJSON(BanSpan.self, Data(request.body)), ban.seconds <= BanSpan.longest
    else {
      return Self.failure(400, #"the body is not like {"seconds": 600}, at most a year"#)
    }
    supervisor.ban(address, seconds: ban.seconds, by: request.caller.name)
    return Self.json(supervisor.status())
  }

  private func ban(of text: String) -> LocalResponse {
    guard let address = Address(parsing: text) else {
      return Self.failure(400, "\"\(AuditLog.visible(text))\" is no address")
    }
    return Self.json(BanAnswer(until: supervisor.proxy.endOfBan(of: IPAddress(address))))
  }

  private func unban(_ request: AdminRequest) -> LocalResponse {
    guard let address = Address(parsing: request[2]) else {
      return Self.failure(400, "\"\(AuditLog.visible(request[2]))\" is no address")
    }
    supervisor.unban(address, by: request.caller.name)
    return Self.json(supervisor.status())
  }

  static func failure(_ status: UInt16, _ message: String) -> LocalResponse {
    json(AdminFailure(errors: [message]), status: status)
  }

  static func json(
    _ value: some Encodable, status: UInt16 = 200, tag: String? = nil
  ) -> LocalResponse {
    guard let text = try? jsonText(value) else {
      return LocalResponse(status: 500, contentType: "text/plain", body: [])
    }
    return LocalResponse(
      status: status, contentType: "application/json", body: Array("\(text)\n".utf8), tag: tag)
  }
}

/// A request that is answered, who may ask, and what the audit log calls it.
struct AdminRoute: Sendable {
  /// As `GET /v1/servers/BACKEND`; words in capitals stand for any.
  let text: String
  let role: AdminRole
  /// Nil for what only looks.
  let action: String?
  /// It only looks, and others should not wait for it; what changes something always may take time.
  let takesTime: Bool
  let answer: @Sendable (AdminAPI, AdminRequest) -> LocalResponse
  private let method: Substring
  private let pattern: [Substring]

  init(
    _ text: String, _ role: AdminRole, _ action: String? = nil, takesTime: Bool = false,
    _ answer: @escaping @Sendable (AdminAPI, AdminRequest) -> LocalResponse
  ) {
    self.text = text
    self.role = role
    self.action = action
    self.takesTime = takesTime
    self.answer = answer
    let words = text.split(separator: " ")
    method = words.first ?? ""
    pattern = words.last?.split(separator: "/") ?? []
  }

  func matches(_ method: String, _ parts: [String]) -> Bool {
    method == self.method && parts.count == pattern.count
      && zip(parts, pattern).allSatisfy {
        $0 == $1 || $1.utf8.allSatisfy { $0 < 0x5b && $0 > 0x40 }
      }
  }
}

/// The body of `PUT /v1/bans/ADDRESS`.
public struct BanSpan: Codable, Sendable {
  static let longest: UInt64 = 366 * 86_400

  public let seconds: UInt64
}

/// The body of every answer that is not 2xx.
public struct AdminFailure: Codable, Sendable {
  public let errors: [String]
}
