internal import Foundation
internal import Proxy

/// Whether a question of health is answered with yes, and why not.
struct HealthVerdict: Codable, Sendable, Equatable {
  var status: String
  var reasons: [String]

  init(_ reasons: [String] = []) {
    status = reasons.isEmpty ? "ok" : "fail"
    self.reasons = reasons
  }

  var isGood: Bool { reasons.isEmpty }

  /// A line of text, or JSON for who asks for that.
  func response(asJSON: Bool) -> LocalResponse {
    var response =
      asJSON
      ? AdminAPI.json(self, status: isGood ? 200 : 503)
      : LocalResponse(
        status: isGood ? 200 : 503, contentType: "text/plain; charset=utf-8",
        body: Array((isGood ? "ok\n" : reasons.joined(separator: "\n") + "\n").utf8))
    response.fields = [LocalField("Cache-Control", "no-store")]
    return response
  }
}

extension HealthVerdict {
  /// Ready while each backend that something is sent to has a server that takes it.
  static func readiness(
    _ backends: [Status.Backend], needed: [String], reports: [WorkerReport]
  ) -> HealthVerdict {
    HealthVerdict(
      needed.compactMap { name in
        guard let backend = backends.first(where: { $0.name == name }) else { return nil }
        return backend.servers.contains { isUsable($0, reports) }
          ? nil : "backend \(name): no server is up"
      })
  }

  /// One that failed under the eyes of some workers gets requests from the others.
  private static func isUsable(_ server: Status.Server, _ reports: [WorkerReport]) -> Bool {
    guard server.effectiveWeight > 0 else { return false }
    guard server.state == "set aside" else { return server.state == "up" }
    return !reports.allSatisfy { report in
      report.servers.contains {
        $0.backend == server.backend && $0.name == server.name && $0.isSetAside
      }
    }
  }
}
