/// Something counted, that can be added up over workers.
public protocol Meter: Sendable {
  init()
  static func += (sum: inout Self, other: Self)
}

/// Responses by the first digit of their status; index 0 is for none at all.
public struct ResponseClasses: Meter {
  private var counts = InlineArray<6, UInt64>(repeating: 0)

  public init() {}

  public subscript(_ digit: Int) -> UInt64 { digit >= 0 && digit < 6 ? counts[digit] : 0 }

  public var total: UInt64 { counts.indices.reduce(0) { $0 &+ counts[$1] } }

  mutating func add(_ status: UInt16) {
    let digit = Int(status) / 100
    counts[digit < 6 ? digit : 0] &+= 1
  }

  public static func += (sum: inout ResponseClasses, other: ResponseClasses) {
    for index in sum.counts.indices { sum.counts[index] &+= other.counts[index] }
  }
}

public struct ListenerMeter: Meter {
  /// Connections that are open now.
  public internal(set) var connections: UInt64 = 0
  public internal(set) var accepted: UInt64 = 0
  /// By the policy, and by bans.
  public internal(set) var refused: UInt64 = 0
  public internal(set) var handshakes: UInt64 = 0
  public internal(set) var handshakeFailures: UInt64 = 0
  public internal(set) var tls = HandshakeMeter()
  public internal(set) var responses = ResponseClasses()
  /// Of requests and responses, without TLS.
  public internal(set) var bytesIn: UInt64 = 0
  public internal(set) var bytesOut: UInt64 = 0

  public init() {}

  public static func += (sum: inout ListenerMeter, other: ListenerMeter) {
    sum.connections &+= other.connections
    sum.accepted &+= other.accepted
    sum.refused &+= other.refused
    sum.handshakes &+= other.handshakes
    sum.handshakeFailures &+= other.handshakeFailures
    sum.tls += other.tls
    sum.responses += other.responses
    sum.bytesIn &+= other.bytesIn
    sum.bytesOut &+= other.bytesOut
  }
}

/// One route as one listener serves it.
public struct RouteMeter: Meter {
  public internal(set) var responses = ResponseClasses()
  /// From a request's whole head to the response's last byte.
  public internal(set) var duration = Histogram()

  public init() {}

  public static func += (sum: inout RouteMeter, other: RouteMeter) {
    sum.responses += other.responses
    sum.duration += other.duration
  }
}

public struct BackendMeter: Meter {
  public internal(set) var responses = ResponseClasses()
  public internal(set) var retries: UInt64 = 0
  /// Exchanges by how they ended.
  private var endings = InlineArray<40, UInt64>(repeating: 0)
  public internal(set) var queue = Histogram()
  public internal(set) var connect = Histogram()
  /// From the connection to the response's head.
  public internal(set) var firstByte = Histogram()
  public internal(set) var total = Histogram()

  public init() {}

  public subscript(_ ending: Ending) -> UInt64 { endings[ending.rawValue] }

  mutating func add(_ ending: Ending) { endings[ending.rawValue] &+= 1 }

  public static func += (sum: inout BackendMeter, other: BackendMeter) {
    sum.responses += other.responses
    sum.retries &+= other.retries
    for index in sum.endings.indices { sum.endings[index] &+= other.endings[index] }
    sum.queue += other.queue
    sum.connect += other.connect
    sum.firstByte += other.firstByte
    sum.total += other.total
  }
}

public struct ServerMeter: Meter {
  /// Tries, so a request that is tried again counts twice.
  public internal(set) var requests: UInt64 = 0
  public internal(set) var responses = ResponseClasses()
  public internal(set) var connectFailures: UInt64 = 0
  /// The connection broke, no answer in time, or no HTTP.
  public internal(set) var responseFailures: UInt64 = 0
  public internal(set) var bytesIn: UInt64 = 0
  public internal(set) var bytesOut: UInt64 = 0
  /// From the connection to the response's head.
  public internal(set) var firstByte = Histogram()

  public init() {}

  public static func += (sum: inout ServerMeter, other: ServerMeter) {
    sum.requests &+= other.requests
    sum.responses += other.responses
    sum.connectFailures &+= other.connectFailures
    sum.responseFailures &+= other.responseFailures
    sum.bytesIn &+= other.bytesIn
    sum.bytesOut &+= other.bytesOut
    sum.firstByte += other.firstByte
  }
}

/// What one worker counts by listener, route, backend and server of its snapshot; goes on by name over
/// generations.
struct Meters {
  var listeners: [ListenerMeter]
  /// By listener, then by route; the last of each listener's is for what no route took.
  var routes: [RouteMeter]
  private let routesPerListener: Int
  /// The last is for what went to no backend.
  var backends: [BackendMeter]
  var servers: [ServerMeter]

  init(_ snapshot: Snapshot) {
    routesPerListener = snapshot.routes.count + 1
    listeners = snapshot.listeners.map { _ in ListenerMeter() }
    routes = .init(repeating: RouteMeter(), count: listeners.count * routesPerListener)
    backends = .init(repeating: BackendMeter(), count: snapshot.backends.count + 1)
    servers = snapshot.servers.map { _ in ServerMeter() }
  }

  func place(listener: Int, route: Int?) -> Int {
    listener * routesPerListener + (route ?? routesPerListener - 1)
  }
}
