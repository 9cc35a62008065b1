internal import Foundation
public import Proxy

extension AdminClient {
  public func servers() throws -> [Status.Backend] {
    try readJSON([Status.Backend].self, request("GET", "/v1/servers"))
  }

  public func server(_ id: ServerID) throws -> Status.Server {
    try readJSON(Status.Server.self, request("GET", path(id)))
  }

  public func set(_ id: ServerID, _ change: ServerChange) throws -> Status.Server {
    let body = Data(try jsonText(change).utf8)
    return try readJSON(Status.Server.self, request("PATCH", path(id), body))
  }

  public func add(_ id: ServerID, _ server: ServerAddition) throws -> Status.Server {
    let body = Data(try jsonText(server).utf8)
    return try readJSON(Status.Server.self, request("POST", path(id), body))
  }

  public func remove(_ id: ServerID, _ terms: ChangeTerms) throws -> [Status.Backend] {
    let body = Data(try jsonText(terms).utf8)
    return try readJSON([Status.Backend].self, request("DELETE", path(id), body))
  }

  public func failBack(_ backend: String) throws -> [Status.Backend] {
    try readJSON(
      [Status.Backend].self, request("POST", "/v1/backends/\(escaped(backend))/failback"))
  }

  public func overrides() throws -> OverrideList {
    try readJSON(OverrideList.self, request("GET", "/v1/overrides"))
  }

  /// All when nil.
  public func clearOverrides(_ id: ServerID?, _ key: ServerOverride.Key?) throws -> OverrideList {
    var path = "/v1/overrides"
    if let id { path += "/\(escaped(id.backend))/\(escaped(id.server))" }
    if let key { path += "/\(key.rawValue)" }
    return try readJSON(OverrideList.self, request("DELETE", path))
  }

  public func audit(last count: Int) throws -> [AuditEntry] {
    try readJSON([AuditEntry].self, request("GET", "/v1/audit?last=\(count)"))
  }

  private func path(_ id: ServerID) -> String {
    "/v1/servers/\(escaped(id.backend))/\(escaped(id.server))"
  }
}
