import Foundation
import Glibc
import Testing

/// Every command of the page on monitoring that it says was run, in a network namespace of its own: with
/// servers to kill, and Debian's Prometheus.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct MonitoringGuideTests {
  /// Two servers of the page, each with its process's number in a file.
  private func servers(_ space: Namespace) throws -> [Companion] {
    try [("s1", 9001), ("s2", 9002)].map { name, port in
      let file = space.folder.url.appendingPathComponent("\(name).pid").path
      let script = """
        import http.server, os
        class Server(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"\(name)\\n")
            def log_message(self, *words): pass
        open("\(file)", "w").write(str(os.getpid()))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", \(port)), Server)
        print("ready", flush=True)
        server.serve_forever()
        """
      let server = try space.start("python3", "-c", script)
      #expect(server.says("ready"), "\(server.text)")
      return server
    }
  }

  @Test func `root: docs/monitoring_md does what it says`() throws {
    let guide = try Guide("docs/monitoring.md")
    #expect(guide.commandCount >= 18)
    let space = try Namespace()
    let servers = try servers(space)
    var running: [Companion] = []
    let programs = URL(fileURLWithPath: Place.gatehouse).deletingLastPathComponent().path
    let environment = ["PATH": "\(programs):/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC"]
    let played = try guide.play(in: space.folder) { command, _ in
      guard !command.hasSuffix(" &") else {
        let words = command.dropLast(2).split(separator: " ").map(String.init)
        let program = words[0] == "gatehouse" ? Place.gatehouse : words[0]
        let started = try Companion(
          ["ip", "netns", "exec", space.name, program] + words.dropFirst())
        let sign = words[0] == "gatehouse" ? "ready on" : "Server is ready"
        #expect(started.says(sign), "\(command): \(started.text)")
        running.append(started)
        return ""
      }
      let output = try run(
        "ip",
        [
          "netns", "exec", space.name, "sh", "-c", "cd '\(Place.root.path)' && \(command)",
        ], environment: environment)
      #expect(output.status < 2, "\(command): \(output.standardError)")
      return output.standardOutput + output.standardError
    }
    withExtendedLifetime((running, servers)) {}
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Guide.steady(played) == Guide.steady(expected))
  }
}
