internal import Proxy

/// Every setting there is, declared once.
enum Settings {
  static let sections: [Section] = [
    file, listener, tls, backend, server, upstreamTLS, route, routeHeaders, responseHeaders, limits,
    timeouts, admin,
  ]

  static let file = Section(
    "", "The file itself. Paths are relative to the file that names them.",
    [
      Field("listeners", .other("map NAME: listener"), "Addresses to listen on."),
      Field("backends", .other("map NAME: backend"), "Groups of servers."),
      Field("routes", .other("list of routes"), "Which requests go where."),
      Field(
        "policy", .text("path of a policy file"), default: "everybody may connect",
        "Who may connect; see docs/firewall.md."),
      Field(
        "firewall", .choice(["proxy"]), default: "proxy",
        "Where `run` enforces the policy; the kernel's part is applied by `gatehouse policy apply`."
      ),
      Field(
        "workers", .integer(0...64), default: "0", "Threads that serve; 0 is one per core."),
      Field("limits", .other("limits"), "Bounds on size and number."),
      Field("timeouts", .other("timeouts"), "Bounds on time."),
      Field("admin", .other("admin"), "The admin socket."),
    ], later: ["log", "cluster", "acme", "metrics", "tracing"])

  static let listener = Section(
    "listeners.NAME", "A bound address with its TLS settings.",
    [
      Field(
        "bind", .other("ADDRESS:PORT, or a list of them"),
        "`:443` is every IPv4 and IPv6 address; `[::1]:443` one of IPv6."),
      Field(
        "certificates", .text("path of a folder"), default: "plain HTTP",
        "Certificates to end TLS with; which names they serve is read from them."),
      Field(
        "default_certificate", .text("name of a certificate"), default: "such clients are refused",
        "For clients that name a host no certificate bears."),
      Field("tls", .other("tls"), "How TLS is spoken."),
      Field(
        "redirect", .choice(["https"]), "Answers every request with a redirect to HTTPS."),
    ], later: ["proxy_protocol", "mode", "backend"])

  static let tls = Section(
    "listeners.NAME.tls", "How a listener speaks TLS: Mozilla's intermediate profile.",
    [
      Field("minimum", .choice(["1.2", "1.3"]), default: "1.2", "The oldest version accepted."),
      Field(
        "tickets", .integer(0...4), default: "1",
        "Session tickets after a full handshake; 0 ends resumption."),
    ], later: ["client_auth", "ciphers", "curves"])

  static let backend = Section(
    "backends.NAME", "A named group of servers.",
    [
      Field(
        "servers", .other("list of HOST:PORT, or map NAME: server"),
        "In a list they are named s1, s2 and so on."),
      Field(
        "balance", .choice(["round-robin"]), default: "round-robin",
        "How a server is chosen: smooth weighted round robin."),
      Field(
        "host", .text("host name"), default: "the client's", "Sent as Host to the servers."),
      Field(
        "tls", .other("true, or map"), default: "plain HTTP",
        "TLS to the servers; they are verified."),
    ], later: ["health", "split", "sticky", "queue", "failback", "proxy_protocol", "mysql"])

  static let server = Section(
    "backends.NAME.servers.NAME", "One machine behind us.",
    [
      Field("address", .text("HOST:PORT"), "Names are resolved when the file is read."),
      Field(
        "weight", .integer(0...256), default: "1",
        "Its share of requests beside its neighbours'; 0 takes none."),
    ], later: ["tier", "role", "connections", "backup"])

  static let upstreamTLS = Section(
    "backends.NAME.tls", "TLS to servers.",
    [
      Field(
        "verify", .flag, default: "true",
        "false accepts any certificate: anybody in between can read and change everything."),
      Field(
        "ca", .text("path of a PEM file"), default: "the system's authorities",
        "Whom to trust instead."),
      Field(
        "server_name", .text("host name"), default: "the first server's host name",
        "Asked for by SNI and checked in the certificate."),
    ])

  static let route = Section(
    "routes[]", "Host and path to a backend; the most specific route wins, whatever the order.",
    [
      Field(
        "host", .text("host name, or *.DOMAIN"), default: "every host with a certificate",
        "`*.example.com` is exactly one label more."),
      Field(
        "path", .text("/PATH, or /PATH/**"), default: "every path",
        "`/orders/**` is /orders and all below it."),
      Field("backend", .text("name of a backend"), "Where the requests go."),
      Field(
        "redirect", .text("URL"), "Answered with a redirect; {path} and {host} are filled in."),
      Field(
        "status", .choice(["301", "302", "307", "308"]), default: "308", "Of the redirect."),
      Field("headers", .other("map"), "Headers to set."),
    ], later: ["access", "retry", "body", "rate", "hsts"])

