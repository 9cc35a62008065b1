import Foundation
import Testing

/// The kernel's counters, as the proxy tells them: through the agent, or by itself.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct FirewallMetricsTests {
  private let cable: Cable

  init() throws { cable = try Cable() }

  private func path(_ name: String) -> String {
    cable.server.folder.url.appendingPathComponent(name).path
  }

  private func begin(agent: Bool, limit: String = "") throws -> [Companion] {
    let policy = try cable.server.folder.write(
      "policy.yaml",
      """
      version: 1
      management: { from: [10.77.0.9], to: [tcp/22] }
      services:
        web: { listen: [tcp/80], allow: [10.77.0.2]\(limit) }

      """)
    try cable.server.must(Place.gatehouse, "policy", "apply", policy)
    _ = try cable.server.folder.write(
      "gatehouse.yaml",
      """
      listeners: { http: { bind: "10.77.0.1:80" } }
      backends: { web: { servers: ["127.0.0.1:9"] } }
      routes: [{ backend: web }]
      policy: policy.yaml
      workers: 1
      admin: { socket: \(path("admin.sock")) }
      \(agent ? "agent: \(path("agent.sock"))" : "")

      """)
    var started: [Companion] = []
    if agent {
      let one = try cable.server.start(
        Place.gatehouse, "agent", "--socket", path("agent.sock"), "--user", "65534")
      #expect(one.says("agent ready"), "\(one.text)")
      started.append(one)
    }
    _ = try run("chown", ["-R", "65534", cable.server.folder.url.path])
    _ = try run("chmod", ["a+rx", cable.server.folder.url.path])
    return started + [try startProxy(withAgent: agent)]
  }

  private func startProxy(withAgent agent: Bool) throws -> Companion {
    // Without CAP_NET_ADMIN; the agent has it.
    let proxy = try Companion(
      ["ip", "netns", "exec", cable.server.name, "setpriv"]
        + (agent ? ["--bounding-set", "-net_admin"] : ["--bounding-set", "+net_admin"])
        + [Place.gatehouse, "run", "-c", path("gatehouse.yaml")], cable.server.environment)
    #expect(proxy.says("ready on"), "\(proxy.text)")
    return proxy
  }

  private func metrics() throws -> String {
    try cable.server(
      "curl", "-sS", "--max-time", "20", "--unix-socket", path("admin.sock"), "http://g/metrics"
    ).standardOutput
  }

  /// Until a line matches.
  private func waits(_ line: String) throws -> Bool {
    let wanted = try Regex("\n\(line)\n")
    for _ in 0..<100 {
      if try metrics().contains(wanted) { return true }
      usleep(200_000)
    }
    return false
  }

  @Test(arguments: [true, false])
  func `root: rules, bans, sets and drift are told`(_ agent: Bool) throws {
    let programs = try begin(agent: agent)
    #expect(try waits("gatehouse_fw_known 1"))
    _ = try cable.client("curl", "-s", "--max-time", "2", "http://10.77.0.1/")
    _ = try cable.client(
      "curl", "-s", "--max-time", "1", "--interface", "10.77.0.5", "http://10.77.0.1/")
    try cable.server.must(Place.gatehouse, "ban", "add", "10.77.0.7", "--for", "10m")
    #expect(
      try waits(
        #"gatehouse_fw_packets_total\{chain="svc_web",rule="allow",verdict="accept"\} 1"#))
    #expect(try waits("gatehouse_bans_active 1"))
    let dropped = #"gatehouse_fw_packets_total{chain="svc_web",rule="default",verdict="drop"}"#
    let text = try metrics()
    #expect(text.contains("\n\(dropped) ") && !text.contains("\n\(dropped) 0\n"), "\(text)")
    #expect(text.contains("\ngatehouse_policy_revision 1\n"))
    #expect(text.contains("\ngatehouse_fw_drift 0\n"))
    #expect(text.contains("\ngatehouse_fw_set_elements{set=\"services_tcp\"} 1\n"))
    #expect(text.contains("\ngatehouse_fw_set_elements{set=\"ban4\"} 1\n"))
    try cable.server.must("nft", "add", "chain", "inet", "gatehouse", "intruder")
    #expect(try waits("gatehouse_fw_drift 1"))
    let status = try cable.server(
      "curl", "-sS", "--max-time", "20", "--unix-socket", path("admin.sock"),
      "http://g/v1/status"
    ).standardOutput
    for fact in [
      #""bans" : 1"#, #""drift" : 1"#, "the kernel's rules are not as applied",
    ] { #expect(status.contains(fact), "\(fact) in \(status)") }
    #expect(status.contains(#""accepted" : 1,"#) && !status.contains(#""dropped" : 0"#))
    #expect(programs.allSatisfy { $0.process.isRunning })
  }

  @Test(arguments: [true, false])
  func `root: whom the kernel dropped is told everywhere, and by a new process, too`(
    _ agent: Bool
  ) throws {
    let limit = ", limit: { new_connections: { rate: 5/s, burst: 20 }, concurrent: { max: 7 } }"
    var programs = try begin(agent: agent, limit: limit)
    #expect(try waits("gatehouse_fw_known 1"))
    // SYNs that are sent again: how many depends on how long curl waits.
    for source in ["10.77.0.5", "fd77::6"] {
      let to = source.contains(":") ? "[fd77::1]" : "10.77.0.1"
      _ = try cable.client(
        "curl", "-s", "--max-time", "3", "--interface", source, "http://\(to):81/")
    }
    _ = try cable.client("curl", "-s", "--max-time", "2", "http://10.77.0.1/")
    for round in 0..<2 {
      // The other may be a neighbour that the link's coming up has told of.
      #expect(try waits(#"gatehouse_fw_dropped_sources (2|3)"#))
      let status = try cable.server(
        Place.gatehouse, "status", "--socket", path("admin.sock")
      ).standardOutput
      let line = status.split(separator: "\n").first {
        $0.hasPrefix("dropped   by the kernel most: ")
      }
      #expect(
        line?.contains("10.77.0.5 ") == true && line?.contains("fd77:: ") == true, "\(status)")
      #expect(line?.contains("10.77.0.2 ") == false, "\(status)")
      let told = try cable.server(
        Place.gatehouse, "status", "--json", "--socket", path("admin.sock")
      ).standardOutput
      #expect(told.contains(#""dropped_sources" : "#) && told.contains(#""last_dropped_at" : "#))
      let top = try cable.server(
        Place.gatehouse, "top", "--once", "--socket", path("admin.sock")
      ).standardOutput
      #expect(top.contains(/dropped most of \d source\(s\): .*10\.77\.0\.5 \d+/), "\(top)")
      guard round == 0, let proxy = programs.popLast() else { break }
      proxy.signal(SIGTERM)
      proxy.process.waitUntilExit()
      programs.append(try startProxy(withAgent: agent))
    }
    let dropped = try why("10.77.0.5")
    #expect(dropped.contains(/kernel: dropped +OK +\d+ packet\(s\) dropped, the last \d+ s ago/))
    #expect(!dropped.contains("kernel: rate"), "\(dropped)")
    let six = try why("fd77::99")
    #expect(six.contains("packet(s) of its /64 dropped"), "\(six)")
    let allowed = try why("10.77.0.2")
    #expect(
      allowed.contains("counted now; the kernel does not tell how much of 20 at once is left"),
      "\(allowed)")
    #expect(allowed.contains(/kernel: open +OK +0 of 7 are open now/), "\(allowed)")
    #expect(!allowed.contains("kernel: dropped"))
    // The page asks the process, which may have no rights of its own.
    let page = try cable.server(
      "curl", "-sS", "--max-time", "20", "--unix-socket", path("admin.sock"),
      "http://g/v1/why?address=10.77.0.5&port=80"
    ).standardOutput
    #expect(page.contains("kernel: dropped"), "\(page)")
    #expect(try !metrics().contains("10.77.0.5"))
  }

  private func why(_ address: String) throws -> String {
    try cable.server(
      Place.gatehouse, "why", address, "80", "-c", path("gatehouse.yaml"), "--socket",
      path("admin.sock")
    ).standardOutput
  }

  @Test func `root: when the agent is gone nothing is claimed`() throws {
    let programs = try begin(agent: true)
    #expect(try waits("gatehouse_fw_known 1"))
    programs[0].signal(SIGKILL)
    #expect(try waits("gatehouse_fw_known 0"))
    #expect(try !metrics().contains("\ngatehouse_fw_drift "))
  }
}
