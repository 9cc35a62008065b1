import Foundation
import Glibc
import Testing

@Suite struct ServerCommandTests {
  /// What each server answered, of so many requests.
  private func seen(_ gate: Gate, _ count: Int) throws -> [String: Int] {
    var seen: [String: Int] = [:]
    for _ in 0..<count {
      seen[try gate.curl().standardOutput.trimmingCharacters(in: .newlines), default: 0] += 1
    }
    return seen
  }

  @Test func `lists servers, and weighs them in numbers and in percent`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let socket = ["--socket", gate.socket]
    let half = try run(
      Place.gatehouse, ["server", "set", "web/s1", "--weight", "50%"] + socket)
    #expect(half.status == 0)
    #expect(half.standardOutput.hasPrefix("web/s1: up, weight 1 -> 0.5"))
    // Half of 1 is not rounded away.
    #expect(try seen(gate, 9) == ["s1": 3, "s2": 6])
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--weight", "2"] + socket)
    #expect(try seen(gate, 9) == ["s1": 6, "s2": 3])
    let list = try run(Place.gatehouse, ["server", "list"] + socket)
    #expect(list.standardOutput.hasPrefix("SERVER  ADDRESS"))
    #expect(list.standardOutput.contains("1 -> 2"))
    let data = try run(Place.gatehouse, ["server", "list", "--json"] + socket)
    #expect(data.standardOutput.contains(#""effective_weight" : 2"#))
    let page = try run(Place.gatehouse, ["server", "show", "web/s1"] + socket)
    #expect(page.standardOutput.contains("override  weight 2 by "))
    for wrong in ["257", "-1", "1.5", "x", "2000%"] {
      let output = try run(
        Place.gatehouse, ["server", "set", "web/s1", "--weight=\(wrong)"] + socket)
      #expect(output.status == 2, "\(wrong)")
    }
    let nobody = try run(Place.gatehouse, ["server", "show", "web/s9"] + socket)
    #expect(nobody.status == 2 && nobody.standardError.contains("there are: s1, s2"))
  }

  @Test func `drains a server, and waits for what runs`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      sleep(2)
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow")
    }
    let gate = try Gate([origin, .named("s2")])
    let socket = ["--socket", gate.socket]
    // Round robin begins with the first.
    let client = try RawSocket(port: gate.http)
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(
      try gate.waits { try gate.admin("GET", "/v1/servers/web/s1").body.contains(#""active" : 1"#) }
    )
    let short = try run(
      Place.gatehouse,
      ["drain", "web/s1", "--wait", "--timeout", "1s", "--reason", "disk"] + socket)
    #expect(short.status == 1)
    #expect(short.standardError.contains("1 exchange(s) left after 1s"))
    let long = try run(Place.gatehouse, ["drain", "web/s1", "--wait"] + socket)
    #expect(long.status == 0)
    #expect(long.standardOutput.hasPrefix("web/s1: drain, weight 1, 0 active"))
    let kept = try run(Place.gatehouse, ["overrides", "list"] + socket).standardOutput
    #expect(kept.contains("disk"), "\(kept)")
    // It was cut short by nothing.
    #expect(String(decoding: client.receiveAll(), as: UTF8.self).hasSuffix("slow"))
    #expect(try seen(gate, 4) == ["s2": 4])
    // What somebody wants is no trouble.
    #expect(try run(Place.gatehouse, ["status"] + socket).standardOutput.hasPrefix("OK since "))
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--state", "ready"] + socket)
    let list = try run(Place.gatehouse, ["overrides", "list"] + socket)
    #expect(list.standardOutput.hasPrefix("no overrides"))
  }

  @Test func `adds servers and removes them, through new files and restarts`() throws {
    let third = Origin.named("s3")
    let gate = try Gate([.named("s1"), .named("s2")])
    let socket = ["--socket", gate.socket]
    let added = try run(
      Place.gatehouse,
      ["server", "add", "web/s3", "127.0.0.1:\(third.port)", "--weight", "2"] + socket)
    #expect(added.status == 0, "\(added.standardError)")
    #expect(try seen(gate, 8) == ["s1": 2, "s2": 2, "s3": 4])
    let again = try run(Place.gatehouse, ["server", "add", "web/s3", "127.0.0.1:1"] + socket)
    #expect(again.status == 2 && again.standardError.contains("there is a server web/s3 already"))
    let wrong = try run(Place.gatehouse, ["server", "add", "web/s4", "localhost"] + socket)
    #expect(wrong.status == 2 && wrong.standardError.contains("an address with a port"))
    #expect(try run(Place.gatehouse, ["server", "remove", "web/s1"] + socket).status == 0)
    #expect(try seen(gate, 6) == ["s2": 2, "s3": 4])
    #expect(try run(Place.gatehouse, ["apply"] + socket).status == 0)
    #expect(try seen(gate, 6) == ["s2": 2, "s3": 4])
    try gate.restart()
    #expect(try seen(gate, 6) == ["s2": 2, "s3": 4])
    #expect(try run(Place.gatehouse, ["server", "remove", "web/s3"] + socket).status == 0)
    let last = try run(Place.gatehouse, ["server", "remove", "web/s2"] + socket)
    #expect(last.status == 2 && last.standardError.contains("the last server of its backend"))
    #expect(try run(Place.gatehouse, ["overrides", "clear", "--all"] + socket).status == 0)
    #expect(try seen(gate, 4) == ["s1": 2, "s2": 2])
  }

  @Test func `a standby takes over from what failed, and gives back when asked`() throws {
    let primary = Origin.named("s1")
    let spare = Origin.named("s2")
    let gate = try Gate(
      [primary, spare],
      edit: {
        $0.replacing(/(s2: \{ address: "[^"]*")/) { "\($0.output.1), tier: 1" }
          .replacing("  web:\n", with: "  web:\n    tiers: { failback: manual, hold_down: 1s }\n")
      })
    let socket = ["--socket", gate.socket]
    #expect(try seen(gate, 4) == ["s1": 4])
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--state", "maint"] + socket)
    #expect(try seen(gate, 4) == ["s2": 4])
    #expect(gate.waitForLog("backend web fails over from tier 0 to tier 1"))
    let list = try run(Place.gatehouse, ["server", "list"] + socket).standardOutput
    #expect(list.contains("1 in use"))
    _ = try run(Place.gatehouse, ["server", "set", "web/s1", "--state", "ready"] + socket)
    #expect(try seen(gate, 4) == ["s2": 4])
    let back = try run(Place.gatehouse, ["server", "failback", "web"] + socket)
    #expect(back.status == 0 && back.standardOutput == "web uses tier 0\n")
    #expect(try seen(gate, 4) == ["s1": 4])
    let twice = try run(Place.gatehouse, ["server", "failback", "web"] + socket)
    #expect(twice.status == 2 && twice.standardError.contains("best tier"))
    let metrics = try gate.admin("GET", "/metrics").body
    #expect(metrics.contains(#"gatehouse_backend_tier{backend="web"} 0"#))
    #expect(metrics.contains(#"gatehouse_backend_server_up{backend="web",server="s2"} 1"#))
  }

  @Test func `a standby takes over from what fails under its clients' eyes, and gives back`() throws
  {
    let port = RawSocket.freePort()
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(/(s2: \{ address: "[^"]*")/) { "\($0.output.1), tier: 1" }
          .replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)\(port)" }
          .replacing("  web:\n", with: "  web:\n    tiers: { hold_down: 1s }\n")
          + "timeouts: { set_aside: 2s }\n"
      })
    #expect(try gate.waits { try gate.curl().standardOutput == "s2\n" })
    #expect(gate.waitForLog("backend web fails over from tier 0 to tier 1"))
    let status = try gate.command("status", "--socket", gate.socket)
    #expect(status.status == 1)
    #expect(
      status.standardOutput.contains(
        /^DEGRADED since [0-9:]{5} – backend web 1\/2 up\n  ! .*\(web\/s1 set aside:/))
    #expect(try seen(gate, 4) == ["s2": 4])
    let script =
      "import http.server as h; h.HTTPServer(('127.0.0.1', \(port)), h.SimpleHTTPRequestHandler).serve_forever()"
    let server = try Companion(["python3", "-c", script])
    // Its time is over, and so is the hold-down.
    #expect(gate.waitForLog("backend web goes back from tier 1 to tier 0"))
    #expect(try gate.waits { try gate.curl().standardOutput.contains("Directory listing") })
    _ = server
  }
}
