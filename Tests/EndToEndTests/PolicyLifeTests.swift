import Foundation
import Testing

/// What becomes of an applied policy: confirmed, taken back, brought back after a restart.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct PolicyLifeTests {
  private let space: Namespace

  init() throws { space = try Namespace() }

  private func policy(_ name: String, _ ports: String) throws -> String {
    try space.folder.write(
      "\(name).yaml",
      """
      version: 1
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { \(name): { listen: [\(ports)], allow: [10.77.0.0/24] } }

      """)
  }

  private func token(_ output: Output) throws -> String {
    try #require(
      output.standardOutput.firstMatch(of: #/policy confirm (\S+)/#).map { String($0.output.1) })
  }

  private func generation() throws -> Int {
    let text = try space.gatehouse("policy", "status", "--json").standardOutput
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    return try #require(object?["generation"] as? Int)
  }

  /// At most 20 s.
  private func becomes(_ wanted: Int) throws -> Bool {
    for _ in 0..<200 {
      if try generation() == wanted { return true }
      usleep(100_000)
    }
    return false
  }

  @Test func `root: what is confirmed over a new connection stays, and over the old one it is not`()
    throws
  {
    let ssh = "10.77.0.9 50000 10.77.0.1 22"
    let applied = try space.gatehouse(
      "policy", "apply", try policy("web", "tcp/80"), "--confirm-within", "6s", from: ssh)
    #expect(applied.status == 0 && applied.standardOutput.contains("you (10.77.0.9) keep tcp/22"))
    let token = try token(applied)
    let same = try space.gatehouse("policy", "confirm", token, from: ssh)
    #expect(same.status == 2 && same.standardError.contains("open a NEW connection"))
    let wrong = try space.gatehouse("policy", "confirm", "1-nope")
    #expect(wrong.status == 2 && wrong.standardError.contains("printed by the apply"))
    let new = try space.gatehouse("policy", "confirm", token, from: "10.77.0.9 50001 10.77.0.1 22")
    #expect(new.status == 0 && new.standardOutput.contains("generation 1 stays"))
    sleep(7)
    #expect(try generation() == 1)
    #expect(try space.ruleset().contains("svc_web"))
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
  }

  /// As sudo does, which takes SSH_CONNECTION away; and as from a second terminal that was open before.
  @Test func `root: a connection from before the apply proves nothing, however it is hidden`()
    throws
  {
    let older = try space.start(
      "env", "SSH_CONNECTION=10.77.0.9 49999 10.77.0.1 22", "sh", "-c",
      "read token; \"$0\" policy confirm $token; echo ended $?", Place.gatehouse)
    usleep(100_000)
    let applied = try space.gatehouse(
      "policy", "apply", try policy("web", "tcp/80"), "--confirm-within", "60s",
      from: "10.77.0.9 50000 10.77.0.1 22")
    let token = try token(applied)
    let hidden = try space(
      "env", "SSH_CONNECTION=10.77.0.9 50000 10.77.0.1 22", "sh", "-c",
      "env -u SSH_CONNECTION \"$0\" policy confirm \"$1\"; echo ended $?", Place.gatehouse, token)
    #expect(hidden.standardOutput.contains("ended 2"), "\(hidden)")
    (older.process.standardInput as? Pipe)?.fileHandleForWriting.write(Data("\(token)\n".utf8))
    #expect(older.says("ended 2") && older.text.contains("open a NEW connection"), "\(older.text)")
    let new = try space.gatehouse("policy", "confirm", token, from: "10.77.0.9 50001 10.77.0.1 22")
    #expect(new.status == 0)
  }

  @Test func `root: a running agent stands in for a guard that was killed`() throws {
    #expect(try space.gatehouse("policy", "apply", policy("web", "tcp/80")).status == 0)
    let agent = try space.start(Place.gatehouse, "agent", "--socket", "\(space.state)/agent.sock")
    #expect(agent.says("agent ready"))
    let mail = try policy("mail", "tcp/25")
    #expect(try space.gatehouse("policy", "apply", mail, "--confirm-within", "1s").status == 0)
    try space("pkill", "-9", "-f", "policy guard --state \(space.state)")
    #expect(try becomes(1))
    #expect(agent.text.contains("its guard is gone"))
  }

  @Test func `root: what nobody confirms is taken back, and meanwhile nothing else is applied`()
    throws
  {
    #expect(try space.gatehouse("policy", "apply", policy("web", "tcp/80")).status == 0)
    let before = try space.objects()
    let mail = try policy("mail", "tcp/25")
    #expect(try space.gatehouse("policy", "apply", mail, "--confirm-within", "3s").status == 0)
    #expect(try space.ruleset().contains("svc_mail"))
    let second = try space.gatehouse("policy", "apply", mail)
    #expect(second.status == 2)
    #expect(second.standardError.contains("generation 2 waits"))
    #expect(second.standardError.contains("gatehouse policy rollback"))
    #expect(try becomes(1))
    #expect(try space.objects() == before)
    let history = try space.gatehouse("policy", "history").standardOutput
    #expect(history.contains("not confirmed in time"))
    #expect(try space.gatehouse("policy", "apply", mail).status == 0)
  }

  @Test func `root: the first policy ever goes away again when it is not confirmed`() throws {
    let web = try policy("web", "tcp/80")
    #expect(try space.gatehouse("policy", "apply", web, "--confirm-within", "2s").status == 0)
    #expect(try becomes(0))
    #expect(try space.ruleset().isEmpty)
  }

  /// The terminal hangs up and the command is killed, as when the policy cuts off whoever applies it.
  @Test func `root: the guard outlives the terminal and the command`() throws {
    #expect(try space.gatehouse("policy", "apply", policy("web", "tcp/80")).status == 0)
    let script = """
      import os, pty, signal, sys
      child, terminal = pty.fork()
      if child == 0: os.execvp(sys.argv[1], sys.argv[1:])
      text = b""
      while b"policy confirm" not in text: text += os.read(terminal, 4096)
      try: os.killpg(child, signal.SIGKILL)
      except ProcessLookupError: pass
      os.close(terminal)
      """
    let output = try space(
      "python3", "-c", script, Place.gatehouse, "policy", "apply", try policy("mail", "tcp/25"),
      "--confirm-within", "2s")
    #expect(output.status == 0, "\(output.standardError)")
    #expect(try generation() == 2)
    #expect(try becomes(1))
    #expect(try space.ruleset().contains("svc_web"))
  }

  @Test func `root: a restart while a generation is pending brings back the last confirmed one`()
    throws
  {
    #expect(try space.gatehouse("policy", "apply", policy("web", "tcp/80")).status == 0)
    let confirmed = try space.objects()
    #expect(try space.gatehouse("ban", "add", "10.77.0.66", "--for", "1h").status == 0)
    let mail = try policy("mail", "tcp/25")
    #expect(try space.gatehouse("policy", "apply", mail, "--confirm-within", "60s").status == 0)
    // A machine that restarts keeps its disk, and nothing else.
    try space("pkill", "-9", "-f", "policy guard --state \(space.state)")
    let restarted = try Namespace(state: space.folder)
    let boot = try restarted.gatehouse("policy", "boot")
    #expect(boot.status == 0 && boot.standardOutput.contains("generation 1 is in force"))
    #expect(boot.standardOutput.contains("generation 2 was never confirmed"))
    #expect(boot.standardOutput.contains("1 bans are in force again"))
    #expect(try restarted.gatehouse("ban", "list").standardOutput.contains("10.77.0.66"))
    try restarted.gatehouse("ban", "del", "10.77.0.66")
    #expect(try restarted.objects() == confirmed)
    let late = try restarted.gatehouse("policy", "confirm", "2-0000")
    #expect(late.status == 2 && late.standardError.contains("nothing waits for confirmation"))
  }

  @Test func `root: a guard that was killed is made up for by the next apply`() throws {
    #expect(try space.gatehouse("policy", "apply", policy("web", "tcp/80")).status == 0)
    let mail = try policy("mail", "tcp/25")
    #expect(try space.gatehouse("policy", "apply", mail, "--confirm-within", "1s").status == 0)
    try space("pkill", "-9", "-f", "policy guard --state \(space.state)")
    sleep(4)
    #expect(try space.gatehouse("policy", "apply", policy("ssh", "tcp/2222")).status == 0)
    let history = try space.gatehouse("policy", "history").standardOutput
    #expect(history.contains("not confirmed in time"))
    #expect(try generation() == 3)
  }

  @Test func `root: an earlier generation, or none, is gone back to by hand`() throws {
    for (name, port) in [("a", "tcp/80"), ("b", "tcp/81"), ("c", "tcp/82")] {
      #expect(try space.gatehouse("policy", "apply", policy(name, port)).status == 0)
    }
    #expect(try space.gatehouse("policy", "rollback").status == 0)
    #expect(try space.ruleset().contains("svc_b"))
    #expect(try space.gatehouse("policy", "rollback", "1").status == 0)
    #expect(try space.ruleset().contains("svc_a"))
    let unknown = try space.gatehouse("policy", "rollback", "9")
    #expect(unknown.status == 2 && unknown.standardError.contains("there are: 1, 2, 3"))
    #expect(try space.gatehouse("policy", "rollback", "0").status == 0)
    #expect(try space.ruleset().isEmpty)
  }

  @Test func `root: 200 kills at random moments leave the old policy or the new one`() throws {
    let script = Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/kills.py").path
    let seed = Int.random(in: 1...1_000_000)
    let output = try run(
      "python3",
      [script, Place.gatehouse, space.name, space.folder.url.path, "200", "\(seed)"], seconds: 900)
    #expect(output.status == 0, "seed \(seed): \(output.standardOutput)\(output.standardError)")
  }

  @Test func `root: every command says the same as data`() throws {
    let web = try policy("web", "tcp/80")
    let applied = try space.gatehouse("policy", "apply", web, "--confirm-within", "60s", "--json")
    let token = try #require(
      applied.standardOutput.firstMatch(of: #/"token" : "([^"]+)"/#)?.output.1)
    for (command, wanted) in [
      ("policy confirm \(token)", #""generation" : 1"#), ("policy status", #""is_in_sync" : true"#),
      ("policy verify --deep", #""is_in_sync" : true"#),
      ("policy history", #""what" : "confirmed""#),
      ("policy diff \(web)", #""is_same" : true"#), ("policy check \(web)", #""errors""#),
      ("policy lint \(web)", "["), ("policy show \(web)", #""port" : "tcp/80""#),
      ("policy explain 10.77.0.4 tcp/80", #""verdict" : "allow""#),
      ("policy simulate --from 10.77.0.4 --to tcp/80 --real", #""kernel" : "allow""#),
      ("ban add 192.0.2.9 --for 1h", #""seconds" : 3600"#),
      ("ban list", #""network" : "192.0.2.9""#),
      ("ban del 192.0.2.9", #""was_banned_in_kernel" : true"#),
      ("allow add 192.0.2.8 --to web --for 1h --reason r --owner o", #""generation" : 2"#),
      ("allow list", #""owner" : "o""#), ("allow del 192.0.2.8 --to web", #""generation" : 3"#),
      ("panic on", #""generation" : 4"#), ("panic off", #""generation" : 5"#),
      ("policy rollback", #""generation" : 4"#), ("policy boot", #""generation" : 4"#),
    ] {
      let words = (command + " --json").split(separator: " ").map(String.init)
      let told = try run(
        "ip", ["netns", "exec", space.name, Place.gatehouse] + words,
        environment: space.environment)
      #expect(told.status == 0, "\(command): \(told.standardError)")
      #expect(throws: Never.self, "\(command): \(told.standardOutput)") {
        try JSONSerialization.jsonObject(with: Data(told.standardOutput.utf8))
      }
      #expect(
        told.standardOutput.contains(wanted),
        "\(command): \(told.standardOutput)")
    }
  }
}
