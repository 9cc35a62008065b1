import Foundation
import Glibc
import Testing

/// Every command of the page on balancing, in a network namespace of its own: with the real ports, real
/// servers to kill, and a real primary with its replica.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct BalancingGuideTests {
  /// The servers of the page, by address.
  private final class Servers {
    private let space: Namespace
    private var running: [String: Companion] = [:]

    init(_ space: Namespace) throws {
      self.space = space
      for address in ["10.0.0.11", "10.0.0.12", "10.0.0.21", "10.0.0.22"] {
        try space.must("ip", "address", "add", "\(address)/32", "dev", "lo")
      }
      for address in ["10.0.0.11", "10.0.0.12"] { try start(address) }
    }

    func start(_ address: String) throws {
      let script = """
        import http.server
        class Server(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = b"\(address)\\n"
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            do_POST = do_GET
            def log_message(self, *words): pass
        server = http.server.ThreadingHTTPServer(("\(address)", 8080), Server)
        print("ready", flush=True)
        server.serve_forever()
        """
      let server = try space.start("python3", "-c", script)
      #expect(server.says("ready"), "\(server.text)")
      running[address] = server
    }

    func kill(_ address: String) { running[address] = nil }
  }

  @Test func `root: docs/balancing_md does what it says`() throws {
    let guide = try Guide("docs/balancing.md")
    #expect(guide.commandCount >= 25)
    let space = try Namespace()
    let servers = try Servers(space)
    let primary = try MariaDB(id: 1, at: "10.0.0.21", port: 3306, inside: space.name)
    let replica = try MariaDB(id: 2, at: "10.0.0.22", port: 3306, inside: space.name)
    try replica.follow(primary)
    for login in [MariaDB.monitor, MariaDB.admin, MariaDB.replication] {
      let file = try space.folder.write("secrets/\(login.user)", login.password)
      _ = unsafe chmod(file, 0o600)
    }
    var gate: Companion?
    let played = try guide.play(in: space.folder) { command, _ in
      let words = command.split(separator: " ").map(String.init)
      switch words[0] {
      case "kill-server":
        servers.kill(words[1])
        #expect(try Self.settles(space, "down"))
        return ""
      case "start-server":
        try servers.start(words[1])
        #expect(try Self.settles(space, nil))
        return ""
      default: break
      }
      if command.hasSuffix(" &") {
        let started = try Companion(
          ["ip", "netns", "exec", space.name, Place.gatehouse] + words.dropFirst().dropLast())
        #expect(started.says("ready on"), "\(started.text)")
        gate = started
        #expect(try Self.settles(space, nil))
        return ""
      }
      let output = try Self.type(command, space)
      if words.contains("apply") || words.contains("switchover") {
        #expect(try Self.settles(space, nil), "\(gate?.text ?? "")")
      }
      return output
    }
    withExtendedLifetime((servers, primary, replica, gate)) {}
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(played.utf8).write(to: guide.page)
    }
    let expected = try String(contentsOf: guide.page, encoding: .utf8)
    #expect(Self.steady(played) == Self.steady(expected))
  }

  /// Until a server is in that state, or all is well when nil.
  private static func settles(_ space: Namespace, _ state: String?) throws -> Bool {
    let socket = space.folder.url.appendingPathComponent("admin.sock").path
    return try wait {
      let output = try space.gatehouse("status", "--json", "--socket", socket)
      guard let state else {
        return output.status == 0 && !output.standardOutput.contains("\"unknown\"")
          && !output.standardOutput.contains("not checked yet")
      }
      return output.standardOutput.contains("\"state\" : \"\(state)\"")
    }
  }

  private static func type(_ command: String, _ space: Namespace) throws -> String {
    let folder = URL(fileURLWithPath: Place.gatehouse).deletingLastPathComponent().path
    let output = try run(
      "ip", ["netns", "exec", space.name, "sh", "-c", command],
      environment: [
        "PATH": "\(folder):/usr/bin:/bin:/usr/sbin:/sbin", "TZ": "UTC", "USER": "alice",
      ])
    #expect(output.status < 2, "\(command): \(output.standardOutput)\(output.standardError)")
    return output.standardOutput + output.standardError
  }

  /// Without what is another at each run: times, positions, and which of two equals had its turn.
  private static func steady(_ page: String) -> String {
    Guide.steady(page).replacing(#/in [0-9.]+ m?s/#, with: "in N s")
      .replacing(#/\d-\d-\d+/#, with: "GTID").replacing(#/\d+ ms/#, with: "N ms")
      .replacing(#/(?m)^((?:web|orders)\/\S+ .*) \d+ (.*)$/#) { "\($0.output.1) N \($0.output.2)" }
  }
}
