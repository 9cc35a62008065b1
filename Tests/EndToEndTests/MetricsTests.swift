import Foundation
import Testing

/// What `GET /metrics` says, as those read it who are meant to.
@Suite struct MetricsTests {
  private static func lint(_ text: String) throws -> String {
    let output = try run("promtool", ["check", "metrics"], input: Data(text.utf8))
    return output.standardOutput + output.standardError + (output.status == 0 ? "" : "FAILED")
  }

  private static let openMetrics = "Accept: application/openmetrics-text; version=1.0.0"

  @Test func `both formats pass the checks of those who defined them`() throws {
    let gate = try Gate([.named("s1")], redirects: true)
    _ = try gate.curl()
    _ = try gate.raw("GET / HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n")
    let plain = try gate.admin("GET", "/metrics").body + "\n"
    let faults = try Self.lint(plain)
    #expect(faults.isEmpty, "\(faults)")
    let open = try gate.admin("GET", "/metrics", headers: [Self.openMetrics]).body + "\n"
    let read = try run(
      // Debian's own: its packages are not for another one.
      "/usr/bin/python3",
      [
        "-c",
        """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
        print(len(list(parse(sys.stdin.read().rstrip("\\n") + "\\n"))))
        """,
      ], input: Data(open.utf8))
    #expect(read.status == 0 && (Int(read.standardOutput.dropLast()) ?? 0) > 50, "\(read)")
    #expect(open.hasSuffix("# EOF\n") || open.hasSuffix("# EOF\n\n"))
  }

  @Test func `the checks would find a fault`() throws {
    #expect(try Self.lint("# TYPE a_total gauge\na_total 1\n").isEmpty == false)
  }

  @Test func `requests, handshakes and connections are counted under the file's names`() throws {
    let gate = try Gate([.named("s1")])
    for _ in 0..<3 { _ = try gate.curl() }
    _ = try gate.curl("--tls-max", "1.2")
    let text = try gate.admin("GET", "/metrics").body
    for line in [
      #"gatehouse_requests_total{listener="https",route="*/**",backend="web",code="2xx"} 4"#,
      #"gatehouse_requests_total{listener="https",route="*/**",backend="web",code="5xx"} 0"#,
      #"gatehouse_request_duration_seconds_count{route="*/**",backend="web"} 4"#,
      #"gatehouse_request_phase_duration_seconds_count{backend="web",phase="ttfb"} 4"#,
      #"gatehouse_backend_server_requests_total{backend="web",server="s1"} 4"#,
      #"gatehouse_backend_server_response_seconds_count{backend="web",server="s1"} 4"#,
      #"gatehouse_tls_handshakes_total{listener="https",result="full",version="TLSv1.3"} 3"#,
      #"gatehouse_tls_handshakes_total{listener="https",result="full",version="TLSv1.2"} 1"#,
      #"gatehouse_connections_accepted_total{listener="https"} 4"#,
      #"gatehouse_terminations_total{backend="web",state="--",reason="done"} 4"#,
      #"gatehouse_backend_active_servers{backend="web"} 1"#,
      "gatehouse_config_last_reload_successful 1",
    ] { #expect(text.contains("\n\(line)\n"), "\(line)") }
    #expect(!text.contains("www.test"))
  }

  @Test func `a handshake that fails says why, in words of ours only`() throws {
    let gate = try Gate([.named("s1")])
    let clear = try RawSocket(port: gate.https)
    clear.send("GET / HTTP/1.1\r\nHost: www.test\r\n\r\n")
    _ = clear.receiveAll()
    _ = try run(
      "curl",
      [
        "-sk", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0",
        "https://127.0.0.1:\(gate.https)/",
      ])
    // A client that does not know our authority.
    _ = try run(
      "curl",
      ["-s", "--resolve", "www.test:\(gate.https):127.0.0.1", "https://www.test:\(gate.https)/"])
    func count(_ reason: String) throws -> Bool {
      try gate.admin("GET", "/metrics").body.contains(
        #"gatehouse_tls_handshake_failures_total{listener="https",reason="\#(reason)"} 1"#)
    }
    for reason in ["not_tls", "version", "certificate_refused"] {
      #expect(try gate.waits { try count(reason) }, "\(reason)")
    }
  }

  @Test func `a configuration of a thousand routes makes no megabytes`() throws {
    let routes = (0..<1000).map { "  - { host: h\($0).test, redirect: \"https://www.test\" }\n" }
    let gate = try Gate(
      [.named("s1")],
      edit: { $0.replacing("routes:\n", with: "routes:\n" + routes.joined()) })
    let requests = (0..<1000).map {
      "GET / HTTP/1.1\r\nHost: h\($0).test\r\n\(($0 == 999) ? "Connection: close\r\n" : "")\r\n"
    }
    _ = try gate.raw(requests.joined())
    let text = try gate.admin("GET", "/metrics").body
    #expect(text.utf8.count < 1_500_000, "\(text.utf8.count) bytes")
    #expect(
      text.contains(
        #"gatehouse_requests_total{listener="http",route="_other",backend="_none",code="3xx"} 750"#)
    )
  }

  @Test func `an apply that is refused shows until one succeeds`() throws {
    let gate = try Gate([.named("s1")])
    let file = try String(contentsOfFile: gate.path, encoding: .utf8)
    try gate.rewrite { $0 + "nonsense: 1\n" }
    _ = try gate.command("apply", "--socket", gate.socket)
    var text = try gate.admin("GET", "/metrics").body
    #expect(text.contains("\ngatehouse_config_last_reload_successful 0\n"))
    #expect(text.contains("\ngatehouse_config_reloads_total{result=\"rejected\"} 1\n"))
    try gate.rewrite { _ in file }
    _ = try gate.command("apply", "--socket", gate.socket)
    text = try gate.admin("GET", "/metrics").body
    #expect(text.contains("\ngatehouse_config_last_reload_successful 1\n"))
    #expect(text.contains("\ngatehouse_config_generation 2\n"))
  }
}
