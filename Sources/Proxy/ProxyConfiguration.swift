/// Everything the data plane is told: plain values, checked by whoever reads the file.
public struct ProxyConfiguration: Sendable, Equatable {
  public var listeners: [Listener] = []
  public var backends: [Backend] = []
  public var routes: [Route] = []
  public var limits = Limits()
  public var timeouts = Timeouts()
  /// None where clients say to others than us who they are.
  public var callers: CallerLimits?
  /// Threads that serve; one per core when 0.
  public var workers = 0
  /// What our own cookies are sealed with; one that nobody knows when empty.
  public var cookieKey: [UInt8] = []
  /// Nobody's requests are followed when nil; `traceparent` then passes as it came.
  public var tracing: Tracing?
  /// None is kept when nil.
  public var log: AccessLog?
  /// Tells one version of the policy from another, in the access log.
  public var policyRevision = ""

  public init() {}
}

extension ProxyConfiguration {
  /// A bound address with its TLS settings.
  public struct Listener: Sendable, Equatable {
    public var name: String
    public var addresses: [SocketAddress]
    /// Plain HTTP when nil.
    public var tls: TLS?
    /// Answers every request with a redirect to HTTPS on this port, when set.
    public var redirectToHTTPSPort: UInt16?
    /// Who may connect; everybody when nil.
    public var access: AccessRules?
    /// When; always when nil. Open connections stay.
    public var hours: OpeningHours?
    /// Which requests of whom; every one when nil.
    public var http: HTTPAccess?
    /// Who would be refused is counted, and let in.
    public var isAudit = false
    /// A new generation ends the connections of those whom it does not let in.
    public var closesRefused = true
    /// Balancers in front that must tell of the client in a PROXY protocol header; nobody may else.
    public var announcers: AccessRules?
    /// Moves bytes in place of HTTP, when set.
    public var stream: Stream?

    public init(name: String, addresses: [SocketAddress]) {
      self.name = name
      self.addresses = addresses
    }
  }

  public struct TLS: Sendable, Equatable {
    public enum Version: Sendable, Equatable { case tls12, tls13 }
    public var minimum = Version.tls12
    /// TLS 1.3 tickets sent after a full handshake, 0...4.
    public var tickets = 1
    public var certificates: [Certificate] = []
    /// Name of the certificate for a name no certificate bears; such a client is refused when nil.
    public var defaultCertificate: String?
    /// Whose certificates clients must show, where no host says otherwise; nobody's when nil.
    public var clientAuth: ClientAuth?
    /// What holds for some hosts in place of the listener's own.
    public var hosts: [TLSHost] = []

    public init() {}
  }

  /// A chain (leaf first) and its key, both PEM; which names it serves is read from the leaf.
  public struct Certificate: Sendable, Equatable {
    public var name: String
    public var chainPEM: [UInt8]
    public var keyPEM: [UInt8]

    public init(name: String, chainPEM: [UInt8], keyPEM: [UInt8]) {
      self.name = name
      self.chainPEM = chainPEM
      self.keyPEM = keyPEM
    }
  }

  /// A named group of servers.
  public struct Backend: Sendable, Equatable {
    public var name: String
    public var servers: [Server]
    /// Plain HTTP to the servers when nil.
    public var tls: UpstreamTLS?
    /// Sent as Host in place of the client's, when set.
    public var host: String?
    /// Tells the servers of the client in a PROXY protocol header; then no connection is shared.
    public var announcement: Announcement?
    public var balance = Balance.roundRobin
    public var sticky: Sticky?
    /// A server that comes back gets its whole weight only after this long.
    public var slowStart = Duration.zero
    public var limit = ServerLimit()
    public var tiers = Tiers()
    public var health = Health()
    public var split: Split?
    public var mysql: MySQL?

    public enum Announcement: Sendable, Equatable { case version1, version2 }

    public init(name: String, servers: [Server]) {
      self.name = name
      self.servers = servers
    }
  }

  public struct Server: Sendable, Equatable {
    public var name: String
    public var address: SocketAddress
    /// Share of requests beside its neighbours', 0...256; 0 takes none.
    public var weight = 1
    /// Used while no lower tier can be.
    public var tier = 0
    /// In a backend with a split, or asked for by a stream; of MySQL servers only what they tell counts.
    public var role: ServerRole?
    /// Exchanges at a time over all workers; the backend's when nil.
    public var limit: Int?
    /// The name it was resolved from; nil where the file has an address.
    public var hostName: String?

    public init(name: String, address: SocketAddress, weight: Int = 1) {
      self.name = name
      self.address = address
      self.weight = weight
    }
  }

