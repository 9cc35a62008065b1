extension BadFile {
  private static func health(_ text: String, _ lines: String...) -> BadFile {
    var file = BadFile("backends: { web: { servers: [1.2.3.4:80], health: \(text) } }")
    file.lines = lines
    return file
  }

  static let health = [
    health("[tcp]", "?"),
    health("healthz", "?"),
    health("{ tcp: true, http: / }", "?"),
    health("{ http: healthz }", "?"),
    health("{ http: { path: \"/a b\" } }", "?"),
    health("{ http: { host: a } }", "?"),
    health("{ http: { path: /, status: [100, \"300-200\", ok] } }", "?"),
    health("{ http: { path: /, method: POST } }", "?"),
    health("{ http: { path: /, method: HEAD, body: OK } }", "?"),
    health("{ http: { path: /, body: \"\" } }", "?"),
    health("{ http: { path: /, host: \"a b\" } }", "?"),
    health("{ grpc: \"a b\" }", "?"),
    health("{ agent: true }", "?"),
    health("{ agent: 1, port: 2 }", "?"),
    health("{ tcp: yes, interval: 5, rise: 0, jitter: 10 }", "?"),
    health("{ tcp: true, fast_interval: 3s }", "?"),
    health("{ passive: yes }", "?"),
    health("{ passive: { eject: 10m } }", "?"),
    health("{ htp: / }", "?"),
  ]
}
