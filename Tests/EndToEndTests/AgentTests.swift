import Foundation
import Testing

/// The agent: bans for a proxy that has no rights, and nothing else for anybody.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct AgentTests {
  private static let nobody: UInt32 = 65_534
  private let cable: Cable

  init() throws { cable = try Cable() }

  private var socket: String { cable.server.folder.url.appendingPathComponent("agent.sock").path }

  private func apply(_ more: String = "") throws {
    let file = try cable.server.folder.write(
      "policy.yaml",
      """
      version: 1
      management: { from: [10.77.0.9], to: [tcp/22] }
      bans: { never: [10.77.0.8] }
      services:
        web:
          listen: [tcp/80]
          allow: [any]
          ban: { when: refused 3 times in 1m, for: 10m }
          http: [{ host: www.test, path: /admin/**, allow: [10.77.0.9] }]
      \(more)
      """)
    try cable.server.must(Place.gatehouse, "policy", "apply", file)
  }

  private func agent(_ users: String...) throws -> Companion {
    let users = users.flatMap { ["--user", $0] }
    let agent = try Companion(
      ["ip", "netns", "exec", cable.server.name, Place.gatehouse, "agent", "--socket", socket]
        + users, cable.server.environment)
    guard agent.says("agent ready") else { throw Gate.Failure(text: agent.text) }
    return agent
  }

  /// What the agent answers to each message in hexadecimal; an empty line where it says nothing.
  private func ask(_ messages: [String], as user: UInt32 = 0) throws -> [String] {
    let script = """
      import os, socket, sys
      os.setgid(\(user)); os.setuid(\(user))
      for text in sys.argv[2:]:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(5)
        s.connect(sys.argv[1])
        try: s.send(bytes.fromhex(text)); print(s.recv(100).hex())
        except OSError as error: print("")
      """
    let output = try run("python3", ["-c", script, socket] + messages)
    #expect(output.status == 0, "\(output.standardError)")
    return output.standardOutput.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map(String.init)
  }

  private static func ban(_ address: String, prefix: Int = 32, seconds: Int = 60) -> String {
    let bits = address.split(separator: ".").map { String(format: "%02x", Int($0) ?? 0) }.joined()
    return "010104" + String(format: "%02x%08x", prefix, seconds)
      + String(repeating: "0", count: 24) + bits
  }

  @Test func `root: a proxy without rights bans a client in the kernel, and his connections end`()
    throws
  {
    try apply("  raw: { listen: [tcp/9001], allow: [any] }")
    let agent = try agent("\(Self.nobody)")
    let server = try cable.server.start(
      "python3", "-u", "-m", "http.server", "9000", "--bind", "127.0.0.1")
    #expect(server.says("Serving"))
    let raw = try cable.server.start(
      "python3", "-u", "-m", "http.server", "9001", "--bind", "10.77.0.1")
    #expect(raw.says("Serving"))
    _ = try cable.server.folder.write(
      "gatehouse.yaml",
      """
      listeners: { http: { bind: "10.77.0.1:80" } }
      backends: { web: { servers: ["127.0.0.1:9000"] } }
      routes: [{ backend: web }]
      policy: policy.yaml
      agent: agent.sock
      workers: 1

      """)
    let proxy = try Companion(
      [
        "ip", "netns", "exec", cable.server.name, "setpriv", "--reuid=\(Self.nobody)",
        "--regid=\(Self.nobody)", "--clear-groups", "--ambient-caps=+net_bind_service",
        "--inh-caps=+net_bind_service", Place.gatehouse, "run", "-c",
        cable.server.folder.url.appendingPathComponent("gatehouse.yaml").path,
      ], cable.server.environment)
    #expect(proxy.says("ready on"), "\(proxy.text)")
    let client = """
      import socket, sys, time
      def ask(path, source):
        s = socket.create_connection(("10.77.0.1", 80), 5, (source, 0))
        s.sendall(f"GET {path} HTTP/1.1\\r\\nHost: www.test\\r\\n\\r\\n".encode())
        return s, s.recv(100)[9:12].decode()
      source = sys.argv[1]
      # The proxy knows nothing of this one.
      raw = socket.create_connection(("10.77.0.1", 9001), 5, (source, 0)); raw.settimeout(5)
      held, status = ask("/", source); print("held", status)
      for _ in range(2): print("refused", ask("/admin/x", source)[1])
      # The ban may be there before the answer that earned it.
      try: print("refused", ask("/admin/x", source)[1] or "403")
      except OSError: print("refused 403")
      held.settimeout(5); begun = time.monotonic()
      try:
        while held.recv(1000): pass
        print("ended")
      except TimeoutError: print("still open")
      except OSError: print("ended")
      try: print("raw still open", raw.recv(9))
      except ConnectionResetError: print("raw ended")
      except TimeoutError: print("raw still open")
      print(f"{time.monotonic() - begun:.3f} s", file=sys.stderr)
      # Either the proxy closes it at once, or the kernel lets it wait.
      try: print("let in" if ask("/", source)[1] == "200" else "kept out")
      except OSError: print("kept out")
      """
    let ended = "held 200\nrefused 403\nrefused 403\nrefused 403\nended\nraw ended\nkept out\n"
    let told = try cable.client("python3", "-c", client, "10.77.0.4")
    #expect(told.standardOutput == ended, "\(told.standardOutput)\(proxy.text)\(agent.text)")
    let bans = try cable.server.gatehouse("ban", "list").standardOutput
    #expect(bans.contains("10.77.0.4") && !bans.contains("10.77.0.5"), "\(bans)")
    #expect(agent.says("banned 10.77.0.4"), "\(proxy.text)\(agent.text)")
    // Whom the policy never bans, nobody bans.
    #expect(
      try cable.client("python3", "-c", client, "10.77.0.8").standardOutput.hasSuffix(
        "still open\nraw still open\nlet in\n"))
    withExtendedLifetime((server, raw)) {}
  }

  @Test func `root: the running proxy follows what is allowed by hand, and panic`() throws {
    let folder = cable.server.folder
    try cable.server.must(
      Place.gatehouse, "policy", "apply",
      try folder.write(
        "policy.yaml",
        """
        version: 1
        management: { from: [10.77.0.9], to: [tcp/22] }
        services: { site: { listen: [tcp/80], allow: [10.77.0.2] } }

        """))
    let file = try folder.write(
      "gatehouse.yaml",
      """
      listeners: { http: { bind: "10.77.0.1:80" } }
      routes: [{ redirect: "https://www.test/" }]
      policy: policy.yaml
      admin: { socket: admin.sock }
      workers: 1

      """)
    let proxy = try cable.server.start(Place.gatehouse, "run", "-c", file)
    #expect(proxy.says("ready on"), "\(proxy.text)")
    let admin = folder.url.appendingPathComponent("admin.sock").path
    func status(_ source: String) throws -> String {
      try cable.client(
        "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2", "--interface",
        source, "http://10.77.0.1/"
      ).standardOutput
    }
    #expect(try status("10.77.0.2") == "308" && status("10.77.0.4") == "000")
    let allowed = try cable.server.gatehouse(
      "allow", "add", "10.77.0.4", "--to", "site", "--for", "1h", "--reason", "r", "--owner", "o",
      "--socket", admin)
    #expect(allowed.standardOutput.contains("the running proxy follows"), "\(allowed)")
    #expect(try status("10.77.0.4") == "308")
    #expect(try cable.server.gatehouse("panic", "on", "--socket", admin).status == 0)
    #expect(try status("10.77.0.2") == "000")
    #expect(try cable.server.gatehouse("panic", "off", "--socket", admin).status == 0)
    #expect(try status("10.77.0.2") == "308")
  }

  @Test func `root: only named users are answered, and only what is a message`() throws {
    try apply()
    let agent = try agent("\(Self.nobody)")
    let pid = agent.process.processIdentifier
    let rights = try run("sh", ["-c", "grep -h CapEff /proc/\(pid)/task/*/status | sort -u"])
    #expect(rights.standardOutput == "CapEff:\t0000000000001000\n")
    #expect(try ask([Self.ban("10.77.0.4")], as: 65_533) == [""])
    #expect(agent.says("refused a connection of user 65533"))
    #expect(try ask([Self.ban("10.77.0.4")], as: Self.nobody) == ["000000003c"])
    // Management, whom the policy spares, and networks that hold them; the longest ban is a day.
    #expect(
      try ask([
        Self.ban("10.77.0.9"), Self.ban("10.77.0.8"), Self.ban("10.77.0.0", prefix: 24),
        Self.ban("10.77.0.5", seconds: 999_999_999), Self.ban("10.77.0.6", seconds: 0),
      ]) == ["0100000000", "0100000000", "0100000000", "0000015180", "0000000258"])
    let good = Self.ban("10.77.0.7")
    #expect(
      try ask(
        [
          "00", good + "00", String(good.dropLast(2)), "02" + good.dropFirst(2),
          "0104" + good.dropFirst(4), "010105" + good.dropFirst(6), "01010421" + good.dropFirst(8),
          "01010400" + good.dropFirst(8), Self.ban("10.77.0.7", prefix: 24),
          String(repeating: "ff", count: 24), String(repeating: "00", count: 4000),
        ]) == [String](repeating: "0300000000", count: 11))
    #expect(try ask(["0102" + good.dropFirst(4)]) == ["0000000000"])
    #expect(try ask(["0102" + Self.ban("10.77.0.4").dropFirst(4)]) == ["0000000000"])
    let list = try cable.server.gatehouse("ban", "list").standardOutput
    #expect(
      !list.contains("10.77.0.4 ") && list.contains("10.77.0.5") && !list.contains("10.77.0.7"))
    #expect(agent.process.isRunning)
  }

  @Test func `root: who is silent keeps nobody out`() throws {
    try apply()
    let agent = try agent("\(Self.nobody)")
    let silent = try Companion([
      "python3", "-u", "-c",
      """
      import os, socket, time
      os.setgid(\(Self.nobody)); os.setuid(\(Self.nobody))
      held = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(200)]
      for one in held: one.connect("\(socket)")
      print("connected", flush=True); time.sleep(60)
      """,
    ])
    #expect(silent.says("connected"), "\(silent.text)")
    #expect(try ask([Self.ban("10.77.0.4")]) == ["000000003c"], "\(agent.text)")
    withExtendedLifetime(silent) {}
  }

  @Test func `root: bans outlive the agent, the kernel and the machine`() throws {
    try apply()
    var agent: Companion? = try agent()
    #expect(try ask([Self.ban("10.77.0.4", seconds: 600)]) == ["0000000258"])
    // As the kernel's own rules do it.
    try cable.server.must("nft", "add element inet gatehouse ban4 { 10.77.0.5 timeout 10m }")
    agent?.signal(SIGTERM)
    agent?.process.waitUntilExit()
    agent = nil
    let restarted = try Namespace(state: cable.server.folder)
    let boot = try restarted.gatehouse("policy", "boot")
    #expect(boot.standardOutput.contains("2 bans are in force again"), "\(boot.standardOutput)")
    let list = try restarted.gatehouse("ban", "list").standardOutput
    #expect(list.contains("10.77.0.4") && list.contains("10.77.0.5"))
  }

  @Test func `root: somebody else's change is told, and undone where the policy says so`() throws {
    try apply()
    let teller = try agent()
    try cable.server.must("nft", "flush", "ruleset")
    #expect(teller.says("table inet gatehouse is gone; last change by process", seconds: 20))
    #expect(teller.text.contains("(nft)"))
    #expect(try cable.server.ruleset().isEmpty)
    try apply("on_drift: restore\n")
    #expect(teller.says("again as it was applied", seconds: 20))
    try cable.server.must("nft", "flush", "ruleset")
    #expect(teller.says("(on_drift: restore)", seconds: 20), "\(teller.text)")
    #expect(try cable.server.gatehouse("policy", "verify", "--deep").status == 0)
    let history = try cable.server.gatehouse("policy", "history").standardOutput
    #expect(history.contains("on_drift: restore"))
  }
}
