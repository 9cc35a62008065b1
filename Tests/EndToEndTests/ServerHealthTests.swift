import Foundation
import Glibc
import Testing

/// Health checks, tiers and what is said of them, with servers that are killed.
@Suite struct ServerHealthTests {
  private static func server(_ port: UInt16) throws -> Companion {
    let script =
      "import http.server as h; h.ThreadingHTTPServer(('127.0.0.1', \(port)), h.SimpleHTTPRequestHandler).serve_forever()"
    let server = try Companion(["python3", "-c", script])
    for _ in 0..<100 {
      if (try? RawSocket(port: port)) != nil { break }
      usleep(100_000)
    }
    return server
  }

  private func gate(_ port: UInt16, failback: String) throws -> Gate {
    try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(/(s2: \{ address: "[^"]*")/) { "\($0.output.1), tier: 1" }
          .replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)\(port)" }
          .replacing(
            "  web:\n",
            with: """
                web:
                  tiers: { hold_down: 1s, failback: \(failback) }
                  health: { tcp: true, interval: 200ms, fast_interval: 100ms, rise: 2, fall: 2 }

              """)
      })
  }

  @Test func `a server that is killed is down, and why; a standby takes over and gives back`()
    throws
  {
    let port = RawSocket.freePort()
    var server: Companion? = try Self.server(port)
    let gate = try gate(port, failback: "auto")
    let socket = ["--socket", gate.socket]
    #expect(
      try gate.waits {
        try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""health" : "up""#)
      })
    #expect(try run(Place.gatehouse, ["status"] + socket).standardOutput.hasPrefix("OK since "))
    server = nil
    #expect(gate.waitForLog("server web/s1 is down: "))
    #expect(gate.waitForLog("backend web fails over from tier 0 to tier 1"))
    let status = try run(Place.gatehouse, ["status"] + socket)
    #expect(status.status == 1)
    #expect(
      status.standardOutput.contains(

        /^DEGRADED since [0-9:]{5} – backend web 1\/2 up\n  ! .*s1 down since [0-9]{2}:[0-9]{2}: .*refused/
      ), "\(status.standardOutput)")
    #expect(try gate.curl().standardOutput == "s2\n")
    let metrics = try gate.admin("GET", "/metrics").body
    #expect(metrics.contains(#"gatehouse_backend_server_up{backend="web",server="s1"} 0"#))
    #expect(metrics.contains(#"gatehouse_backend_tier{backend="web"} 1"#))
    #expect(metrics.contains("gatehouse_backend_server_check_duration_seconds{"))
    server = try Self.server(port)
    #expect(gate.waitForLog("server web/s1 is up: "))
    #expect(gate.waitForLog("backend web goes back from tier 1 to tier 0"))
    #expect(try gate.waits { try gate.curl().standardOutput.contains("Directory listing") })
    _ = server
  }

  @Test func `maint stops checks, and ready begins them again`() throws {
    let port = RawSocket.freePort()
    var server: Companion? = try Self.server(port)
    let gate = try gate(port, failback: "manual")
    let socket = ["--socket", gate.socket]
    #expect(
      try gate.waits {
        try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""health" : "up""#)
      })
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--state", "maint"] + socket)
    #expect(gate.waitForLog("fails over from tier 0 to tier 1"))
    func checks() throws -> Substring? {
      try gate.admin("GET", "/v1/servers/web/s1").body.firstMatch(of: /"checks" : (\d+)/)?.output.1
    }
    // What was under way may still end; then five intervals without a check.
    var before: Substring?
    #expect(
      try gate.waits {
        before = try checks()
        usleep(1_000_000)
        return try checks() == before
      })
    server = nil
    usleep(1_000_000)
    #expect(try checks() == before)
    #expect(!gate.log.contains("web/s1 is down"))
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--state", "ready"] + socket)
    #expect(gate.waitForLog("server web/s1 is down: "))
    server = try Self.server(port)
    #expect(gate.waitForLog("server web/s1 is up: "))
    #expect(try gate.curl().standardOutput == "s2\n")
    #expect(try run(Place.gatehouse, ["server", "failback", "web"] + socket).status == 0)
    #expect(try gate.curl().standardOutput.contains("Directory listing"))
    _ = server
  }

  @Test func `a manual failback is not made by a restart`() throws {
    let port = RawSocket.freePort()
    var server: Companion? = try Self.server(port)
    let gate = try gate(port, failback: "manual")
    #expect(
      try gate.waits {
        try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""health" : "up""#)
      })
    server = nil
    #expect(gate.waitForLog("backend web fails over from tier 0 to tier 1"))
    server = try Self.server(port)
    #expect(gate.waitForLog("server web/s1 is up: "))
    try gate.restart()
    #expect(try gate.curl().standardOutput == "s2\n")
    #expect(
      try gate.waits {
        try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""health" : "up""#)
      })
    #expect(try gate.status().backends[0].tier == 1)
    #expect(try gate.curl().standardOutput == "s2\n")
    let back = try gate.command("server", "failback", "web", "--socket", gate.socket)
    #expect(back.status == 0)
    try gate.restart()
    #expect(try gate.curl().standardOutput.contains("Directory listing"))
    _ = server
  }

  @Test func `a standby that was in use before a restart is left where it has died meanwhile`()
    throws
  {
    let port = RawSocket.freePort()
    var server: Companion? = try Self.server(port)
    let standby = RawSocket.freePort()
    var other: Companion? = try Self.server(standby)
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(/s1: \{ address: "[^"]*"/) { _ in "s1: { address: \"127.0.0.1:\(port)\"" }
          .replacing(/s2: \{ address: "[^"]*"/) { _ in
            "s2: { address: \"127.0.0.1:\(standby)\", tier: 1"
          }.replacing(
            "  web:\n",
            with: """
                web:
                  tiers: { failback: manual }
                  health: { tcp: true, interval: 200ms, fast_interval: 100ms, rise: 2, fall: 2 }

              """)
      })
    server = nil
    #expect(gate.waitForLog("backend web fails over from tier 0 to tier 1"))
    server = try Self.server(port)
    other = nil
    try gate.restart()
    #expect(gate.waitForLog("backend web goes back from tier 1 to tier 0"))
    #expect(try gate.curl().standardOutput.contains("Directory listing"))
    _ = (server, other)
  }
}
