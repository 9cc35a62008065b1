internal import Firewall
internal import Foundation
internal import Proxy

/// What the admin socket answers; each request is one line of `routes`.
struct AdminAPI: Sendable {
  let supervisor: Supervisor

  func answer(_ request: LocalRequest) -> LocalResponse {
    let parts = request.path.split(separator: "/").map(String.init)
    switch (request.method, parts.count, parts.first) {
    case ("GET", 2, "v1") where parts[1] == "status": return json(supervisor.status())
    case ("POST", 2, "v1") where parts[1] == "apply": return apply()
    case ("POST", 3...4, "v1") where parts[1] == "certificates" && parts[2] == "refresh":
      return json(refresh(parts.count == 4 ? parts[3] : nil))
    case ("PUT", 3, "v1") where parts[1] == "challenges": return present(parts[2], request.body)
    case ("DELETE", 3, "v1") where parts[1] == "challenges":
      supervisor.challenges.withdraw(parts[2])
      return json(AdminFailure(errors: []))
    case ("GET", 1, "metrics"):
      return LocalResponse(
        status: 200, contentType: Metrics.contentType,
        body: Array(Metrics.text(of: supervisor.status(), now: Date()).utf8))
    case ("PUT", 4, "v1") where parts[1] == "servers":
      return setServer(backend: parts[2], server: parts[3], request.body)
    case ("DELETE", 3, "v1") where parts[1] == "bans": return unban(parts[2])
    case ("PUT", 3, "v1") where parts[1] == "bans": return ban(parts[2], request.body)
    default:
      return failure(
        404,
        "no \(request.method) \(request.path) here; there are GET /v1/status, POST /v1/apply, "
          + "PUT /v1/servers/BACKEND/SERVER, PUT and DELETE /v1/bans/ADDRESS, POST /v1/certificates/refresh[/NAME], "
          + "PUT and DELETE /v1/challenges/ID, GET /metrics")
    }
  }

  private func apply() -> LocalResponse {
    let errors = supervisor.apply()
    guard errors.isEmpty else { return json(AdminFailure(errors: errors), status: 422) }
    return json(supervisor.status())
  }

  private func refresh(_ name: String?) -> CertificateRefresh {
    let all = supervisor.certificates.refresh(isAsked: true)
    guard let name = name?.removingPercentEncoding else { return all }
    return CertificateRefresh(
      entries: all.entries.filter { $0.name == name }, workers: all.workers)
  }

  private func present(_ id: String, _ body: [UInt8]) -> LocalResponse {
    guard let wanted = try? readJSON(ChallengeBody.self, Data(body)),
      let challenge = wanted.challenge
    else { return failure(400, "the body is not like {\"token\": \"…\", \"body\": \"…\"}") }
    guard supervisor.challenges.present(id, challenge) else {
      return failure(503, "not every worker answers the challenge; see the log")
    }
    return json(AdminFailure(errors: []))
  }

  private func setServer(backend: String, server: String, _ body: [UInt8]) -> LocalResponse {
    guard let change = try? readJSON(ServerChange.self, Data(body)) else {
      return failure(400, #"the body is not like {"weight": 3}"#)
    }
    guard (0...256).contains(change.weight) else {
      return failure(400, "weight \(change.weight) is not within 0...256")
    }
    if let error = supervisor.setWeight(change.weight, backend: backend, server: server) {
      return failure(404, error)
    }
    return json(supervisor.status())
  }

  private func ban(_ text: String, _ body: [UInt8]) -> LocalResponse {
    guard let address = Address(parsing: text) else {
      return failure(400, "\"\(text)\" is no address")
    }
    guard let ban = try? readJSON(BanSpan.self, Data(body)), ban.seconds <= BanSpan.longest else {
      return failure(400, #"the body is not like {"seconds": 600}, at most a year"#)
    }
    supervisor.ban(address, seconds: ban.seconds)
    return json(supervisor.status())
  }

  private func unban(_ text: String) -> LocalResponse {
    guard let address = Address(parsing: text) else {
      return failure(400, "\"\(text)\" is no address")
    }
    supervisor.unban(address)
    return json(supervisor.status())
  }

  private func failure(_ status: UInt16, _ message: String) -> LocalResponse {
    json(AdminFailure(errors: [message]), status: status)
  }

  private func json(_ value: some Encodable, status: UInt16 = 200) -> LocalResponse {
    guard let text = try? jsonText(value) else {
      return LocalResponse(status: 500, contentType: "text/plain", body: [])
    }
    return LocalResponse(
      status: status, contentType: "application/json", body: Array("\(text)\n".utf8))
  }
}

/// The body of `PUT /v1/servers/BACKEND/SERVER`.
public struct ServerChange: Codable, Sendable {
  public let weight: Int

  public init(weight: Int) { self.weight = weight }
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
