internal import Configuration
internal import Firewall
internal import Foundation
internal import Proxy

/// `gatehouse why` over the admin API, for the dashboard.
extension AdminAPI {
  static let explainRoutes: [AdminRoute] = [
    AdminRoute("GET /v1/why", .viewer) { api, request in api.why(request.query) }
  ]

  /// `address=A&url=U`, `address=A&port=P`, or all three.
  private func why(_ query: String) -> LocalResponse {
    var components = URLComponents()
    // As forms write it, a plus is a space; one that is meant is encoded.
    components.percentEncodedQuery =
      Self.isQuery(query) ? query.replacing("+", with: "%20") : nil
    func value(_ name: String) -> String? {
      components.queryItems?.first { $0.name == name }?.value
    }
    guard let address = value("address").flatMap({ Address(parsing: $0) }) else {
      return Self.failure(400, "address is missing, or is none; allowed: 192.0.2.7 or 2001:db8::7")
    }
    let port = value("port").map { UInt16($0) ?? 0 }
    guard port != 0 else { return Self.failure(400, "port is none; allowed: 1 to 65535") }
    do {
      var question = Explainer.Question(client: address.plain, port: port)
      question.url = try value("url").map { text throws(ExplainError) in
        try RequestURL(parsing: text)
      }
      return Self.json(try explanation(of: question))
    } catch { return Self.failure(400, AuditLog.visible("\(error)")) }
  }

  private func explanation(of question: Explainer.Question) throws -> Explanation {
    let client = IPAddress(question.client)
    var bans: [IPAddress: Int64] = [:]
    bans[client.banned] = supervisor.proxy.endOfBan(of: client)
    let facts = RunningFacts(status: supervisor.status(), bans: bans)
    let explainer = try Explainer(supervisor.path, supervisor.loaded, running: facts)
    let kernel = try KernelFacts.read(
      PolicyStore(), of: question.client, to: question.port ?? question.url?.port ?? 0)
    return try explainer.why(question, kernel)
  }

  /// `URLComponents` ends the process over bytes that no query may have.
  private static func isQuery(_ text: String) -> Bool {
    text.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20)
        || "-._~!$&'()*+,;=:@/?%".utf8.contains(byte)
    } && !text.contains(/%(?![0-9A-Fa-f]{2})/)
  }
}

extension Address {
  /// What comes to a socket for both is IPv4 to every rule.
  fileprivate var plain: Address {
    guard case .ipv6(let bits) = self, bits >> 32 == 0xffff else { return self }
    return .ipv4(UInt32(truncatingIfNeeded: bits))
  }
}
