import Foundation
import Testing

/// What two do at once, and what is undone by going back.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct PolicyRaceTests {
  private let space: Namespace

  init() throws { space = try Namespace() }

  private func path(_ name: String) -> String { "\(space.state)/\(name)" }

  /// A command that has read what it needs, and waits for the lock; `change` happens meanwhile.
  private func meanwhile(
    _ arguments: [String], _ change: () throws -> Void
  ) throws -> Companion {
    let lock = unsafe open(path("lock"), O_RDWR)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    let waiting = try space.start([Place.gatehouse] + arguments)
    let descriptors = "/proc/\(waiting.process.processIdentifier)/fd"
    func waits() -> Bool {
      let open = (try? FileManager.default.contentsOfDirectory(atPath: descriptors)) ?? []
      return open.contains {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(descriptors)/\($0)"))
          == path("lock")
      }
    }
    for _ in 0..<1000 where !waits() { usleep(10_000) }
    #expect(waits())
    try change()
    return waiting
  }

  @Test func `root: an apply that waited does not undo panic`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    #expect(try space.gatehouse("panic", "on", "--i-know").status == 0)
    let panic = try String(contentsOfFile: path("overrides.json"), encoding: .utf8)
    #expect(try space.gatehouse("panic", "off").status == 0)
    let file = try space.policy("mail: { listen: tcp/25, allow: any }")
    let waiting = try meanwhile(["policy", "apply", file]) {
      try panic.write(toFile: path("overrides.json"), atomically: true, encoding: .utf8)
    }
    #expect(waiting.says("has changed meanwhile; nothing was applied"), "\(waiting.text)")
    #expect(try !space.ruleset().contains("svc_mail"))
  }

  @Test func `root: what was looked at before another apply is not put back`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    try space.must("nft", "flush", "set", "inet", "gatehouse", "icmp_errors")
    let waiting = try meanwhile(["policy", "verify", "--fix", "--deep"]) {
      let data = try Data(contentsOf: URL(fileURLWithPath: path("state.json")))
      var state = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
      state["generation"] = 7
      try JSONSerialization.data(withJSONObject: state)
        .write(to: URL(fileURLWithPath: path("state.json")))
    }
    #expect(waiting.says("generation 7 is in force by now, not 1"), "\(waiting.text)")
  }

  @Test func `root: a rule that is replaced is found, also where others wrote at the same time`()
    throws
  {
    let writer = try space.start(
      "sh", "-c", "while :; do nft add table inet other; nft delete table inet other; done")
    for round in 0..<5 {
      try space.apply("web: { listen: tcp/\(80 + round), allow: any }")
      #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
      let listing = try space("nft", "-a", "list", "chain", "inet", "gatehouse", "main")
      let lines = listing.standardOutput.split(separator: "\n")
      let line = lines.first { $0.contains("ct state invalid") }
      let handle = try #require(line?.split(separator: " ").last)
      try space.must(
        "nft", "replace", "rule", "inet", "gatehouse", "main", "handle", "\(handle)", "accept")
      #expect(try space.gatehouse("policy", "verify").status == 2)
    }
    writer.process.terminate()
  }

  @Test func `root: bans that are set at the same time are all set`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    let bans = try (12..<20).map {
      try space.start(Place.gatehouse, "ban", "add", "45.0.0.0/\($0)", "--for", "\($0)h")
    }
    for ban in bans { #expect(ban.says("banned 45."), "\(ban.text)") }
    for address in ["45.0.0.0", "45.0.31.255", "45.8.0.0", "45.15.255.255"] {
      try space.must("nft", "get", "element", "inet", "gatehouse", "bannet4", "{ \(address) }")
    }
    let kept = try String(contentsOfFile: path("bans.json"), encoding: .utf8)
    #expect(kept.contains("45.8.0.0") && kept.contains("45.0.0.0"), "\(kept)")
  }

  @Test func `root: who is never banned is not banned after going back, either`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }", "bans: { never: [192.0.2.7] }")
    try space.apply("web: { listen: tcp/80, allow: any }")
    #expect(try space.gatehouse("ban", "add", "192.0.2.7", "--for", "1h").status == 0)
    #expect(try space.gatehouse("policy", "rollback", "1").status == 0)
    #expect(try space.gatehouse("ban", "list").standardOutput == "nobody is banned\n")
  }

  @Test func `root: panic asks who would be locked out, also while a policy is on trial`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }", "mode: audit")
    let refused = try space.gatehouse("panic", "on", from: "10.77.0.5 50000 10.77.0.1 22")
    #expect(refused.status == 2 && refused.standardError.contains("--i-know"))
    let told = try space.gatehouse("policy", "explain", "192.0.2.7", "tcp/9999").standardOutput
    #expect(told.contains("the policy is on trial: this is counted, and let in"), "\(told)")
    #expect(try space.gatehouse("panic", "on", from: "10.77.0.9 50000 10.77.0.1 22").status == 0)
  }

  @Test func `root: panic waits for nobody's confirmation, and outlasts it`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    let file = try space.policy("mail: { listen: tcp/25, allow: any }")
    let applied = try space.gatehouse("policy", "apply", file, "--confirm-within", "3s")
    #expect(applied.status == 0, "\(applied.standardError)")
    let panic = try space.gatehouse("panic", "on")
    #expect(panic.status == 0 && panic.standardOutput.contains("(generation 2)"))
    #expect(try space.ruleset().contains("r_panic"))
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
    let allowed = try space.gatehouse(
      "allow", "add", "192.0.2.7", "--to", "mail", "--for", "1h", "--reason", "r", "--owner", "o")
    #expect(allowed.status == 2 && allowed.standardError.contains("waits"))
    for _ in 0..<200 where try !space.ruleset().contains("svc_web") { usleep(100_000) }
    let back = try space.ruleset()
    #expect(back.contains("svc_web") && back.contains("r_panic") && !back.contains("svc_mail"))
    #expect(try space.gatehouse("panic", "off").status == 0)
    #expect(try !space.ruleset().contains("r_panic"))
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
  }

  @Test func `root: a span that no number holds is refused`() throws {
    let file = try space.policy("web: { listen: tcp/80, allow: any }")
    let told = try space.gatehouse(
      "policy", "apply", file, "--confirm-within", "9223372036854775807h")
    #expect(told.status == 2 && told.standardError.contains("allowed: 1s to 24h"))
  }
}