  static let routeHeaders = Section(
    "routes[].headers", "Headers to set.",
    [Field("response", .other("map"), "In responses.")], later: ["request"])

  static let responseHeaders = Section(
    "routes[].headers.response", "Headers of responses.",
    [Field("set", .other("map NAME: VALUE"), "Replaces what the server sent.")],
    later: ["add", "remove"])

  static let admin = Section(
    "admin", "How the running process is spoken to.",
    [
      Field(
        "socket", .text("path"), default: "none",
        "A Unix socket for `gatehouse status` and its kin, HTTP with JSON; its owner's only.")
    ], later: ["listen", "roles"])

  static let limits = Section(
    "limits", "Bounds on size and number.", LimitSetting.all.map(\.field))

  static let timeouts = Section(
    "timeouts", "Bounds on time.", TimeoutSetting.all.map(\.field))
}

/// One of `limits`: its declaration, and where its value goes.
struct LimitSetting {
  let field: Field
  let path: WritableKeyPath<Limits, Int>

  private init(
    _ name: String, _ path: WritableKeyPath<Limits, Int>, _ kind: Field.Kind, _ help: String
  ) {
    let fallback = Limits()[keyPath: path]
    var text = "\(fallback)"
    if case .size = kind { text = Quantity.text(bytes: fallback) }
    field = Field(name, kind, default: text, help)
    self.path = path
  }

  static var all: [LimitSetting] {
    [
      LimitSetting(
        "head", \.headBytes, .size(1024...128 << 10),
        "A request's line and headers; more is 431."),
      LimitSetting("target", \.targetBytes, .size(256...64 << 10), "A request's URL; more is 414."),
      LimitSetting("headers", \.headerCount, .integer(10...1000), "Header fields; more is 431."),
      LimitSetting(
        "response_head", \.responseHeadBytes, .size(1024...128 << 10),
        "A response's head; more is 502."),
      LimitSetting(
        "body", \.bodyBytes, .size(0...1 << 50), "A request's body; more is 413; 0B is no limit."),
      LimitSetting(
        "connections", \.connections, .integer(1...1_000_000),
        "Client connections at once; more wait in the kernel's queue."),
      LimitSetting(
        "requests_per_connection", \.requestsPerConnection, .integer(1...1_000_000_000),
        "Then a client connection is closed gracefully."),
      LimitSetting(
        "idle_per_server", \.idlePerServer, .integer(0...10_000),
        "Idle connections that a worker keeps to one server."),
      LimitSetting(
        "replay", \.replayBytes, .size(0...1 << 20),
        "A request up to this size can be sent to a second server."),
    ]
  }
}

/// One of `timeouts`.
struct TimeoutSetting {
  let field: Field
  let path: WritableKeyPath<Timeouts, Duration>

  private init(
    _ name: String, _ path: WritableKeyPath<Timeouts, Duration>, _ help: String
  ) {
    let components = Timeouts()[keyPath: path].components
    let milliseconds = components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    field = Field(
      name, .duration(10...86_400_000), default: Quantity.text(milliseconds: milliseconds), help)
    self.path = path
  }

  static var all: [TimeoutSetting] {
    [
      TimeoutSetting("handshake", \.handshake, "A TLS handshake, from the accept on."),
      TimeoutSetting("head", \.head, "A request's head, from its first byte on; then 408."),
      TimeoutSetting(
        "body", \.body, "Without a byte of a request's body; under 500 B/s on average ends it too."),
      TimeoutSetting("idle", \.idle, "A client connection between requests."),
      TimeoutSetting("connection_age", \.connectionAge, "Then it is closed gracefully."),
      TimeoutSetting("connect", \.connect, "To a server; then another is tried."),
      TimeoutSetting("response", \.response, "Without a byte from the server; then 504."),
      TimeoutSetting("tunnel", \.tunnel, "A WebSocket without a byte either way."),
      TimeoutSetting("pool", \.pool, "An idle connection to a server."),
      TimeoutSetting(
        "set_aside", \.setAside, "A server that could not be reached gets nothing for this long."),
      TimeoutSetting("drain", \.drain, "For what still runs after SIGTERM."),
    ]
  }
}
