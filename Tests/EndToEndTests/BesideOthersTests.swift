import Foundation
import Testing

/// Other programs' rules stay as they are, and nobody's change is lost.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct BesideOthersTests {
  /// Somebody's own table, Docker's as its iptables-nft writes them, fail2ban's as its action does.
  private static let others = """
    table ip filter {
      chain DOCKER { iifname != "docker0" oifname "docker0" ip daddr 172.17.0.2 tcp dport 80 counter accept; }
      chain DOCKER-USER { counter return; }
      chain FORWARD {
        type filter hook forward priority filter; policy drop;
        counter jump DOCKER-USER
        oifname "docker0" ct state established,related counter accept
        oifname "docker0" counter jump DOCKER
      }
    }
    table ip nat {
      chain DOCKER { iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80; }
      chain PREROUTING {
        type nat hook prerouting priority dstnat; policy accept;
        fib daddr type local counter jump DOCKER
      }
    }
    table inet f2b-table {
      set addr-set-sshd { type ipv4_addr; elements = { 192.0.2.7, 192.0.2.8 }; }
      chain f2b-chain {
        type filter hook input priority filter - 1; policy accept;
        tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable
      }
    }
    table inet mine {
      counter seen { }
      set feed { type ipv4_addr; flags interval, timeout; elements = { 198.51.100.0/24 timeout 1d }; }
      chain input { type filter hook input priority 10; counter name "seen"; ip saddr @feed accept; }
    }

    """

  private func policy(_ space: Namespace, _ name: String, _ count: Int = 3) throws -> String {
    let list = (0..<count).map { "10.\($0 / 250).\($0 % 250).0/25" }.joined(separator: ", ")
    return try space.folder.write(
      "\(name).yaml",
      """
      version: 1
      protect: host+published
      groups: { list: [\(list)] }
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { \(name): { listen: [tcp/80], allow: [list] } }

      """)
  }

  /// Each of the others' tables with its handles, as nft prints it.
  private func tables(_ space: Namespace) throws -> [String] {
    try ["ip filter", "ip nat", "inet f2b-table", "inet mine"].map {
      let words = $0.split(separator: " ").map(String.init)
      let text = try space("nft", "-a", "list", "table", words[0], words[1]).standardOutput
      #expect(text.contains("handle"))
      return text.replacing(#/expires (\d+(ms|s|m|h|d))+/#, with: "expires T")
    }
  }

  @Test func `root: other tables are byte for byte the same after apply, rollback and removal`()
    throws
  {
    let space = try Namespace()
    let file = try space.folder.write("others.nft", Self.others)
    try space.must("nft", "-f", file)
    let before = try tables(space)
    for step in [
      ["policy", "apply", try policy(space, "small")],
      ["policy", "apply", try policy(space, "large", 12_000)],
      ["ban", "add", "192.0.2.7"], ["policy", "rollback"], ["policy", "verify", "--fix"],
      ["policy", "boot"], ["policy", "rollback", "0"],
    ] {
      let output = try run(
        "ip", ["netns", "exec", space.name, Place.gatehouse] + step,
        environment: space.environment)
      #expect(output.status == 0, "\(step.prefix(2)): \(output.standardError)")
      #expect(try tables(space) == before, "after \(step.prefix(2))")
    }
    let left = try space.ruleset()
    #expect(!left.contains("table inet gatehouse"))
  }

  @Test func `root: explain warns of other tables that can still drop what is allowed`() throws {
    let space = try Namespace()
    try space.must("nft", "-f", try space.folder.write("others.nft", Self.others))
    let applied = try space.gatehouse("policy", "apply", try policy(space, "web"))
    #expect(applied.status == 0)
    let told = try space.gatehouse("policy", "explain", "10.0.0.1", "tcp/80")
    #expect(told.status == 0 && told.standardOutput.contains("ALLOWED"))
    #expect(told.standardOutput.contains("f2b-table"))
  }

  @Test func `root: while another program writes all the time, applies and bans all take place`()
    throws
  {
    let space = try Namespace()
    try space.must(Place.gatehouse, "policy", "apply", try policy(space, "web"))
    let noise = try space.start(
      "sh", "-c",
      """
      echo begun
      while :; do
        nft add table inet noise
        nft 'add chain inet noise c { type filter hook input priority 5; }'
        nft delete table inet noise
      done
      """)
    #expect(noise.says("begun"))
    for round in 0..<20 {
      let file = try policy(space, round.isMultiple(of: 2) ? "mail" : "web", 3 + round)
      let applied = try space.gatehouse("policy", "apply", file)
      #expect(applied.status == 0, "\(applied.standardError)")
      #expect(try space.gatehouse("ban", "add", "203.0.113.\(round)", "--for", "1h").status == 0)
    }
    noise.signal(SIGKILL)
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
    let bans = try space.gatehouse("ban", "list").standardOutput
    for round in 0..<20 { #expect(bans.contains("203.0.113.\(round) ")) }
  }

  @Test func `root: bans and applies at the same time lose neither`() throws {
    let space = try Namespace()
    let files = [try policy(space, "a"), try policy(space, "b", 9000)]
    try space.must(Place.gatehouse, "policy", "apply", files[0])
    let bans = try space.start(
      "sh", "-c",
      "for i in $(seq 1 60); do \"$0\" ban add 198.51.100.$i --for 1h || echo FAILED; done; echo done",
      Place.gatehouse)
    var applies = 0
    while !bans.text.contains("done"), applies < 200 {
      let applied = try space.gatehouse("policy", "apply", files[(applies + 1) % 2])
      #expect(applied.status == 0, "\(applied.standardError)")
      applies += 1
    }
    #expect(applies > 3)
    #expect(bans.says("done", seconds: 60) && !bans.text.contains("FAILED"), "\(bans.text)")
    let list = try space.gatehouse("ban", "list").standardOutput
    for last in 1...60 { #expect(list.contains("198.51.100.\(last) "), "\(last)") }
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
  }

  @Test func `root: two applies at once are done one after the other`() throws {
    let space = try Namespace()
    let first = try policy(space, "first", 9000)
    let second = try policy(space, "second", 9001)
    let running = try space.start(Place.gatehouse, "policy", "apply", first)
    let applied = try space.gatehouse("policy", "apply", second)
    #expect(applied.status == 0, "\(applied.standardError)")
    #expect(running.says("applied generation"), "\(running.text)")
    #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
    #expect(try space.gatehouse("policy", "history").standardOutput.contains("2"))
  }

  @Test func `root: verify finds what others changed in our table, says who, and puts it right`()
    throws
  {
    let space = try Namespace()
    try space.must(Place.gatehouse, "policy", "apply", try policy(space, "web"))
    #expect(try space.gatehouse("policy", "verify", "--deep").standardOutput.contains("in sync"))
    try space.must("nft", "flush chain inet gatehouse svc_web")
    let alone = try space.gatehouse("policy", "verify")
    #expect(alone.status == 2 && alone.standardOutput.contains("as gatehouse agent does"))
    #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
    let agent = try space.start(Place.gatehouse, "agent", "--socket", "\(space.state)/agent.sock")
    #expect(agent.says("agent ready"))
    for change in [
      "add element inet gatehouse allow_web_4 { 192.0.2.0/24 }",
      "delete element inet gatehouse allow_web_4 { 10.0.0.0/25 }",
      "insert rule inet gatehouse svc_web accept", "flush chain inet gatehouse svc_web",
      "add chain inet gatehouse main { policy accept; }",
      "delete table inet gatehouse",
    ] {
      let made = try space("nft", change)
      #expect(made.status == 0, "\(change): \(made.standardError)")
      // The agent writes down whom it heard within half a second.
      usleep(1_000_000)
      let found = try space.gatehouse("policy", "verify", "--deep")
      #expect(found.status == 2, "\(change): \(found.standardOutput)")
      #expect(found.standardOutput.contains("(nft)"), "\(found.standardOutput)")
      #expect(try space.gatehouse("policy", "verify", "--fix").status == 0)
      #expect(try space.gatehouse("policy", "verify", "--deep").status == 0)
    }
  }
}
