enum FileFields {
  static let listeners = Field(
    "listeners", .described("a map of names, see `listeners.NAME`"), isRequired: true,
    "Where clients connect.")
  static let backends = Field(
    "backends", .described("a map of names, see `backends.NAME`"), "Named groups of servers.")
  static let routes = Field(
    "routes", .list("a map, see `routes[]`"),
    "Which request goes where; the most specific route wins, whatever the order.")
  static let limits = Field("limits", .section("limits"), "Every bound on size or number.")
  static let timeouts = Field("timeouts", .section("timeouts"), "Every bound on time.")
  static let workers = Field(
    "workers", .integer(0...64), standard: "0",
    "Threads that serve; 0 for one per core. From a restart on.")
  static let cookieKey = Field(
    "cookie_key", .path, standard: "one made at each start",
    "A file of 32 bytes at least that cookies are sealed with; the same on every gate.")
  static let admin = Field(
    "admin", .section("admin"), "The administrator's door; none when left out.")
  static let state = Field(
    "state", .path, standard: LoadedConfiguration.standardState,
    "The folder of what changes while running: overrides of servers, and the audit log. From a restart on."
  )
  static let health = Field(
    "health", .section("health"),
    "Where /livez, /readyz and /startupz are answered; nowhere when left out."
  )
  static let policy = Field(
    "policy", .path, "The firewall policy's file; without one everybody may connect.")
  static let agent = Field(
    "agent", .path,
    "The socket of `gatehouse agent`, asked to ban in the kernel, too; without it the proxy bans alone."
  )
  static let acme = Field(
    "acme", .section("acme"), "Certificates that are fetched from authorities and kept fresh.")
  static let resolver = Field(
    "resolver", .section("resolver"), "Who is asked for the names of servers.")
  static let tracing = Field(
    "tracing", .section("tracing"), "Follows requests through the servers behind; off without it.")
  static let log = Field(
    "log", .section("log"), "The access log; none when left out.")
  static let firewall = Field(
    "firewall", .choice(["proxy"], later: ["enforce", "audit"]), standard: "proxy",
    "Who enforces the policy: the proxy refuses connections itself.")

  static let section = Section(
    "", "The file itself. Every path is relative to the file that names it.",
    [
      listeners, backends, resolver, routes, policy, firewall, agent, acme, tracing, limits,
      timeouts, workers, cookieKey, log, admin, health, state,
    ],
    later: ["bans", "http", "mode", "trusted_proxies", "proxy_protocol"])
}

enum ListenerFields {
  static let bind = Field(
    "bind", .list("\":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\""),
    isRequired: true, "Addresses to listen on.")
  static let certificates = Field(
    "certificates", .path,
    "Folder of NAME.pem, NAME.crt + NAME.key or NAME/current/{fullchain,key}.pem; for HTTPS."
  )
  static let tls = Field("tls", .section("listeners.NAME.tls"), "Details of TLS.")
  static let defaultCertificate = Field(
    "default_certificate", .text,
    "Name of the certificate for a name no certificate bears; such a client is refused without it.")
  static let redirect = Field(
    "redirect", .choice(["https"]), "Answers every request with a redirect to the HTTPS listener.")

  static let proxyProtocol = Field(
    "proxy_protocol", .section("listeners.NAME.proxy_protocol"),
    "Balancers in front that tell of the client in a PROXY protocol header, version 1 or 2.")

  static let section = Section(
    "listeners.NAME", "Where clients connect.",
    [bind, certificates, tls, defaultCertificate, redirect, proxyProtocol] + StreamFields.all,
    later: ["trusted_proxies", "http", "limit", "log"])
}

enum ProxyProtocolFields {
  static let from = Field(
    "from", .list("a network, such as 10.0.0.0/8 or \"2001:db8::/32\""), isRequired: true,
    "Who must send the header; from anybody else it is the nonsense that it is to TLS and HTTP, or bytes like others."
  )
  static let section = Section(
    "listeners.NAME.proxy_protocol",
    "Balancers in front. The policy is asked for the balancer and for the client that it tells of.",
    [from])
}

enum BackendFields {
  static let servers = Field(
    "servers", .described("a list of addresses with ports, or a map of names, see `servers.NAME`"),
    isRequired: true, "The servers; in a list they are named s1, s2 and so on.")
  static let host = Field(
    "host", .described("a host name, with or without a port"),
    "Sent as Host in place of the client's.")
  static let tls = Field(
    "tls", .described("true, false, or a map, see `backends.NAME.tls`"), standard: "false",
    "Speaks TLS to the servers, and verifies them.")
  static let proxyProtocol = Field(
    "proxy_protocol", .choice(["v1", "v2"]), standard: "none",
    "Tells the servers of the client in a PROXY protocol header; each request then has a connection of its own."
  )

