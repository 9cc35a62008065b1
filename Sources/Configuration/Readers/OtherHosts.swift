import Proxy

/// Requests for hosts that no rule names, where they reach what rules keep from somebody.
enum OtherHosts {
  typealias Route = ProxyConfiguration.Route

  /// Whether another host leads around one of `rules`; each names a host and refuses somebody.
  static func leadAround(_ rules: [HTTPAccess.Rule], _ routes: [Route]) -> Bool {
    let open = routes.filter { $0.host == .any }
    let backends = open.map(\.action).filter(isBackend)
    return rules.contains { rule in
      let own = routes.filter { $0.host == rule.host }
      let reached = own.contains { $0.path == .any } ? own : own + open
      return reached.contains { backends.contains($0.action) }
    }
  }

  private static func isBackend(_ action: Route.Action) -> Bool {
    switch action {
    case .backend: true
    case .redirect, .local: false
    }
  }
}
