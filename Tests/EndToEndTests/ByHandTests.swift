import Foundation
import Testing

/// Bans and allowances by hand, and what explain says of them.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct ByHandTests {
  private let cable: Cable
  private var space: Namespace { cable.server }

  init() throws { cable = try Cable() }

  private func allow(
    _ span: String, _ reason: String, _ owner: String = "alice"
  ) throws -> Output {
    try space.gatehouse(
      "allow", "add", "192.0.2.7", "--to", "web", "--for", span, "--reason", reason, "--owner",
      owner)
  }

  @Test func `root: loopback is not banned`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    for network in ["127.0.0.1", "127.0.0.0/8", "127.0.0.0/30", "::1", "::/64"] {
      let told = try space.gatehouse("ban", "add", network)
      #expect(told.status == 2 && told.standardError.contains("loopback"), "\(told)")
    }
    #expect(try space.gatehouse("ban", "list").standardOutput == "nobody is banned\n")
  }

  @Test func `root: who is banned by a network hears which ban is to end`() throws {
    try space.apply("web: { listen: tcp/80, allow: two }")
    #expect(try space.gatehouse("ban", "add", "2001:db8:99::/64").status == 0)
    let ended = try space.gatehouse("ban", "del", "2001:db8:99::5")
    #expect(ended.status == 1 && ended.standardOutput.isEmpty, "\(ended)")
    let network = "2001:db8:99::/64"
    #expect(
      ended.standardError
        == "2001:db8:99::5 is banned by \(network); type: gatehouse ban del \(network)\n")
    let told = try space.gatehouse("policy", "explain", "2001:db8:99::5", "tcp/80")
    #expect(told.status == 1 && !told.standardOutput.contains("allow add"), "\(told)")
    #expect(told.standardOutput.contains("To allow: gatehouse ban del 2001:db8:99::/64"))
    #expect(try space.gatehouse("ban", "del", "2001:db8:99::/64").status == 0)
    #expect(try space.gatehouse("ban", "del", "2001:db8:99::5").standardError.contains("ban list"))
  }

  @Test func `root: simulate knows whom the kernel bans now, and not for ever`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }")
    #expect(try space.gatehouse("ban", "add", "192.0.2.0/25", "--for", "1h").status == 0)
    let packet = ["policy", "simulate", "--from", "192.0.2.9", "--to", "tcp/80"]
    let banned = try space.gatehouse(packet)
    #expect(banned.status == 1 && banned.standardOutput.contains("DENIED by a ban"), "\(banned)")
    #expect(banned.standardOutput.contains("192.0.2.0/25 is banned for"))
    #expect(try space.gatehouse(packet + ["--at", "2099-01-15 12:00"]).status == 0)
    #expect(
      try space.gatehouse("policy", "simulate", "--from", "192.0.2.200", "--to", "tcp/80").status
        == 0)
    try space.must("nft", "delete", "table", "inet", "gatehouse")
    let noted = try space.gatehouse(packet)
    #expect(noted.status == 0 && noted.standardError.hasPrefix("note: bans are left aside"))
  }

  @Test func `root: a ban is no longer than max_for, which is said`() throws {
    try space.apply("web: { listen: tcp/80, allow: any }", "bans: { max_for: 24h }")
    let told = try space.gatehouse("ban", "add", "192.0.2.7", "--for", "2d").standardOutput
    #expect(told.hasPrefix("banned 192.0.2.7 for 1d (bans.max_for of the policy); closed"))
    let short = try space.gatehouse("ban", "add", "192.0.2.7", "--for", "2h").standardOutput
    #expect(short.hasPrefix("banned 192.0.2.7 for 2h; closed"), "\(short)")
  }

  @Test func `root: of two allowances for the same the later end counts`() throws {
    try space.apply("web: { listen: tcp/80, allow: two }")
    #expect(try allow("4h", "first").status == 0)
    let shorter = try allow("1h", "second")
    #expect(shorter.status == 0, "\(shorter)")
    #expect(shorter.standardOutput.contains("already, which is longer (alice, first)"))
    let kept = try space.gatehouse("allow", "list").standardOutput
    #expect(kept.contains("first") && !kept.contains("second"), "\(kept)")
    #expect(try !allow("9h", "third").standardOutput.contains("already"))
    let list = try space.gatehouse("allow", "list").standardOutput
    #expect(list.contains("third") && !list.contains("first"), "\(list)")
    for (reason, owner, option) in [("", "alice", "--reason"), ("OPS-1", " ", "--owner")] {
      let refused = try allow("9h", reason, owner)
      #expect(refused.status == 2 && refused.standardError.hasPrefix("\(option) is empty"))
    }
  }

  @Test func `root: explain says which generation it tells of, and whether the kernel holds it`()
    throws
  {
    try space.apply("web: { listen: tcp/80, allow: any }")
    let told = try space.gatehouse("policy", "explain", "192.0.2.7", "tcp/80").standardOutput
    #expect(
      told.contains(/^VERDICT  ALLOWED by service "web"   \(generation 1, kernel .*, in sync\)\n/))
    try space.must("nft", "flush", "chain", "inet", "gatehouse", "main")
    let drift = try space.gatehouse("policy", "explain", "192.0.2.7", "tcp/80")
    #expect(drift.status == 3 && drift.standardOutput.contains("NOT in sync"), "\(drift)")
  }

  @Test func `root: who was dropped for a limit is told so`() throws {
    try space.apply(
      "log: { listen: udp/514, allow: any, "
        + "limit: { new_connections: { rate: 1/m, burst: 2 } } }")
    func limit(_ source: String) throws -> Substring {
      let told = try space.gatehouse("policy", "explain", source, "udp/514").standardOutput
      return try #require(told.split(separator: "\n").first { $0.contains("  limit") }, "\(told)")
    }
    #expect(try limit("10.77.0.5").contains("DEPENDS  1 new a minute, 2 at once"))
    try cable.client.must(
      "python3", "-c",
      """
      import socket
      for _ in range(9):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("10.77.0.5", 0))
        s.sendto(b"x", ("10.77.0.1", 514))
      """)
    let over = try limit("10.77.0.5")
    #expect(over.contains("OVER") && over.contains("packet(s) of it were dropped"), "\(over)")
    #expect(try limit("10.77.0.6").contains("DEPENDS"))
  }
}
