import Foundation
import Testing

/// A machine that restarts keeps its disk: its rules, its processes, its boot ID and its uptime are gone. What of
/// it the kernel knows, a network, a time and a mount namespace say otherwise.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct FirewallRebootTests {
  private let space: Namespace

  init() throws { space = try Namespace() }

  private func apply(_ name: String, _ port: String, _ more: String...) throws -> Output {
    let file = try space.folder.write(
      "\(name).yaml",
      """
      version: 1
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { \(name): { listen: [\(port)], allow: [10.77.0.0/24] } }

      """)
    let told = try space.gatehouse(["policy", "apply", file] + more)
    #expect(told.status == 0, "\(told.standardError)")
    return told
  }

  /// One generation that is confirmed, and one that waits for a day; its guard dies with the machine.
  private func restart() throws -> Namespace {
    _ = try apply("web", "tcp/80")
    _ = try apply("mail", "tcp/25", "--confirm-within", "24h")
    #expect(try space.ruleset().contains("svc_mail"))
    try space("pkill", "-9", "-f", "policy guard --state \(space.state)")
    return try Namespace(state: space.folder)
  }

  /// Runs a command line on the machine after its restart.
  private func after(_ restarted: Namespace, _ arguments: [String]) -> [String] {
    let uptime = Int(ProcessInfo.processInfo.systemUptime)
    return [
      "unshare", "--mount", "--time", "--boottime=\(60 - uptime)", "--monotonic=\(60 - uptime)",
      "--fork",
      "--kill-child", "sh", "-c",
      """
      echo 00000000-0000-4000-8000-00000000b007 > "$0/boot_id"
      mount --bind "$0/boot_id" /proc/sys/kernel/random/boot_id
      exec "$@"
      """, restarted.folder.url.path,
    ] + arguments
  }

  private func run(_ restarted: Namespace, _ arguments: [String]) throws -> Output {
    try EndToEndTests.run(
      "ip", ["netns", "exec", restarted.name] + after(restarted, arguments),
      environment: restarted.environment)
  }

  @Test func `root: the unit for the start of the machine brings back what was confirmed last`()
    throws
  {
    let restarted = try restart()
    let unit = try String(
      contentsOf: Place.root.appendingPathComponent(
        "packaging/systemd/gatehouse-firewall.service"), encoding: .utf8)
    let line = try #require(unit.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
    let words = line.dropFirst("ExecStart=".count).split(separator: " ").map(String.init)
    #expect(words.first == "/usr/bin/gatehouse")
    let boot = try run(restarted, [Place.gatehouse] + words.dropFirst())
    #expect(boot.status == 0, "\(boot.standardError)")
    #expect(boot.standardOutput.contains("generation 2 was never confirmed"))
    let rules = try restarted.ruleset()
    #expect(rules.contains("svc_web") && !rules.contains("svc_mail"))
    let token = try token()
    #expect(token == nil)
  }

  private func token() throws -> String? {
    let data = try Data(contentsOf: space.folder.url.appendingPathComponent("state/state.json"))
    let state = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return (state?["pending"] as? [String: Any])?["token"] as? String
  }

  @Test func `root: without the unit nothing of a pending generation is taken for confirmed`()
    throws
  {
    let restarted = try restart()
    let pending = try token()
    let token = try #require(pending)
    let late = try run(restarted, [Place.gatehouse, "policy", "confirm", token])
    #expect(late.status == 2 && late.standardError.contains("too late"), "\(late)")
    // Whoever applies next goes back first, and so does an agent.
    let web = restarted.folder.url.appendingPathComponent("web.yaml").path
    let applied = try run(restarted, [Place.gatehouse, "policy", "apply", web])
    #expect(applied.status == 0, "\(applied.standardError)")
    let history = try restarted.gatehouse("policy", "history").standardOutput
    #expect(history.contains("not confirmed in time"), "\(history)")
  }

  @Test func `root: an agent goes back from a generation that a restart has left pending`() throws {
    let restarted = try restart()
    let agent = try restarted.start(
      after(restarted, [Place.gatehouse, "agent", "--socket", "\(restarted.state)/agent.sock"]))
    #expect(agent.says("was not confirmed", seconds: 60), "\(agent.text)")
    for _ in 0..<300 where try !restarted.ruleset().contains("svc_web") { usleep(100_000) }
    #expect(try restarted.ruleset().contains("svc_web"))
  }
}
