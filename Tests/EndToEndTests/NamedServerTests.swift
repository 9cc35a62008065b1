import Foundation
import Testing

/// Servers that are written as names, which a real BIND resolves.
@Suite(.serialized)
struct NamedServerTests {
  /// Two servers on one port at 127.0.0.2 and 127.0.0.3, which tell where they were reached.
  private static func gate(_ bind: Bind, _ port: UInt16) throws -> Gate {
    try Gate(
      [], extra: "resolver: { servers: [\"127.0.0.1:\(bind.port)\"] }",
      edit: {
        $0.replacing("    servers:\n", with: "    servers: { api: \"api.app.test:\(port)\" }\n")
      })
  }

  private static func servers() throws -> (LocalServers, UInt16) {
    let servers = try LocalServers(["127.0.0.2", "127.0.0.3"])
    return (servers, servers.port)
  }

  private static func answers(_ gate: Gate, _ count: Int) throws -> [String] {
    try (0..<count).map { _ in
      let output = try gate.curl("--fail")
      #expect(output.status == 0, "\(output.standardError)")
      return output.standardOutput
    }
  }

  private static func reaches(_ gate: Gate, _ wanted: String) throws -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      if try answers(gate, 1) == [wanted] { return true }
    }
    return false
  }

  @Test func `a name's new address is used without a failed request, and shown`() throws {
    let bind = try Bind("api IN A 127.0.0.2")
    let (servers, port) = try Self.servers()
    let gate = try Self.gate(bind, port)
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.2", count: 3))
    try bind.change("api IN A 127.0.0.3")
    #expect(try Self.reaches(gate, "127.0.0.3"))
    #expect(
      gate.waitForLog("backend web: api.app.test is now 127.0.0.3 (was 127.0.0.2)"), "\(gate.log)")
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.3", count: 3))
    servers.stop()
  }

  @Test func `a name that is gone keeps its last address, over an apply, too`() throws {
    let bind = try Bind("api IN A 127.0.0.2")
    let (servers, port) = try Self.servers()
    let gate = try Self.gate(bind, port)
    try bind.change("other IN A 127.0.0.3")
    #expect(gate.waitForLog("cannot resolve api.app.test: no such name; it stays at 127.0.0.2"))
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.2", count: 3))
    bind.stop()
    let applied = try gate.command("apply", "--socket", gate.socket)
    #expect(applied.status == 0, "\(applied.standardError)")
    #expect(gate.log.contains("it stays at 127.0.0.2"))
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.2", count: 3))
    let status = try gate.command("status", "--socket", gate.socket).standardOutput
    #expect(status.contains("note: cannot resolve api.app.test"), "\(status)")
    let check = try gate.command("check", "-c", gate.path)
    #expect(check.status != 0 && check.standardOutput.contains("cannot resolve \"api.app.test\""))
    servers.stop()
  }

  @Test func `two addresses are two servers that share the requests`() throws {
    let bind = try Bind("api IN A 127.0.0.3\napi IN A 127.0.0.2")
    let (servers, port) = try Self.servers()
    let gate = try Self.gate(bind, port)
    #expect(
      try Self.answers(gate, 4).sorted() == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"])
    let status = try gate.command("status", "--socket", gate.socket).standardOutput
    #expect(status.contains("web/api@127.0.0.2") && status.contains("web/api@127.0.0.3"))
    servers.stop()
  }

  @Test func `a second address joins while running, and goes again`() throws {
    let bind = try Bind("api IN A 127.0.0.2")
    let (servers, port) = try Self.servers()
    let gate = try Self.gate(bind, port)
    try bind.change("api IN A 127.0.0.2\napi IN A 127.0.0.3")
    #expect(try Self.reaches(gate, "127.0.0.3"))
    #expect(
      try Self.answers(gate, 4).sorted() == ["127.0.0.2", "127.0.0.2", "127.0.0.3", "127.0.0.3"])
    try bind.change("api IN A 127.0.0.3")
    #expect(
      gate.waitForLog("api.app.test is now 127.0.0.3 (was 127.0.0.2, 127.0.0.3)"), "\(gate.log)")
    let set = try gate.command(
      "server", "set", "web/api", "--weight", "5", "--socket", gate.socket)
    #expect(set.status == 0, "\(set.standardError)")
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.3", count: 3))
    servers.stop()
  }

  @Test func `a name server that dies is told of once, and one that comes back is believed`()
    throws
  {
    let bind = try Bind("api IN A 127.0.0.2")
    let (servers, port) = try Self.servers()
    let gate = try Self.gate(bind, port)
    bind.stop()
    #expect(gate.waitForLog("cannot resolve api.app.test: no answer in time"), "\(gate.log)")
    // Asked again, and failed again, without another word.
    #expect(try Self.waits { try Self.failures(gate) >= 2 })
    #expect(gate.log.split(separator: "cannot resolve api.app.test").count == 2, "\(gate.log)")
    let metrics = try run(
      "curl", ["-s", "--unix-socket", gate.socket, "http://gate/metrics"]
    ).standardOutput
    #expect(metrics.contains("gatehouse_name_is_stale{name=\"api.app.test\"} 1"), "\(metrics)")
    #expect(try Self.answers(gate, 3) == Array(repeating: "127.0.0.2", count: 3))
    let again = try Bind("api IN A 127.0.0.3", port: bind.port)
    #expect(try Self.reaches(gate, "127.0.0.3"))
    #expect(gate.log.contains("api.app.test can be resolved again"))
    again.stop()
    servers.stop()
  }

  @Test func `more addresses than a packet holds come over TCP, and no more than the limit`() throws
  {
    let records = (1...70).map { "api IN A 127.0.1.\($0)" }.joined(separator: "\n")
    let bind = try Bind(records)
    let gate = try Self.gate(bind, RawSocket.freePort())
    let status = try gate.command("status", "--json", "--socket", gate.socket).standardOutput
    let names = status.matches(of: /"name" : "api@127\.0\.1\.(\d+)"/).compactMap { Int($0.1) }
    #expect(names == Array(1...64))
  }

  private static func failures(_ gate: Gate) throws -> Int {
    let status = try gate.command("status", "--json", "--socket", gate.socket).standardOutput
    let found = status.firstMatch(of: /"failures" : (\d+),\s+"name" : "api.app.test"/)
    return found.flatMap { Int($0.1) } ?? 0
  }

  private static func waits(_ claim: () throws -> Bool) throws -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      if try claim() { return true }
      usleep(100_000)
    }
    return false
  }
}

/// Python's server on one port of several loopback addresses; each answers with its address.
private final class LocalServers {
  let port = RawSocket.freePort()
  private let folder: TemporaryFolder
  private let process = Process()

  init(_ addresses: [String]) throws {
    folder = try TemporaryFolder()
    let script = try folder.write(
      "server.py",
      """
      import sys, threading
      from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
      class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *_): pass
        def do_GET(self):
          body = self.connection.getsockname()[0].encode()
          self.send_response(200)
          self.send_header("Content-Length", str(len(body)))
          self.end_headers()
          self.wfile.write(body)
      servers = [ThreadingHTTPServer((a, int(sys.argv[1])), Handler) for a in sys.argv[2:]]
      for s in servers: threading.Thread(target=s.serve_forever, daemon=True).start()
      print("ready", flush=True)
      sys.stdin.read()
      """)
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script, "\(port)"] + addresses
    process.standardInput = Pipe()
    process.standardOutput = output
    try process.run()
    guard !output.fileHandleForReading.availableData.isEmpty else {
      throw Gate.Failure(text: "the servers did not start")
    }
  }

  func stop() {
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  deinit { stop() }
}
