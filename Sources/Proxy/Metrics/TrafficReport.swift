/// What was counted, by the names of the configuration.
public struct TrafficReport: Sendable {
  public struct RouteKey: Hashable, Sendable {
    public let listener: String
    /// As `www.example.com/orders/**`; nil for what no route took.
    public let route: String?
  }

  public private(set) var listeners: [String: ListenerMeter] = [:]
  public private(set) var routes: [RouteKey: RouteMeter] = [:]
  /// Nil for what went to no backend.
  public private(set) var backends: [String?: BackendMeter] = [:]
  public private(set) var servers: [ServerID: ServerMeter] = [:]

  public init() {}

  init(_ meters: Meters, _ snapshot: Snapshot) {
    for (index, listener) in snapshot.listeners.enumerated() {
      listeners[listener.name] = meters.listeners[index]
      for route in 0...snapshot.routes.count {
        let isRoute = route < snapshot.routes.count
        let meter = meters.routes[meters.place(listener: index, route: isRoute ? route : nil)]
        // Most pairs of a large file have nothing to tell, and each costs the worker that is asked.
        guard meter.responses.total > 0 else { continue }
        let key = RouteKey(
          listener: listener.name, route: isRoute ? snapshot.routes[route].name : nil)
        routes[key] = meter
      }
    }
    for (index, backend) in snapshot.backends.enumerated() {
      backends[backend.name] = meters.backends[index]
      for server in backend.servers {
        let id = ServerID(backend: backend.name, server: snapshot.servers[server].name)
        servers[id] = meters.servers[server]
      }
    }
    backends[nil] = meters.backends[snapshot.backends.count]
  }

  public static func += (sum: inout TrafficReport, other: TrafficReport) {
    add(other.listeners, to: &sum.listeners)
    add(other.routes, to: &sum.routes)
    add(other.backends, to: &sum.backends)
    add(other.servers, to: &sum.servers)
  }

  private static func add<Key, Value: Meter>(
    _ more: [Key: Value], to sum: inout [Key: Value]
  ) {
    for (key, value) in more { sum[key, default: Value()] += value }
  }
}

extension Meters {
  /// Of a new snapshot, going on from what was counted under another.
  init(_ snapshot: Snapshot, after old: TrafficReport) {
    self.init(snapshot)
    for (index, listener) in snapshot.listeners.enumerated() {
      listeners[index] = old.listeners[listener.name] ?? ListenerMeter()
      for route in 0...snapshot.routes.count {
        let isRoute = route < snapshot.routes.count
        let key = TrafficReport.RouteKey(
          listener: listener.name, route: isRoute ? snapshot.routes[route].name : nil)
        routes[place(listener: index, route: isRoute ? route : nil)] =
          old.routes[key] ?? RouteMeter()
      }
    }
    for (index, backend) in snapshot.backends.enumerated() {
      backends[index] = old.backends[backend.name] ?? BackendMeter()
      for server in backend.servers {
        let id = ServerID(backend: backend.name, server: snapshot.servers[server].name)
        servers[server] = old.servers[id] ?? ServerMeter()
      }
    }
    backends[snapshot.backends.count] = old.backends[nil] ?? BackendMeter()
  }
}