  /// How servers of a backend are spoken to over TLS; they are verified unless told otherwise.
  public struct UpstreamTLS: Sendable, Equatable {
    public var verify = true
    /// PEM of the authorities to trust; the system's when nil.
    public var authoritiesPEM: [UInt8]?
    /// The name asked for (SNI) and checked in the server's certificate.
    public var serverName: String

    public init(serverName: String) { self.serverName = serverName }
  }

  /// Host and path pattern -> backend or redirect; the most specific route wins, never the first.
  public struct Route: Sendable, Equatable {
    public enum Host: Sendable, Equatable {
      case any
      case exact(String)
      /// `*.example.com` is `suffix("example.com")`: exactly one label more.
      case suffix(String)
    }
    public enum Path: Sendable, Equatable {
      case any
      case exact(String)
      /// `/orders/**` is `prefix("/orders")`: that path, and all below it.
      case prefix(String)
    }
    public enum Action: Sendable, Equatable {
      /// Index into `backends`.
      case backend(Int)
      /// `{path}` and `{host}` in the target are replaced; status 301, 302, 307 or 308.
      case redirect(to: String, status: Int)
      /// Answered by this process (the admin socket).
      case local
    }
    public var host: Host
    public var path: Path
    public var action: Action
    /// Bytes of a request body, 0 for no limit; `limits.bodyBytes` when nil.
    public var bodyBytes: Int?
    /// Response headers to set, replacing what the server sent.
    public var setResponseHeaders: [(name: String, value: String)] = []
    /// Sent over TLS only.
    public var hsts: HSTS?

    public init(host: Host, path: Path, action: Action) {
      self.host = host
      self.path = path
      self.action = action
    }

    /// What it takes, as it is written: `www.example.com/orders/**`; `*` for every host.
    public var name: String {
      let hostText =
        switch host {
        case .any: "*"
        case .exact(let name): name
        case .suffix(let name): "*.\(name)"
        }
      let pathText =
        switch path {
        case .any: "/**"
        case .exact(let path): path
        case .prefix(let path): path == "/" ? "/**" : "\(path)/**"
        }
      return hostText + pathText
    }

    public static func == (a: Route, b: Route) -> Bool {
      a.host == b.host && a.path == b.path && a.action == b.action && a.bodyBytes == b.bodyBytes
        && a.hsts == b.hsts
        && a.setResponseHeaders.elementsEqual(b.setResponseHeaders, by: ==)
    }
  }
}

/// Every bound on size or number, by its name in the file.
public struct Limits: Sendable, Equatable {
  /// Bytes of a request's line and headers; more is 431.
  public var headBytes = 16 << 10
  /// Bytes of a request's target; more is 414.
  public var targetBytes = 8 << 10
  /// Header fields in a head; more is 431 (502 from a server).
  public var headerCount = 100
  /// Bytes of a response's head; more is 502.
  public var responseHeadBytes = 32 << 10
  /// Bytes of a request body; no limit when 0; more is 413.
  public var bodyBytes = 0
  /// Client connections of the whole process; more wait in the kernel's queue.
  public var connections = 20_000
  /// Requests on one client connection before it is closed gracefully.
  public var requestsPerConnection = 10_000
  /// Idle connections kept to one server by one worker.
  public var idlePerServer = 128
  /// Bytes of a request kept for the one retry; a larger request is not retried once sent.
  public var replayBytes = 64 << 10

  public init() {}
}

/// Every bound on time, by its name in the file.
public struct Timeouts: Sendable, Equatable {
  public var handshake = Duration.seconds(10)
  /// From a request's first byte to the end of its head; then 408.
  public var head = Duration.seconds(10)
  /// Without a byte of a request body; and 500 B/s on average after 10 s.
  public var body = Duration.seconds(60)
  /// A client connection between requests.
  public var idle = Duration.seconds(60)
  /// A client connection's age; it is then closed gracefully.
  public var connectionAge = Duration.seconds(3600)
  public var connect = Duration.seconds(3)
  /// Without a byte from the server; then 504.
  public var response = Duration.seconds(60)
  /// A tunnel without a byte either way.
  public var tunnel = Duration.seconds(3600)
  /// An idle connection to a server.
  public var pool = Duration.seconds(30)
  /// A server whose connect failed gets no requests for this long.
  public var setAside = Duration.seconds(10)
  /// Drain: what still runs after this is closed.
  public var drain = Duration.seconds(30)
  /// How long one key seals session tickets; it opens them for as long again.
  public var ticketKey = Duration.seconds(12 * 3600)

  public init() {}
}
