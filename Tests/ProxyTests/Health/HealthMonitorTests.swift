import Foundation
import Testing

@testable import Proxy

@Suite(.timeLimit(.minutes(2)))
struct HealthMonitorTests {
  typealias Check = ProxyConfiguration.Health.Check

  private static func http(_ body: String? = nil) -> Check {
    var check = ProxyConfiguration.Health.HTTPCheck(path: "/")
    check.body = body
    return .http(check)
  }

  static let honest: [(behaviour: [String], check: Check, isGood: Bool, text: String)] = [
    (["accept"], .tcp, true, "connected in "),
    (["http"], http(), true, "200 in "),
    (["http"], http("all OK"), true, "200 in "),
    (["http"], http("missing"), false, "body lacks \"missing\""),
    (["line", "up 75%"], .agent, true, "agent: up 75% in "),
    (["line", "down disk full"], .agent, false, "agent: down disk full"),
    (["line", "hello"], .agent, false, "agent: \"hello\" is not understood"),
    (["grpc"], .grpc(service: ""), true, "SERVING in "),
    (["grpc"], .grpc(service: "bad"), false, "gRPC: NOT_SERVING"),
    (["grpc"], .grpc(service: "other"), false, "gRPC: grpc-status 5: unknown service"),
    (["http"], .grpc(service: ""), false, "gRPC: no HTTP/2"),
    (["accept"], http(), false, ""),
    (["http"], .tls, false, "timed out after 2 s while waiting for the TLS handshake"),
  ]

  @Test(arguments: honest.indices)
  func `a check says what it found`(_ index: Int) throws {
    let (behaviour, check, isGood, text) = Self.honest[index]
    let server =
      try behaviour.count > 1
      ? ProbedServer(behaviour[0], behaviour[1]) : ProbedServer(behaviour[0])
    let watch = try Watch()
    let report = watch.first(Watch.backend(server.port, check))
    #expect(report.isLastGood == isGood, "\(report.lastResult)")
    #expect(report.lastResult.hasPrefix(text), "\(report.lastResult)")
    #expect(report.verdict == (isGood ? .up : .down))
  }

  static let hostile: [(behaviour: String, check: Check, text: String)] = [
    ("drip", http(), "timed out after 2 s while waiting for the head"),
    ("silent", http(), "timed out after 2 s while waiting for the head"),
    ("silent", .tls, "timed out after 2 s while waiting for the TLS handshake"),
    ("silent", .agent, "timed out after 2 s while waiting for the agent's line"),
    ("random", http(), ""), ("random", .tls, ""), ("random", .agent, ""),
    ("random", .grpc(service: ""), "gRPC: "),
    ("endless-head", http(), "no HTTP: "),
    ("endless-head", .agent, "agent: "),
    ("endless-body", http("OK"), "body lacks \"OK\""),
  ]

  @Test(arguments: hostile.indices)
  func `a server that misbehaves is down and holds nobody up`(_ index: Int) throws {
    let (behaviour, check, text) = Self.hostile[index]
    let server = try ProbedServer(behaviour)
    let watch = try Watch()
    let report = watch.first(Watch.backend(server.port, check))
    #expect(report.verdict == .down)
    #expect(report.lastResult.hasPrefix(text), "\(report.lastResult)")
    // The next one is made as well.
    #expect(watch.until { $0.checks > 1 }.checks > 1)
  }

  @Test func `a frozen server is down after fall checks, and up after rise once it goes on`() throws
  {
    let server = try ProbedServer("http")
    let watch = try Watch()
    var backend = Watch.backend(server.port, Self.http())
    backend.health.timeout = .milliseconds(300)
    #expect(watch.first(backend).verdict == .up)
    server.freeze()
    let down = watch.until { $0.verdict == .down }
    #expect(down.verdict == .down && down.failures >= 3)
    #expect(down.lastResult.hasPrefix("timed out after 300 ms while "))
    server.thaw()
    #expect(watch.until { $0.verdict == .up }.verdict == .up)
    #expect(watch.changes.map(\.verdict) == [.up, .down, .up])
  }

  @Test func `a port where nobody listens is refused in words`() throws {
    let server = try ProbedServer("accept")
    server.end()
    let report = try Watch().first(Watch.backend(server.port, .tcp))
    #expect(report.lastResult == "connect: connection refused")
  }

