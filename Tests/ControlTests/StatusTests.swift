import Testing

@testable import Control
@testable import Proxy

@Suite struct StatusTests {
  private static func server(
    _ name: String, backend: String = "b", weight: Int = 1, isSetAside: Bool = false,
    active: Int = 0, idle: Int = 0, requests: UInt64 = 0
  ) -> WorkerReport.Server {
    WorkerReport.Server(
      backend: backend, name: name, weight: weight, isSetAside: isSetAside, ejectReason: "",
      ejectedFor: 0, active: active,
      idle: idle, requests: requests)
  }

  private static func report(
    clients: Int = 0, counters: Counters = Counters(), _ servers: WorkerReport.Server...
  ) -> WorkerReport {
    WorkerReport(
      worker: 0, clients: clients, counters: counters, servers: servers, queued: [:],
      traffic: TrafficReport(), turnTimes: Histogram())
  }

  @Test func `a backend's status is that of all workers together`() throws {
    var configuration = ProxyConfiguration()
    configuration.backends = [
      .init(
        name: "b",
        servers: [
          .init(name: "s1", address: .ipv4(0x7f00_0001, port: 1), weight: 3),
          .init(name: "s2", address: .ipv6(1, port: 2)),
          .init(name: "s3", address: .unix(path: "a"), weight: 5),
        ])
    ]
    var state = ServerBook.State()
    state.file = configuration
    state.applied = configuration
    let status = state.status(
      configuration.backends[0],
      TrafficView(
        [
          Self.report(
            Self.server("s1", weight: 4, active: 1, idle: 2, requests: 10),
            Self.server("s1", backend: "other", weight: 9, active: 100)),
          Self.report(
            Self.server("s1", weight: 4, isSetAside: true, active: 3, idle: 4, requests: 20),
            Self.server("s2", weight: 1, requests: .max)),
          Self.report(Self.server("s2", weight: 1, requests: 2)),
        ], TrafficHistory()))
    #expect(status.name == "b" && status.tier == 0 && status.tiers == [0])
    #expect(status.servers.map(\.name) == ["s1", "s2", "s3"])
    #expect(status.servers.map(\.address) == ["127.0.0.1:1", "[::1]:2", "unix:a"])
    #expect(status.servers.map(\.configuredWeight) == [3, 1, 5])
    #expect(status.servers.map(\.weight) == [3, 1, 5])
    #expect(status.servers.map(\.state) == ["set aside", "up", "up"])
    #expect(status.servers.map(\.active) == [4, 0, 0])
    #expect(status.servers.map(\.idle) == [6, 0, 0])
    #expect(status.servers.map(\.requests) == [30, 1, 0])
  }

  @Test func `traffic is the sum over all workers`() {
    var one = Counters()
    one.connectionsAccepted = 1
    one.connectionsRefused = 2
    one.handshakes = 3
    one.handshakeFailures = 4
    one.requests = 5
    one.requestsRefused = 6
    one.retries = 7
    one.connectFailures = 8
    one.aborts = 9
    for status: UInt16 in [100, 199, 200, 304, 404, 599, 600, 99, 0] { one.countResponse(status) }
    let traffic = Status.Traffic(
      TrafficView(
        [
          Self.report(clients: 10, counters: one), Self.report(clients: 20, counters: one),
        ], TrafficHistory()))
    #expect(traffic.connections == 30)
    #expect(traffic.accepted == 2 && traffic.refusedByPolicy == 4)
    #expect(traffic.handshakes == 6 && traffic.handshakeFailures == 8)
    #expect(traffic.requests == 10 && traffic.requestsRefused == 12)
    #expect(traffic.retries == 14 && traffic.connectFailures == 16 && traffic.aborts == 18)
    #expect(traffic.responses == ["1xx": 4, "2xx": 2, "3xx": 2, "4xx": 2, "5xx": 2])
  }

  @Test func `a listener says what it serves`() {
    var listener = ProxyConfiguration.Listener(name: "l", addresses: [])
    func status() -> Status.Listener {
      Status.Listener(
        listener, addresses: [.ipv4(0, port: 80), .ipv6(0, port: 80)], TrafficReport())
    }
    #expect(status().serves == "http" && !status().isPolicyEnforced)
    #expect(status().addresses == ["0.0.0.0:80", "[::]:80"])
    listener.redirectToHTTPSPort = 443
    #expect(status().serves == "redirect")
    listener.tls = .init()
    listener.access = AccessRules(ipv4: [], ipv6: [])
    #expect(status().serves == "https" && status().isPolicyEnforced)
  }
}
