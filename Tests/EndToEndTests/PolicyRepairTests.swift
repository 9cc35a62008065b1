import Foundation
import Testing

/// What once went wrong, and does not any more.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct PolicyRepairTests {
  private let space: Namespace

  init() throws { space = try Namespace() }

  private func isInSync() throws -> Bool {
    try space.gatehouse("policy", "verify", "--deep").status == 0
  }

  @Test func `root: an entry that has ended keeps nobody from changing the policy`() throws {
    try space.apply("web: { listen: tcp/80, allow: two }")
    for network in ["192.0.2.9", "192.0.2.128/28"] {
      let told = try space.gatehouse(
        "allow", "add", network, "--to", "web", "--for", "2s", "--reason", "r", "--owner", "o")
      #expect(told.status == 0, "\(told.standardError)")
    }
    sleep(4)
    // In the kernel the ends of what has ended still stand.
    #expect(try space.ruleset().contains("allow_web_4"))
    #expect(try isInSync())
    try space.apply("web: { listen: tcp/80, allow: [two, 192.0.2.128/28] }")
    #expect(try isInSync())
    #expect(
      try space.gatehouse("policy", "diff", space.policy("web: { listen: tcp/80, allow: two }"))
        .status
        == 1)
    #expect(try space.gatehouse("policy", "rollback", "1").status == 0)
    #expect(try isInSync())
  }

  @Test func `root: bans of networks that touch or overlap end each at its time`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    for (network, span) in [
      ("198.51.100.0/25", "2s"), ("198.51.100.128/25", "2h"), ("203.0.113.0/24", "1h"),
      ("203.0.113.128/25", "2s"), ("2001:db8::/32", "2s"), ("2001:db8:1::/48", "1h"),
    ] {
      #expect(try space.gatehouse("ban", "add", network, "--for", span).status == 0, "\(network)")
    }
    sleep(4)
    let list = try space.gatehouse("ban", "list").standardOutput
    #expect(list.contains("198.51.100.128/25") && !list.contains("198.51.100.0/25"), "\(list)")
    #expect(list.contains("203.0.113.0/24") && list.contains("2001:db8:1::/48"), "\(list)")
    #expect(try space.gatehouse("ban", "add", "198.51.100.0/25", "--for", "1h").status == 0)
    for (address, status) in [("203.0.113.200", 1), ("198.51.100.3", 1), ("2001:db8:2::1", 0)] {
      #expect(try space.gatehouse("policy", "explain", address, "tcp/80").status == Int32(status))
    }
    #expect(try space.gatehouse("ban", "del", "203.0.113.0/24").status == 0)
    #expect(try space.gatehouse("policy", "explain", "203.0.113.200", "tcp/80").status == 0)
  }

  @Test func `root: a table that was put to sleep is found, and wakes with the next apply`() throws
  {
    try space.apply("web: { listen: tcp/80, allow: any }")
    try space.must("nft", "add table inet gatehouse { flags dormant; }")
    let found = try space.gatehouse("policy", "verify")
    #expect(found.status == 2 && found.standardOutput.contains("is dormant"))
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try isInSync())
    #expect(try !space.ruleset().contains("dormant"))
  }

  @Test func `root: a limit that changes is another set, and so are hours of a service named so`()
    throws
  {
    func web(_ rate: String) -> String {
      "web: { listen: tcp/80, allow: any, limit: { new_connections: { rate: \(rate) } } }"
    }
    try space.apply(web("1000/s"))
    #expect(try space.ruleset().contains("set m_web_4.1000-1-1000.32 {"))
    try space.apply(web("1/s"))
    let rules = try space.ruleset()
    #expect(rules.contains("set m_web_4.1-1-1.32 {") && !rules.contains("m_web_4.1000"))
    func hours(_ name: String, _ port: Int, _ hours: String) -> String {
      "\(name): { listen: tcp/\(port), allow: any, schedule: { hours: \"\(hours)\" } }"
    }
    try space.apply(hours("web", 80, "03:00-04:00"))
    try space.apply(hours("web", 80, "01:00-02:00") + ", " + hours("web-b", 81, "00:00-24:00"))
    #expect(try isInSync())
  }

  @Test func `root: what is damaged neither ends panic nor leaves a restart without a firewall`()
    throws
  {
    try space.apply("web: { listen: tcp/80, allow: any }")
    try space.apply("mail: { listen: tcp/25, allow: any }")
    #expect(try space.gatehouse("panic", "on").status == 0)
    _ = try space.folder.write("state/overrides.json", "{")
    let status = try space.gatehouse("policy", "status").standardOutput
    #expect(status.contains("overrides.json is damaged") && status.contains("PANIC"), "\(status)")
    try space.apply("mail: { listen: tcp/25, allow: any }")
    #expect(try space.ruleset().contains("r_panic"))
    // The confirmed one is known without the state, and an older one is better than none.
    for (file, generation) in [
      ("state/state.json", 4), ("state/generations/4/policy.json", 3),
    ] {
      _ = try space.folder.write(file, "{ \"generation\": ")
      let restarted = try Namespace(state: space.folder)
      let boot = try restarted.gatehouse("policy", "boot")
      #expect(boot.status == 0, "\(file): \(boot.standardError)")
      #expect(
        boot.standardOutput.contains("generation \(generation) is in force"),
        "\(boot.standardOutput)")
      #expect(boot.standardOutput.contains("damaged"))
      let rules = try restarted.ruleset()
      #expect(rules.contains("svc_mail") && rules.contains("r_panic"))
    }
  }

  @Test func `root: a full disk keeps nobody from going back`() throws {
    let disk = try space.folder.write("disk/x", "")
    let folder = (disk as NSString).deletingLastPathComponent
    let first = try space.folder.write(
      "a.yaml",
      String(
        contentsOfFile: space.policy(
          "day: { listen: tcp/80, allow: any, schedule: { days: mon-sun } }"),
        encoding: .utf8))
    let second = try space.folder.write(
      "b.yaml",
      String(contentsOfFile: space.policy("mail: { listen: tcp/25, allow: any }"), encoding: .utf8))
    let played = try inSpace(folder, first, second)
    #expect(
      played.standardOutput.contains("svc_day") && !played.standardOutput.contains("svc_mail"),
      "\(played)")
  }

  private func inSpace(_ folder: String, _ first: String, _ second: String) throws -> Output {
    try run(
      "ip",
      [
        "netns", "exec", space.name, "unshare", "-m", "sh", "-c",
        """
        mount -t tmpfs -o size=300k none "$0" && export GATEHOUSE_STATE="$0/s"
        "$1" policy apply "$2" >&2 && "$1" policy apply "$3" --confirm-within 2s >&2
        cat /dev/zero > "$0/fill" 2>/dev/null
        sleep 6; nft list chains
        """, folder, Place.gatehouse, first, second,
      ])
  }

  @Test func `root: bans outlast a table that somebody has deleted`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    #expect(try space.gatehouse("ban", "add", "192.0.2.7", "--for", "1h").status == 0)
    try space.must("nft", "delete", "table", "inet", "gatehouse")
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try space.gatehouse("ban", "list").standardOutput.contains("192.0.2.7"))
    try space.apply("web: { listen: tcp/80, allow: any, trusted_proxies: 192.0.2.7 }")
    #expect(try space.gatehouse("ban", "list").standardOutput == "nobody is banned\n")
  }

  @Test func `root: whoever goes back, panics or ends an allowance is not locked out by it`() throws
  {
    let ssh = "10.77.0.4 50000 10.77.0.1 22"
    try space.apply("web: { listen: tcp/80, allow: any }")
    #expect(
      try space.gatehouse(
        "allow", "add", "10.77.0.4", "--to", "management", "--for", "1h", "--reason", "r",
        "--owner",
        "o"
      ).status == 0)
    for command in [
      ["allow", "del", "10.77.0.4", "--to", "management"],
      [
        "allow", "add", "0.0.0.0/0", "--to", "management", "--for", "1h", "--reason", "r",
        "--owner", "o",
      ],
    ] {
      let told = try run(
        "ip", ["netns", "exec", space.name, Place.gatehouse] + command,
        environment: space.environment.merging(["SSH_CONNECTION": ssh]) { $1 })
      #expect(told.status == 2, "\(command): \(told.standardOutput)")
    }
    let other = "10.77.0.5 50000 10.77.0.1 80"
    #expect(try space.gatehouse("panic", "on", from: other).status == 2)
    try space.apply("mail: { listen: tcp/25, allow: any }")
    let back = try space.gatehouse("policy", "rollback", from: "10.77.0.5 50000 10.77.0.1 25")
    #expect(back.status == 2 && back.standardError.contains("--i-know"))
    #expect(
      try space.gatehouse("policy", "rollback", "--i-know", from: "10.77.0.5 50000 10.77.0.1 25")
        .status == 0)
  }
}