  static let section = Section(
    "backends.NAME", "A named group of servers.",
    [servers] + BalanceFields.all
      + [HealthFields.health, MySQLFields.mysql, host, tls, proxyProtocol],
    later: ["http", "log"])
}

enum UpstreamTLSFields {
  static let verify = Field(
    "verify", .boolean, standard: "true", "Whether the server's certificate is checked.")
  static let ca = Field(
    "ca", .path, standard: "the system's", "PEM file of the authorities to trust.")
  static let serverName = Field(
    "server_name", .text, standard: "the servers' name, where they have one",
    "The name asked for (SNI) and checked in the server's certificate.")
  static let section = Section(
    "backends.NAME.tls", "TLS towards servers.", [verify, ca, serverName], later: ["client_auth"])
}

enum ServerFields {
  static let address = Field(
    "address", .described("an address or name with a port, such as 10.0.0.11:8080"),
    isRequired: true,
    "Where the server listens; a name is asked for again when its TTL has passed, and keeps its last addresses when it is gone. With several addresses it is several servers, NAME@ADDRESS each, at most 64."
  )
  static let weight = Field(
    "weight", .integer(0...256), standard: "1",
    "Share of requests beside its neighbours'; 0 takes none.")
  static let tier = Field(
    "tier", .integer(0...15), standard: "0",
    "Stands by while a lower tier can be used, see `backends.NAME.tiers`.")
  static let role = Field(
    "role", .choice(["primary", "replica"]), standard: "none",
    "Which requests it gets in a backend with `split`, or from a listener with `role`.")
  static let limit = Field(
    "limit", .integer(1...1_000_000), standard: "that of the backend",
    "Exchanges at a time, over all workers.")
  static let section = Section(
    "servers.NAME", "A server of a backend.", [address, weight, tier, role, limit],
    later: ["health"])
}

enum RouteFields {
  static let host = Field(
    "host", .described("a name, or \"*.\" and a name"), standard: "every host",
    "Requests for this host; `*.example.com` takes exactly one label more.")
  static let path = Field(
    "path", .described("\"/orders\" (that path) or \"/orders/**\" (it and all below it)"),
    standard: "every path", "Requests for this path.")
  static let backend = Field("backend", .text, "The backend that answers.")
  static let redirect = Field(
    "redirect", .described("a URL or path, with {host} and {path} replaced, each once at most"),
    "Where the client is sent instead.")
  static let status = Field(
    "status", .choice(["301", "302", "307", "308"]), standard: "308", "The redirect's status.")
  static let body = Field(
    "body", .size(LimitFields.bodyRange), standard: "that of limits",
    "Bytes of a request body on this route, 0 for no limit; more is 413.")
  static let headers = Field("headers", .section("routes[].headers"), "Headers changed on the way.")
  static let hsts = Field(
    "hsts", .described("how long, such as 365d, or a map, see `routes[].hsts`"),
    standard: "none",
    "Has browsers ask for the host over HTTPS only (Strict-Transport-Security); sent over TLS only."
  )
  static let section = Section(
    "routes[]", "Which request goes where.",
    [host, path, backend, redirect, status, body, headers, hsts],
    later: ["limit", "ban", "split", "http", "log", "schedule", "methods"])
}

enum HSTSFields {
  static let maxAge = Field(
    "max_age", .duration(.seconds(0) ... .seconds(3650 * 86_400)), isRequired: true,
    "How long a browser keeps to it; 0s has browsers forget it.")
  static let rampFrom = Field(
    "ramp_from", .described("a date, such as 2026-12-01"),
    "Begins gently: 5 minutes on that day, then 1 day for a week, then max_age.")
  static let subdomains = Field(
    "include_subdomains", .boolean, standard: "false", "For every host below this one, too.")
  static let preload = Field(
    "preload", .boolean, standard: "false",
    "May be built into browsers; needs include_subdomains and a year at least.")
  static let section = Section(
    "routes[].hsts", "HTTP Strict Transport Security (RFC 6797).",
    [maxAge, rampFrom, subdomains, preload])
}

enum HeaderFields {
  static let response = Field(
    "response", .section("routes[].headers.response"), "Headers of the response.")
  static let section = Section(
    "routes[].headers", "Headers changed on the way.", [response], later: ["request"])
}

enum ResponseHeaderFields {
  static let set = Field(
    "set", .described("a map of header names to values"),
    "Headers set on the response, in place of what the server sent.")
  static let section = Section(
    "routes[].headers.response", "Headers of the response.", [set], later: ["remove", "add"])
}
