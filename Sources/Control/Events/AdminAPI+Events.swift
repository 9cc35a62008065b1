internal import Foundation
internal import Proxy

extension AdminAPI {
  static let eventRoutes: [AdminRoute] = [
    AdminRoute("GET /v1/events", .viewer) { api, request in json(api.events(request)) }
  ]

  /// `last=N` of those `after=ID`.
  private func events(_ request: AdminRequest) -> [Event] {
    let last = request.number("last") ?? 20
    let after = request.number("after") ?? 0
    return supervisor.events.last(
      Int(clamping: max(1, min(last, UInt64(EventBook.limit)))), after: after)
  }
}

extension AdminRequest {
  /// What the query says of a number; nil where it says none.
  func number(_ name: String) -> UInt64? {
    query.split(separator: "&").first { $0.hasPrefix("\(name)=") }
      .flatMap { UInt64($0.dropFirst(name.utf8.count + 1)) }
  }
}

extension AdminClient {
  /// Oldest first.
  public func events(last count: Int, after id: UInt64 = 0) throws -> [Event] {
    try readJSON([Event].self, request("GET", "/v1/events?last=\(max(1, count))&after=\(id)"))
  }
}
