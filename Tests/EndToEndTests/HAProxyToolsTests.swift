import Foundation
import Glibc
import Testing

@Suite struct HAProxyToolsTests {
  private func gate() throws -> (Gate, String) {
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(
          "admin: { socket: admin.sock }",
          with: "admin: { socket: admin.sock, haproxy_socket: haproxy.sock }")
      })
    return (gate, gate.folder.url.appendingPathComponent("haproxy.sock").path)
  }

  /// What a command gets from a socket that speaks HAProxy's protocol.
  private func ask(_ socket: String, _ command: String) throws -> String {
    let script = """
      import socket, sys
      s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
      s.sendall((sys.argv[2] + "\\n").encode())
      out = b""
      while True:
          piece = s.recv(65536)
          if not piece: break
          out += piece
      sys.stdout.buffer.write(out)
      """
    return try run("python3", ["-c", script, socket, command]).standardOutput
  }

  /// By name of the column.
  private func fields(_ table: String, _ row: String) throws -> [String: String] {
    let lines = table.split(separator: "\n")
    let header = try #require(lines.first).dropFirst(2).split(
      separator: ",", omittingEmptySubsequences: false)
    let line = try #require(lines.first { $0.hasPrefix("\(row),") })
    return Dictionary(
      zip(header, line.split(separator: ",", omittingEmptySubsequences: false)).map {
        (String($0), String($1))
      }
    ) { first, _ in first }
  }

  @Test func `the table has the columns of the HAProxy that is installed, and says the same`()
    throws
  {
    let folder = try TemporaryFolder()
    let socket = folder.url.appendingPathComponent("h.sock").path
    let port = RawSocket.freePort()
    let file = try folder.write(
      "h.cfg",
      """
      global
        stats socket \(socket) mode 600
      defaults
        mode http
        timeout connect 1s
        timeout client 5s
        timeout server 5s
      listen web
        bind 127.0.0.1:\(port)
        server s1 127.0.0.1:1

      """)
    let haproxy = try Companion(["haproxy", "-db", "-f", file])
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: socket) { usleep(50_000) }
    let theirs = try ask(socket, "show stat").split(separator: "\n").first
    let (gate, own) = try gate()
    let ours = try ask(own, "show stat")
    #expect(theirs != nil && ours.split(separator: "\n").first == theirs, "\(haproxy.text)")
    #expect(
      try gate.command("stat", "--csv", "--socket", gate.socket).standardOutput.hasPrefix("# px"))

    for _ in 0..<3 { _ = try gate.curl() }
    _ = try gate.admin("PATCH", "/v1/servers/web/s2", #"{"state": "drain"}"#)
    #expect(
      try gate.waits { try fields(ask(own, "show stat"), "https,FRONTEND")["hrsp_2xx"] == "3" })
    let table = try gate.admin("GET", "/v1/stat.csv").body
    let backend = try fields(table, "web,BACKEND")
    #expect(backend["status"] == "UP" && backend["act"] == "1" && backend["stot"] == "3")
    #expect(backend["hrsp_2xx"] == "3" && backend["type"] == "1")
    #expect(try fields(table, "web,s1")["status"] == "no check")
    let drained = try fields(table, "web,s2")
    #expect(drained["status"] == "DRAIN" && drained["type"] == "2" && drained["sid"] == "2")
    let one = try ask(own, "show stat 4 4 2").split(separator: "\n")
    #expect(one.count == 2 && one.last?.hasPrefix("web,s2,") == true)
    #expect(try ask(own, "shutdown server web/s1").hasPrefix("Unknown command"))
    let data = try gate.command("stat", "--json", "--socket", gate.socket).standardOutput
    #expect(data.contains(#""svname" : "s2""#))
  }

  @Test func `hatop and the exporter read it`() throws {
    let (gate, socket) = try gate()
    for _ in 0..<5 { _ = try gate.curl() }
    let screen = try run(
      "python3", ["-c", PseudoTerminal.script, "3", "q", "hatop", "-n", "-s", socket], seconds: 60)
    #expect(screen.standardOutput.contains("HATop"), "\(screen.standardOutput)")
    #expect(screen.standardOutput.contains("Gatehouse"), "\(screen.standardOutput)")
    for part in ["FRONTEND", "s1", "s2"] {
      #expect(screen.standardOutput.contains(part), "\(part): \(screen.standardOutput)")
    }
    let port = RawSocket.freePort()
    let exporter = try Companion([
      "prometheus-haproxy-exporter", "--haproxy.scrape-uri=unix:\(socket)",
      "--web.listen-address=127.0.0.1:\(port)",
    ])
    var metrics = ""
    _ = try gate.waits {
      metrics = try run("curl", ["-sS", "http://127.0.0.1:\(port)/metrics"]).standardOutput
      return metrics.contains("haproxy_up 1")
    }
    #expect(metrics.contains("haproxy_up 1"), "\(exporter.text)")
    #expect(metrics.contains(#"haproxy_server_up{backend="web",server="s1"} 1"#))
    #expect(
      metrics.contains(#"haproxy_backend_http_responses_total{backend="web",code="2xx"} 5"#))
    #expect(metrics.contains("haproxy_exporter_csv_parse_failures_total 0"))
  }

  @Test func `its socket is for looking: silence, garbage and many clients do no harm`() throws {
    let (gate, socket) = try gate()
    var kind = stat()
    #expect(unsafe stat(socket, &kind) == 0 && kind.st_mode & 0o777 == 0o660)
    #expect(try ask(socket, String(repeating: "x", count: 5000)).isEmpty)
    let script = """
      import socket, sys
      all = []
      for _ in range(40):
          s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); all.append(s)
      closed = 0
      for s in all:
          s.settimeout(0.5)
          try:
              closed += s.recv(1) == b""
          except (TimeoutError, ConnectionError): pass
      print(closed)
      """
    let closed = try run("python3", ["-c", script, socket], seconds: 60).standardOutput
    #expect(Int(closed.trimmingCharacters(in: .newlines)) == 24)
    #expect(try gate.waits { try ask(socket, "show info").hasPrefix("Name: Gatehouse\n") })
    gate.signal(SIGTERM)
    #expect(gate.waitForLog("stopped"))
    #expect(!FileManager.default.fileExists(atPath: socket))
  }
}
