internal import Foundation
internal import Proxy

/// Servers and their overrides over the admin socket; every answer bears the ETag that If-Match wants.
extension AdminAPI {
  static let serverRoutes: [AdminRoute] = [
    AdminRoute("GET /v1/servers", .viewer) { api, _ in api.backends() },
    AdminRoute("GET /v1/servers/BACKEND/SERVER", .viewer) { $0.server($1.server) },
    AdminRoute("PATCH /v1/servers/BACKEND/SERVER", .operator, "set") { $0.set($1) },
    // As it was before there was more to set than a weight.
    AdminRoute("PUT /v1/servers/BACKEND/SERVER", .operator, "set") { $0.set($1) },
    AdminRoute("POST /v1/servers/BACKEND/SERVER", .admin, "add") { $0.add($1) },
    AdminRoute("DELETE /v1/servers/BACKEND/SERVER", .admin, "remove") { $0.remove($1) },
    AdminRoute("GET /v1/overrides", .viewer) { api, _ in api.overrides() },
    AdminRoute("DELETE /v1/overrides", .operator, "clear overrides") { $0.clear($1) },
    AdminRoute("DELETE /v1/overrides/BACKEND/SERVER", .operator, "clear overrides") {
      $0.clear($1)
    },
    AdminRoute("DELETE /v1/overrides/BACKEND/SERVER/KEY", .operator, "clear override") {
      $0.clear($1)
    },
    AdminRoute("POST /v1/backends/BACKEND/failback", .operator, "fail back") { $0.failBack($1) },
  ]

  /// What the audit log says of it, before and after.
  func standing(of request: AdminRequest) -> String {
    switch request[1] {
    case "apply": "generation \(supervisor.generation)"
    case "servers":
      supervisor.servers.look { book in
        guard let merge = book.merge(request.server) else { return "none" }
        return
          "weight \(merge.weight.hundredthsText), \(merge.state.rawValue), \(merge.server.address)"
      }
    case "overrides":
      supervisor.servers.look { book in
        book.overrides.overrides.map { "\($0.name) = \($0.change.text)" }.joined(separator: ", ")
      }
    case "backends":
      supervisor.servers.look { "tier \($0.tiers[request[2]]?.inUse ?? 0)" }
    default: ""
    }
  }

  private var tag: String { supervisor.servers.look { $0.tag } }

  private func backends() -> LocalResponse {
    let view = TrafficView(supervisor.proxy.report(), supervisor.history)
    let (all, tag) = supervisor.servers.look { book in
      (book.applied.backends.map { book.status($0, view) }, book.tag)
    }
    return Self.json(all, tag: tag)
  }

  private func server(_ id: ServerID) -> LocalResponse {
    let view = TrafficView(supervisor.proxy.report(), supervisor.history)
    let found = supervisor.servers.look { book -> Result<(Status.Server, String), ServerRefusal> in
      guard let backend = book.applied.backends.first(where: { $0.name == id.backend }),
        let merge = book.merge(id)
      else { return .failure(book.unknown(id)) }
      return .success((book.status(merge, backend, view), book.tag))
    }
    switch found {
    case .success(let (server, tag)): return Self.json(server, tag: tag)
    case .failure(let refusal): return Self.failure(refusal.status, refusal.text)
    }
  }

  private func set(_ request: AdminRequest) -> LocalResponse {
    attempt(request, #"{"weight": "50%", "state": "drain", "seconds": 600, "reason": "…"}"#) {
      (api, change: ServerChange) throws(ServerRefusal) in
      try api.supervisor.set(request.server, change, by: request.by)
      return api.server(request.server)
    }
  }

  private func add(_ request: AdminRequest) -> LocalResponse {
    attempt(
      request,
      #"{"address": "10.0.0.14:8080", "weight": 2, "tier": 0, "role": "replica", "seconds": 600, "reason": "…"}"#
    ) {
      (api, wanted: ServerAddition) throws(ServerRefusal) in
      try api.supervisor.add(request.server, wanted, by: request.by)
      return api.server(request.server)
    }
  }

  private func remove(_ request: AdminRequest) -> LocalResponse {
    attempt(request, #"{"seconds": 600, "reason": "…"}"#) {
      (api, terms: ChangeTerms) throws(ServerRefusal) in
      try api.supervisor.remove(request.server, terms, by: request.by)
      return api.backends()
    }
  }

  private func overrides() -> LocalResponse {
    let (list, tag) = supervisor.servers.look { book in
      (
        OverrideList(
          overrides: book.overrides.overrides.map { book.status($0) },
          troubles: [book.damage, book.keepTrouble].compactMap(\.self)), book.tag
      )
    }
    return Self.json(list, tag: tag)
  }

  private func clear(_ request: AdminRequest) -> LocalResponse {
    var key: ServerOverride.Key?
    if request.parts.count == 5 {
      key = ServerOverride.Key(rawValue: request[4])
      guard key != nil else {
        let all = ServerOverride.Key.allCases.map(\.rawValue).joined(separator: ", ")
        return Self.failure(404, "no key \"\(AuditLog.visible(request[4]))\"; there are: \(all)")
      }
    }
    do throws(ServerRefusal) {
      _ = try supervisor.clear(
        request.parts.count > 2 ? request.server : nil, key, by: request.by,
        mayAll: request.caller.role == .admin)
    } catch { return Self.failure(error.status, error.text) }
    return overrides()
  }

  private func failBack(_ request: AdminRequest) -> LocalResponse {
    do throws(ServerRefusal) {
      _ = try supervisor.failBack(request[2], by: request.by)
    } catch { return Self.failure(error.status, error.text) }
    return backends()
  }

  /// Of a body that is an object; nil of any other.
  private static func keys(_ body: [UInt8]) -> Set<String>? {
    let object = try? JSONSerialization.jsonObject(with: Data(body))
    return (object as? [String: Any]).map { Set($0.keys) }
  }

  /// With the body read; an empty one is `{}`. Its keys are those of the example, and no others.
  private func attempt<Body: Decodable>(
    _ request: AdminRequest, _ example: String,
    _ body: (AdminAPI, Body) throws(ServerRefusal) -> LocalResponse
  ) -> LocalResponse {
    let wanted: Body
    let known = Self.keys(Array(example.utf8)) ?? []
    if let strange = Self.keys(request.body)?.subtracting(known).min() {
      return Self.failure(
        400, AuditLog.visible("unknown key \"\(strange)\"; the body is like \(example)"))
    }
    do {
      wanted = try readJSON(Body.self, request.body.isEmpty ? Data("{}".utf8) : Data(request.body))
    } catch DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty {
      let key = context.codingPath.last?.stringValue ?? ""
      return Self.failure(
        400, AuditLog.visible("\(key): \(context.debugDescription); the body is like \(example)"))
    } catch { return Self.failure(400, "the body is not like \(example)") }
    do throws(ServerRefusal) { return try body(self, wanted) } catch {
      return Self.failure(error.status, error.text)
    }
  }
}

/// The body of `GET /v1/overrides`.
public struct OverrideList: Codable, Sendable {
  public let overrides: [OverrideStatus]
  public let troubles: [String]
}
