import Configuration
import Foundation
import Proxy
import Testing

/// What `health` becomes.
struct HealthFileTests {
  typealias Health = ProxyConfiguration.Health

  private func health(_ text: String) throws -> Health {
    let folder = try Folder()
    let path = try folder.write(
      "g.yaml",
      "listeners: { http: { bind: \":80\" } }\nbackends: { web: { servers: [\"1.2.3.4:80\"], health: \(text) } }\n"
    )
    let backend = try #require(try ConfigurationFile.load(path).proxy.backends.first)
    return backend.health
  }

  static let kinds: [(text: String, check: Health.Check?)] = [
    ("/healthz", .http(.init(path: "/healthz"))), ("tcp", .tcp), ("tls", .tls),
    ("grpc", .grpc(service: "")), ("{ tcp: true }", .tcp), ("{ tls: true }", .tls),
    ("{ grpc: true }", .grpc(service: "")), ("{ grpc: my.Service }", .grpc(service: "my.Service")),
    ("{ http: /a }", .http(.init(path: "/a"))), ("{ agent: 9777 }", .agent),
    ("{ passive: true }", nil), ("{ tcp: false, tls: true }", .tls),
  ]

  @Test(arguments: kinds.indices)
  func `a kind of check is read`(_ index: Int) throws {
    let (text, check) = Self.kinds[index]
    #expect(try health(text).check == check)
  }

  @Test func `all settings are read`() throws {
    let health = try health(
      """
      { http: { path: /a, host: "a.example:8080", status: [200, 204, "300-399"], body: OK },
        port: 8081, interval: 1s, fast_interval: 100ms, timeout: 3s, rise: 4, fall: 5, jitter: 20%,
        changes_per_minute: 8, passive: { failures: 3, error_share: 40%, requests: 10, window: 5s,
        eject: 2s, longest: 1m, at_most: 30% } }
      """)
    var check = Health.HTTPCheck(path: "/a")
    check.host = "a.example:8080"
    check.expected = [200...200, 204...204, 300...399]
    check.body = "OK"
    #expect(health.check == .http(check))
    #expect(health.port == 8081)
    #expect(health.interval == .seconds(1) && health.fastInterval == .milliseconds(100))
    #expect(health.timeout == .seconds(3) && health.rise == 4 && health.fall == 5)
    #expect(health.jitter == 20 && health.changesPerMinute == 8)
    var passive = ProxyConfiguration.Passive()
    passive.failures = 3
    passive.errorShare = 40
    passive.requests = 10
    passive.window = .seconds(5)
    passive.eject = .seconds(2)
    passive.longest = .seconds(60)
    passive.atMost = 30
    #expect(health.passive == passive)
  }

  @Test func `an agent brings its port, and a short interval its fast one`() throws {
    #expect(try health("{ agent: 9777 }").port == 9777)
    #expect(try health("{ tcp: true, interval: 200ms }").fastInterval == .milliseconds(200))
    #expect(try health("{ http: { path: /, method: HEAD } }").passive == nil)
  }
}
