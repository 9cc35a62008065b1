/// How the servers of a backend are chosen among, and kept from harm.
extension ProxyConfiguration {
  public enum Balance: Sendable, Equatable {
    case roundRobin
    /// The fewest exchanges under way for its weight.
    case leastConnections
    /// The better of two drawn by weight: by its latency and what it has to do.
    case latency
    case random
    /// The same server for the same key as long as it is there.
    case hash(HashKey)

    public enum HashKey: Sendable, Equatable {
      case address
      case header(String)
      case cookie(String)
    }
  }

  /// A client stays with the server that answered it first, by a cookie.
  public struct Sticky: Sendable, Equatable {
    public var cookie: String

    public init(cookie: String) { self.cookie = cookie }
  }

  /// What one server carries at a time, and how requests wait for it.
  public struct ServerLimit: Sendable, Equatable {
    /// Exchanges of one server over all workers; a server's own `limit` goes before it.
    public var connections: Int?
    /// Requests of the backend that may wait for a server, over all workers.
    public var queue = 1000
    public var wait = Duration.seconds(5)

    public init() {}
  }

  /// When a backend goes to its next tier, and when back.
  public struct Tiers: Sendable, Equatable {
    public enum Failback: Sendable, Equatable {
      case auto
      case manual
      case after(Duration)
    }

    /// Share of a tier's weight that is healthy, in percent, below which the next one is used.
    public var below = 1
    /// Between two changes; a tier with nothing left is left at once.
    public var holdDown = Duration.seconds(10)
    public var failback = Failback.auto

    public init() {}
  }

  /// Which requests go to the primary and which to replicas.
  public struct Split: Sendable, Equatable {
    /// Methods that only read.
    public var readMethods: [String] = ["GET", "HEAD", "OPTIONS"]
    /// A client that wrote reads from the primary for so long; not at all when zero.
    public var pinAfterWrite = Duration.seconds(5)
    /// Paths whose requests all go to the primary.
    public var except: [Route.Path] = []
    /// How long a write waits for a primary before it is answered 503.
    public var queueWrites = Duration.zero

    public init() {}
  }

  public struct Health: Sendable, Equatable {
    public enum Check: Sendable, Equatable {
      case tcp
      /// A handshake, the certificate verified as the backend's `tls` says.
      case tls
      case http(HTTPCheck)
      /// grpc.health.v1.Health/Check of a service; empty for the whole server.
      case grpc(service: String)
      /// A line of text: `75%`, `up`, `down`, `drain`, `maint`, `ready`.
      case agent
      /// Role, replication and lag; asked by whoever knows the protocol.
      case mysql
    }

    public struct HTTPCheck: Sendable, Equatable {
      public var path: String
      public var host: String?
      public var method = "GET"
      /// Statuses that pass; 200...399 when empty.
      public var expected: [ClosedRange<Int>] = []
      /// Must stand in the first 64 KiB of the body, when set.
      public var body: String?

      public init(path: String) { self.path = path }
    }

    /// None when nil: only passive health.
    public var check: Check?
    /// Another port of the servers to check, when set.
    public var port: UInt16?
    public var interval = Duration.seconds(2)
    /// While the last results do not agree with the verdict.
    public var fastInterval = Duration.milliseconds(500)
    public var timeout = Duration.seconds(1)
    public var rise = 2
    public var fall = 3
    /// An interval is drawn this much shorter or longer, in percent.
    public var jitter = 10
    /// A server whose verdict changed so often within a minute is held down for a minute.
    public var changesPerMinute = 6
    public var passive: Passive?

    public init() {}
  }

  /// Servers that fail under the eyes of their clients are ejected for a growing time.
  public struct Passive: Sendable, Equatable {
    /// Failures in a row: no connection, no whole answer, or a status of 500...599.
    public var failures = 5
    /// Share of failures in percent over `window`, where there were at least `requests`; 0 for never.
    public var errorShare = 50
    public var requests = 20
    public var window = Duration.seconds(10)
    /// The first time; each further one lasts once longer, up to `longest`.
    public var eject = Duration.seconds(10)
    public var longest = Duration.seconds(300)
    /// Share of a backend's servers in percent that may be ejected at a time.
    public var atMost = 50

    public init() {}
  }

  /// How a MySQL or MariaDB primary and its replicas are asked for their roles.
  public struct MySQL: Sendable, Equatable {
    public struct Account: Sendable, Equatable {
      public var user: String
      /// A file with the password alone.
      public var passwordFile: String

      public init(user: String, passwordFile: String) {
        self.user = user
        self.passwordFile = passwordFile
      }
    }

    /// Asks for roles, replication and lag.
    public var monitor: Account
    /// For `gatehouse db`: switches servers over; the monitor's when nil.
    public var admin: Account?
    /// What replicas log in with at their primary.
    public var replication: Account?
    /// A replica further behind gets no reads.
    public var lag = Duration.seconds(10)
    /// Nil: nothing but the login's own proof is kept from who listens.
    public var tls: TLS?
    /// `schema.table` in which the primary writes the time; nil: replicas' own word for their lag.
    public var heartbeat: String?

    /// Asked for within the protocol; a server that offers none is not spoken to.
    public struct TLS: Sendable, Equatable {
      public var verify = true
      /// PEM of the authorities to trust; the system's when nil.
      public var authoritiesPEM: [UInt8]?
      /// In place of each server's own name or address.
      public var serverName: String?

      public init() {}
    }

    public init(monitor: Account) { self.monitor = monitor }
  }

  /// A listener that moves bytes, whatever they say.
  public struct Stream: Sendable, Equatable {
    /// Index into `backends`.
    public var backend: Int
    /// Servers with this role only.
    public var role: ServerRole?
    /// Reads go to the primary where no replica can take them.
    public var fallsBackToPrimary = true
    /// A server that loses the role loses its connections.
    public var cutsOnRoleLoss = true

    public init(backend: Int) { self.backend = backend }
  }
}
