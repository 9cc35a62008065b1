extension FirewallPolicy {
  /// Ports, and who may connect to them, how often, and when.
  public struct Service: Sendable, Equatable, Codable {
    public var name: String
    public var listen: [Port]
    public var allow: [Reference]
    /// Beats `allow`.
    public var deny: [Reference]
    public var limit: Limit?
    public var ban: BanRule?
    /// Always open when nil.
    public var schedule: Schedule?
    public var log = LogChoice.none
    /// Who tells of the clients behind it (PROXY protocol, X-Forwarded-For); never limited or banned.
    public var trustedProxies: [Reference] = []
    /// What the proxy asks of each request.
    public var http: [HTTPRule] = []
    public var place: SourcePlace

    public init(
      name: String, listen: [Port], allow: [Reference], deny: [Reference] = [], place: SourcePlace
    ) {
      self.name = name
      self.listen = listen
      self.allow = allow
      self.deny = deny
      self.place = place
    }
  }

  /// What counts as one source.
  public struct Prefixes: Sendable, Equatable, Codable {
    public var ipv4: UInt8 = 32
    public var ipv6: UInt8 = 64

    public init() {}
  }

  /// How much one source may use.
  public struct Limit: Sendable, Equatable, Codable {
    public var newConnections: Rate?
    public var newConnectionsPer = Prefixes()
    /// Connections open at a time.
    public var concurrent: UInt32?
    public var concurrentPer = Prefixes()

    public init(newConnections: Rate? = nil, concurrent: UInt32? = nil) {
      self.newConnections = newConnections
      self.concurrent = concurrent
    }
  }

  /// A token bucket: `burst` at once, then `count` in each unit.
  public struct Rate: Sendable, Equatable, Codable {
    public enum Unit: UInt64, Sendable, Equatable, Codable, CaseIterable {
      case second = 1
      case minute = 60
      case hour = 3600
      case day = 86_400
      case week = 604_800
    }
    public var count: UInt64
    public var unit: Unit
    public var burst: UInt32

    public init(_ count: UInt64, per unit: Unit, burst: UInt32) {
      self.count = count
      self.unit = unit
      self.burst = burst
    }
  }

  /// `limited 5 times in 1m, for 10m`: so many refusals from the first one on, and the source is banned.
  public struct BanRule: Sendable, Equatable, Codable {
    public enum Cause: String, Sendable, Equatable, Codable, CaseIterable {
      /// Over a limit; the kernel counts, and bans by itself.
      case limited
      /// Requests refused by an HTTP rule or as malformed; the proxy counts, and asks the agent.
      case refused
    }
    public var cause: Cause
    public var times: UInt32
    public var withinSeconds: UInt64
    /// The policy's default when nil.
    public var forSeconds: UInt64?

    public init(
      _ cause: Cause, times: UInt32, withinSeconds: UInt64, forSeconds: UInt64? = nil
    ) {
      self.cause = cause
      self.times = times
      self.withinSeconds = withinSeconds
      self.forSeconds = forSeconds
    }
  }

  /// What the kernel tells of packets, in NFLOG group 10, at most ten a second.
  public enum LogChoice: String, Sendable, Equatable, Codable, CaseIterable {
    case none, denied, all
  }

  /// Requests for a host, or for a path of it; all rules that match a request must allow it.
  public struct HTTPRule: Sendable, Equatable, Codable {
    /// `www.example.com`, `*.example.com` for all below it, or `*` for every host and for none.
    public var host: String
    /// `/metrics`, or `/orders/**` for it and all below; every path when nil.
    public var path: String?
    public var allow: [Reference]
    public var place: SourcePlace

    public init(host: String, path: String? = nil, allow: [Reference], place: SourcePlace) {
      self.host = host
      self.path = path
      self.allow = allow
      self.place = place
    }
  }

  /// Bans by the kernel, the proxy and by hand.
  public struct Bans: Sendable, Equatable, Codable {
    public var defaultSeconds: UInt64 = 600
    public var longestSeconds: UInt64 = 86_400
    /// Beside management and trusted proxies, always.
    public var never: [Reference] = []

    public init() {}
  }
}