  @Test(arguments: [
    (ProxyConfiguration.Backend.Announcement.version1, #"PROXY UNKNOWN\r\n"#),
    (.version2, #"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"#),
  ])
  func `a check speaks for itself where the PROXY protocol is wanted`(
    _ announcement: ProxyConfiguration.Backend.Announcement, _ bytes: String
  ) throws {
    let server = try ProbedServer("proxy", bytes)
    var backend = Watch.backend(server.port, Self.http())
    backend.announcement = announcement
    let report = try Watch().first(backend)
    #expect(report.isLastGood, "\(report.lastResult)")
  }

  @Test func `a paused server is not checked, and is at once when resumed`() throws {
    let server = try ProbedServer("http")
    let watch = try Watch()
    watch.monitor.pause(Watch.id)
    watch.adopt(Watch.backend(server.port, Self.http()))
    watch.monitor.record(ProbeResult(isGood: true, text: "", took: .zero), of: Watch.id)
    watch.monitor.resume(Watch.id)
    let report = watch.until { $0.checks > 0 }
    #expect(report.lastResult.hasPrefix("200 in "))
    #expect(watch.changes.count == 1)
  }

  @Test func `the state of a server stays when its check did not change`() throws {
    let server = try ProbedServer("http")
    let watch = try Watch()
    var backend = Watch.backend(server.port, Self.http())
    #expect(watch.first(backend).verdict == .up)
    backend.health.rise = 7
    watch.adopt(backend)
    #expect(watch.until { $0.checks > 3 }.verdict == .up)
    #expect(watch.changes.count == 1)
    backend.health.check = .tcp
    watch.adopt(backend)
    #expect(watch.until { $0.lastResult.hasPrefix("connected") }.checks < 4)
    backend.servers = []
    watch.adopt(backend)
    let end = Date.now + 20
    while !watch.monitor.reports().isEmpty, Date.now < end { usleep(1000) }
    #expect(watch.monitor.reports().isEmpty)
  }

  @Test func `results from elsewhere go through the same rule`() throws {
    let watch = try Watch()
    watch.adopt(Watch.backend(1, .mysql))
    for isGood in [true, false, false, false] {
      watch.monitor.record(ProbeResult(isGood: isGood, text: "x", took: .zero), of: Watch.id)
    }
    #expect(watch.until { $0.checks == 4 }.verdict == .down)
    #expect(watch.changes.map(\.verdict) == [.up, .down])
  }

  @Test func `a server that a worker saw fail is checked before its turn`() throws {
    let server = try ProbedServer("http")
    let watch = try Watch()
    var backend = Watch.backend(server.port, Self.http())
    backend.health.interval = .seconds(3600)
    #expect(watch.first(backend).checks == 1)
    for _ in 0..<100 { watch.monitor.checkSoon(Watch.id) }
    #expect(watch.until { $0.checks > 1 }.checks == 2)
  }

  @Test func `a monitor may be stopped from what it calls`() throws {
    let server = try ProbedServer("accept")
    let box = Box()
    let monitor = try HealthMonitor { _, _ in box.stop() }
    box.set(monitor)
    var configuration = ProxyConfiguration()
    configuration.backends = [Watch.backend(server.port, .tcp)]
    monitor.adopt(configuration)
    let end = Date.now + 20
    while !box.isStopped, Date.now < end { usleep(1000) }
    #expect(box.isStopped)
  }

  @Test func `a thousand servers keep their pace`() throws {
    let server = try ProbedServer("accept")
    let watch = try Watch()
    var backend = Watch.backend(server.port, .tcp)
    backend.health.interval = .seconds(1)
    backend.health.timeout = .seconds(1)
    backend.servers = (0..<1000).map {
      .init(name: "s\($0)", address: .ipv4(0x7f00_0001, port: server.port))
    }
    watch.adopt(backend)
    let end = Date.now + 60
    var slowest: UInt64 = 0
    while slowest < 4, Date.now < end {
      usleep(20_000)
      let reports = watch.monitor.reports()
      slowest = reports.count == 1000 ? reports.values.map(\.checks).min() ?? 0 : 0
    }
    let checks = watch.monitor.reports().values.map(\.checks)
    // None is left behind: jitter alone, 10 %, sets them apart.
    #expect(slowest >= 4)
    #expect((checks.max() ?? 99) <= 8)
  }
}
