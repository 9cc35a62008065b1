internal import Configuration
internal import Firewall
internal import Foundation
internal import Proxy

/// `gatehouse why` over the admin API: for the dashboard, and for those who may not read the files.
extension AdminAPI {
  static let explainRoutes: [AdminRoute] = [
    AdminRoute("GET /v1/why", .viewer, takesTime: true) { api, request in api.why(request.query) }
  ]

  /// `address=A&url=U`, `address=A&port=P`, or all three; `via`, `method`, `body` and `listener` as the
  /// command has them.
  private func why(_ query: String) -> LocalResponse {
    var components = URLComponents()
    // As forms write it, a plus is a space; one that is meant is encoded.
    components.percentEncodedQuery =
      Self.isQuery(query) ? query.replacing("+", with: "%20") : nil
    func value(_ name: String) -> String? {
      components.queryItems?.first { $0.name == name }?.value
    }
    func client(_ name: String) -> Address? { value(name).flatMap { Address(parsing: $0)?.plain } }
    guard let address = client("address") else {
      return Self.failure(400, "address is missing, or is none; allowed: 192.0.2.7 or 2001:db8::7")
    }
    let port = value("port").map { UInt16($0) ?? 0 }
    guard port != 0 else { return Self.failure(400, "port is none; allowed: 1 to 65535") }
    let method = value("method") ?? "GET"
    guard Explainer.isMethod(method) else {
      return Self.failure(400, "method is none; allowed: GET, POST ...")
    }
    let body = value("body").map { Int($0) ?? -1 }
    guard body ?? 0 >= 0 else {
      return Self.failure(400, "body is none; allowed: 0 and more bytes")
    }
    let via = client("via")
    guard via != nil || value("via") == nil else { return Self.failure(400, "via is no address") }
    do {
      var question = Explainer.Question(client: address, port: port)
      question.via = via
      question.method = method
      question.bodyBytes = body
      question.listener = value("listener")
      question.url = try value("url").map { text throws(ExplainError) in
        try RequestURL(parsing: text)
      }
      return Self.json(try explanation(of: question))
    } catch { return Self.failure(400, AuditLog.visible("\(error)")) }
  }

  private func explanation(of question: Explainer.Question) throws -> Explanation {
    var bans: [IPAddress: Int64] = [:]
    for client in [question.client, question.via].compactMap(\.self).map({ IPAddress($0) }) {
      bans[client.banned] = supervisor.proxy.endOfBan(of: client)
    }
    let facts = RunningFacts(status: supervisor.status(), bans: bans)
    let (generation, loaded) = supervisor.current
    let kernel = try KernelFacts.read(
      PolicyStore(), of: question.via ?? question.client,
      to: question.port ?? question.url?.port ?? 0)
    return try supervisor.explanations.why(
      question, of: generation, loaded, at: supervisor.path, facts, kernel)
  }

  /// `URLComponents` ends the process over bytes that no query may have.
  private static func isQuery(_ text: String) -> Bool {
    text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
        || "-._~!$&'()*+,;=:@/?%".utf8.contains(byte)
    } && !text.contains(/%(?![0-9A-Fa-f]{2})/)
  }
}

extension Explainer {
  /// A token (RFC 9110, section 5.6.2), of any length that a head may have.
  public static func isMethod(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
          || "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
  }
}

extension AdminClient {
  /// What the process that runs says; `url`: as it was typed.
  public func why(_ question: Explainer.Question, url: String?) throws -> Explanation {
    var fields = [("address", "\(question.client)"), ("method", question.method)]
    if let port = question.port { fields.append(("port", "\(port)")) }
    if let url { fields.append(("url", url)) }
    if let via = question.via { fields.append(("via", "\(via)")) }
    if let bytes = question.bodyBytes { fields.append(("body", "\(bytes)")) }
    if let listener = question.listener { fields.append(("listener", listener)) }
    let query = fields.map { "\($0)=\(escaped($1))" }.joined(separator: "&")
    return try readJSON(Explanation.self, request("GET", "/v1/why?\(query)"))
  }
}

extension Address {
  /// What comes to a socket for both is IPv4 to every rule.
  fileprivate var plain: Address {
    guard case .ipv6(let bits) = self, bits >> 32 == 0xffff else { return self }
    return .ipv4(UInt32(truncatingIfNeeded: bits))
  }
}
