import Foundation
import Testing

/// Whatever is damaged, gone or full: the best that is left is in force.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct PolicyBootTests {
  private let space: Namespace

  init() throws {
    space = try Namespace()
    try space.apply("web: { listen: tcp/80, allow: any }")
    try space.apply("mail: { listen: tcp/25, allow: any }")
  }

  private func path(_ name: String) -> String { "\(space.state)/\(name)" }

  private func restart() throws -> (told: Output, rules: String) {
    let restarted = try Namespace(state: space.folder)
    return (try restarted.gatehouse("policy", "boot"), try restarted.ruleset())
  }

  @Test
  func `root: a state that is gone, or denies what was confirmed, is no reason to let all in`()
    throws
  {
    let state = try String(contentsOfFile: path("state.json"), encoding: .utf8)
    for (text, isLinkThere) in [
      (nil, true), (nil, false),
      (state.replacing(#/"confirmed" : 2/#, with: #""confirmed" : 0"#), true),
    ] {
      unsafe unlink(path("state.json"))
      if let text { try text.write(toFile: path("state.json"), atomically: true, encoding: .utf8) }
      if !isLinkThere { unsafe unlink(path("confirmed")) }
      let (told, rules) = try restart()
      #expect(told.status == 0 && rules.contains("svc_mail"), "\(told)")
    }
    unsafe unlink(path("state.json"))
    let refused = try space.gatehouse("policy", "status")
    #expect(refused.status == 2 && refused.standardError.contains("gatehouse policy boot"))
  }

  @Test func `root: a generation that nobody confirmed is not brought back, nor gone back to`()
    throws
  {
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    #expect(
      try space.gatehouse("policy", "apply", open, "--confirm-within", "60s").status == 0)
    #expect(try space.gatehouse("policy", "rollback").status == 0)
    try space.apply("web: { listen: tcp/80, allow: any }")
    let back = try space.gatehouse("policy", "rollback")
    #expect(back.standardOutput.contains("generation 2 is in force again"), "\(back)")
    #expect(try space.gatehouse("policy", "rollback", "4").status == 0)
    try FileManager.default.removeItem(atPath: path("generations/4"))
    let (told, rules) = try restart()
    #expect(told.standardOutput.contains("generation 2 is in force"), "\(told)")
    #expect(rules.contains("svc_mail") && !rules.contains("svc_open"))
  }

  @Test func `root: a generation that was changed on the disk is not taken`() throws {
    let file = path("generations/2/policy.json")
    let text = try String(contentsOfFile: file, encoding: .utf8)
    for changed in [
      text.replacing(#"tcp/25"#, with: "tcp/26"),
      text.replacing(#""first" : 25"#, with: #""first" : 24"#),
    ] where changed != text {
      try changed.write(toFile: file, atomically: true, encoding: .utf8)
      let (told, rules) = try restart()
      #expect(told.standardOutput.contains("policy.json is damaged"), "\(told)")
      #expect(rules.contains("svc_web") && !rules.contains("svc_mail"))
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
  }

  @Test
  func
    `root: a disk that is not writable, and one who holds the lock, do not keep it from booting`()
    throws
  {
    let restarted = try Namespace(state: space.folder)
    let told = try restarted(
      "unshare", "-m", "sh", "-c",
      "mount --bind \(space.state) \(space.state) && mount -o remount,bind,ro \(space.state) && GATEHOUSE_STATE=\(space.state) \(Place.gatehouse) policy boot"
    )
    #expect(told.status == 0 && told.standardOutput.contains("Read-only"), "\(told)")
    #expect(try restarted.ruleset().contains("svc_mail"))
    let holder = try space.start("flock", path("lock"), "sleep", "60")
    for _ in 0..<100 where !holder.process.isRunning { usleep(10_000) }
    sleep(1)
    let (held, rules) = try restart()
    #expect(held.standardOutput.contains("another gatehouse is at work"), "\(held)")
    #expect(rules.contains("svc_mail"))
    withExtendedLifetime(holder) {}
  }

  @Test func `root: what the guard can't read is no confirmation`() throws {
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    #expect(try space.gatehouse("policy", "apply", open, "--confirm-within", "4s").status == 0)
    try FileManager.default.moveItem(atPath: path("state.json"), toPath: path("s"))
    sleep(1)
    try FileManager.default.moveItem(atPath: path("s"), toPath: path("state.json"))
    try "{".write(toFile: path("overrides.json"), atomically: true, encoding: .utf8)
    for _ in 0..<200 where try space.ruleset().contains("svc_open") { usleep(50_000) }
    #expect(try space.ruleset().contains("svc_mail"))
  }

  @Test(arguments: [nil, "{\"x"])
  func `root: nor is it where nothing was confirmed before, and the state stays gone or damaged`(
    _ text: String?
  ) throws {
    let space = try Namespace()
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    #expect(try space.gatehouse("policy", "apply", open, "--confirm-within", "3s").status == 0)
    unsafe unlink("\(space.state)/state.json")
    try text?.write(toFile: "\(space.state)/state.json", atomically: true, encoding: .utf8)
    if text != nil { #expect(try space.gatehouse("policy", "boot").status == 0) }
    for _ in 0..<200 where try space.ruleset().contains("svc_open") { usleep(50_000) }
    #expect(try space.ruleset().isEmpty)
    // And all is well again.
    #expect(try space.gatehouse("policy", "apply", open).status == 0)
    #expect(try space.gatehouse("policy", "verify").status == 0)
  }

  @Test func `root: what a change by hand left half written is taken back all the same`() throws {
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    #expect(try space.gatehouse("policy", "apply", open, "--confirm-within", "8s").status == 0)
    #expect(try space.gatehouse("panic", "on", "--i-know").status == 0)
    let state = try Data(contentsOf: URL(fileURLWithPath: path("state.json")))
    #expect(try space.gatehouse("panic", "off").status == 0)
    // As if it had died between the kernel and the state.
    try state.write(to: URL(fileURLWithPath: path("state.json")))
    for _ in 0..<300 where try space.ruleset().contains("svc_open") { usleep(50_000) }
    let rules = try space.ruleset()
    #expect(rules.contains("svc_mail") && !rules.contains("svc_open"))
  }

  @Test(arguments: [false, true])
  func `root: no guard takes away what another folder has put there`(_ isLost: Bool) throws {
    let space = try Namespace()
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    #expect(try space.gatehouse("policy", "apply", open, "--confirm-within", "3s").status == 0)
    if isLost { unsafe unlink("\(space.state)/state.json") }
    let other = try space.policy("other: { listen: tcp/98, allow: any }")
    #expect(
      try space.gatehouse("policy", "apply", other, "--state", "\(space.state)-other").status == 0)
    sleep(6)
    #expect(try space.ruleset().contains("svc_other"))
  }

  @Test func `root: only what the kernel holds is confirmed, and going back confirms nothing`()
    throws
  {
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    let applied = try space.gatehouse("policy", "apply", open, "--confirm-within", "60s")
    let token = try #require(
      applied.standardOutput.firstMatch(of: #/policy confirm (\S+)/#)?.output.1)
    let back = try space.gatehouse("policy", "rollback", "3")
    #expect(back.status == 2 && back.standardError.contains("policy confirm \(token)"), "\(back)")
    try space.must("nft", "delete table inet gatehouse")
    let refused = try space.gatehouse("policy", "confirm", String(token))
    #expect(refused.status == 2 && refused.standardError.contains("verify --fix"), "\(refused)")
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try space.gatehouse("policy", "confirm", String(token)).status == 0)
  }

  @Test func `root: on a disk that is not writable going back and panic are in force all the same`()
    throws
  {
    func readOnly(_ command: String) throws -> Output {
      try space(
        "unshare", "-m", "sh", "-c",
        "mount --bind \(space.state) \(space.state) && mount -o remount,bind,ro \(space.state) && GATEHOUSE_STATE=\(space.state) \(Place.gatehouse) \(command)"
      )
    }
    let back = try readOnly("policy rollback 1")
    #expect(back.status == 2 && back.standardError.contains("in force all the same"), "\(back)")
    #expect(try space.ruleset().contains("svc_web"))
    let panic = try readOnly("panic on")
    #expect(panic.status == 2 && panic.standardError.contains("in force in the kernel"), "\(panic)")
    #expect(try space.ruleset().contains("counter name \"r_panic\""))
    // Nothing was written down, and so it is told, and put right by hand.
    #expect(try space.gatehouse("policy", "status").status == 1)
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try space.ruleset().contains("svc_mail"))
  }

  @Test func `root: panic that was written down and then cut short is told of, and made good`()
    throws
  {
    let text = #"{ "allowances": [], "panic": "2026-01-01T00:00:00Z", "panic_by": "root" }"#
    try text.write(toFile: path("overrides.json"), atomically: true, encoding: .utf8)
    let status = try space.gatehouse("policy", "status")
    #expect(status.status == 1 && status.standardOutput.contains("cut short"), "\(status)")
    #expect(!status.standardOutput.contains("PANIC"))
    #expect(try space.gatehouse("policy", "verify").status == 2)
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try space.ruleset().contains("counter name \"r_panic\""))
    #expect(try space.gatehouse("policy", "status").standardOutput.contains("PANIC"))
  }

  @Test func `root: a verdict that somebody put into our map bars nobody from anything`() throws {
    for verdict in ["accept", "drop", "return"] {
      let map = try #require(
        try space.ruleset().firstMatch(of: #/map (services_tcp\S*)/#)?.output.1)
      try space.must("nft", "add element inet gatehouse \(map) { 9999 : \(verdict) }")
      #expect(try space.gatehouse("policy", "verify", "--deep").status == 2)
      #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
      #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
      #expect(try !space.ruleset().contains("9999"))
    }
  }

  @Test
  func `root: a guard that is gone is told of, and whoever comes too late brings back the old`()
    throws
  {
    let open = try space.policy("open: { listen: tcp/99, allow: any }")
    let applied = try space.gatehouse("policy", "apply", open, "--confirm-within", "3s")
    let token = try #require(
      applied.standardOutput.firstMatch(of: #/policy confirm (\S+)/#)?.output.1)
    let before = try space.gatehouse("policy", "status").standardOutput
    #expect(before.contains(#/goes back to generation 2 in \d s unless/#), "\(before)")
    let text = try String(contentsOfFile: path("state.json"), encoding: .utf8)
    let guardian = try #require(text.firstMatch(of: #/"guardian" : (\d+)/#)?.output.1)
    kill(try #require(pid_t(guardian)), SIGKILL)
    sleep(1)
    #expect(try space.gatehouse("policy", "status").standardOutput.contains("its guard is gone"))
    sleep(3)
    #expect(try space.gatehouse("policy", "status").standardOutput.contains("OVERDUE"))
    let late = try space.gatehouse("policy", "confirm", String(token))
    #expect(late.status == 2 && late.standardError.contains("generation 2 is in force again"))
    #expect(try space.ruleset().contains("svc_mail"))
  }

  @Test func `root: a table of another folder is not taken away by mistake`() throws {
    let other = try space(
      Place.gatehouse, "policy", "rollback", "0", "--state", space.folder.url.path + "/none")
    #expect(other.status == 2 && other.standardError.contains("--state"), "\(other)")
    #expect(try space.ruleset().contains("svc_mail"))
  }

  @Test func `root: an apply that can't be written down is not in force, nor an allowance later`()
    throws
  {
    let script = """
      mount -t tmpfs -o size=60k none "$0" && cp -a "$2/." "$0/" && export GATEHOUSE_STATE="$0"
      cat /dev/zero > "$0/fill" 2>/dev/null
      long=$(head -c 3000 /dev/zero | tr '\\0' x)
      "$1" policy apply "$3" --reason "$long"; echo "apply $?"
      "$1" allow add 192.0.2.9 --to mail --for 1h --reason "$long" --owner o; echo "allow $?"
      rm "$0/fill"; "$1" policy verify --deep; echo "verify $?"; "$1" allow list; nft list ruleset
      """
    let disk = space.folder.url.appendingPathComponent("disk").path
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
    let file = try space.policy("open: { listen: tcp/99, allow: any }")
    let told = try space(
      "unshare", "-m", "sh", "-c", script, disk, Place.gatehouse, space.state, file)
    let text = told.standardOutput
    #expect(text.contains("apply 2") && text.contains("allow 2"), "\(told)")
    #expect(text.contains("verify 0") && text.contains("nothing is allowed by hand"), "\(told)")
    #expect(text.contains("svc_mail") && !text.contains("svc_open"), "\(told)")
  }

  @Test func `root: the agent takes nobody's file for its socket`() throws {
    let file = try space.folder.write("precious.txt", "kept")
    let told = try space(Place.gatehouse, "agent", "--socket", file)
    #expect(told.status == 2 && told.standardError.contains("is no socket"), "\(told)")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "kept")
  }

  @Test func `root: nobody bans himself by mistake`() throws {
    let from = "10.77.0.70 50000 10.77.0.1 22"
    let told = try space.gatehouse("ban", "add", "10.77.0.64/27", from: from)
    #expect(told.status == 2 && told.standardError.contains("--i-know"), "\(told)")
    #expect(
      try space.gatehouse("ban", "add", "10.77.0.64/27", "--i-know", from: from).status == 0)
  }
}
