import Configuration
import Control
import Foundation
import Testing

@testable import Firewall

/// Why a packet gets in or not, without a kernel.
@Suite struct PolicyExplanationTests {
  private static let now: Int64 = 1_800_000_000

  private let compiled: CompiledPolicy

  init() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "p.yaml",
      """
      version: 1
      groups:
        drop: [203.0.113.0/28, 198.51.100.0/24, "2001:db8:99::/48"]
        office: [192.0.2.0/28]
      management: { from: [office], to: [tcp/22] }
      deny: [drop]
      services:
        web: { listen: [tcp/443], allow: [any], limit: { new_connections: { rate: 5/s, burst: 9 } } }
        db: { listen: [tcp/5432], allow: [office] }

      """)
    compiled = CompiledPolicy(try PolicyFile.load(path, at: Self.now).policy, at: Self.now)
  }

  private func packet(_ source: String, _ port: UInt16) throws -> Packet {
    Packet(from: try #require(Address(parsing: source)), .tcp(port: port))
  }

  @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1"])
  func `the kernel lets loopback in, and the proxy asks the policy`(_ source: String) throws {
    let packet = try packet(source, 5432)
    let kernel = PolicyExplanation(of: packet, by: compiled, banned: nil)
    #expect(kernel.isAllowed && kernel.sentence == "ALLOWED by loopback")
    #expect(kernel.stages.map(\.name) == ["loopback"])
    let proxy = PolicyExplanation(of: packet, by: compiled)
    #expect(!proxy.isAllowed && proxy.stages.first?.name == "management")
  }

  @Test(arguments: [
    ("203.0.113.70", "the nearest 203.0.113.0/28"), ("198.51.99.1", "the nearest 198.51.100.0/24"),
    ("2001:db8:a::1", "the nearest 2001:db8:99::/48"), ("ff00::1", "the nearest 2001:db8:99::/48"),
  ])
  func `deny says how much it holds, and what is nearest`(
    _ source: String, _ nearest: String
  ) throws {
    let told = PolicyExplanation(of: try packet(source, 443), by: compiled, banned: nil)
    let deny = try #require(told.stages.first { $0.name == "deny" })
    #expect(deny.detail == "drop does not cover it: 3 interval(s), \(nearest)")
  }

  @Test func `while somebody is banned nothing but the end of the ban is advised`() throws {
    let ban = KernelBans.Ban(network: try Network(parsing: "203.0.113.64/27"), secondsLeft: 60)
    let web = PolicyExplanation(of: try packet("203.0.113.70", 443), by: compiled, banned: ban)
    #expect(web.sentence == "DENIED by a ban" && web.ban == ban)
    #expect(web.advice == "To allow: gatehouse ban del 203.0.113.64/27")
    let db = PolicyExplanation(of: try packet("203.0.113.70", 5432), by: compiled, banned: ban)
    let advice = try #require(db.advice)
    #expect(advice.hasPrefix("To allow: gatehouse ban del 203.0.113.64/27\n"))
    #expect(advice.contains("still be denied: service \"db\"") && !advice.contains("allow add"))
    let office = PolicyExplanation(of: try packet("192.0.2.7", 22), by: compiled, banned: ban)
    #expect(office.isAllowed && office.ban == nil)
  }

  @Test func `a limit claims nothing, but where its source was dropped lately`() throws {
    let packet = try packet("203.0.113.70", 443)
    let dropped = KernelDenials.Source(
      address: packet.source, packets: 7, bytes: 420, secondsAgo: 3)
    func limit(_ hits: UInt64, _ dropped: KernelDenials.Source?) throws -> PolicyExplanation.Stage {
      let told = PolicyExplanation(
        of: packet, by: compiled, banned: nil,
        counters: ["r_web_limited": .init(packets: hits, bytes: 0)], dropped: dropped)
      #expect(told.isAllowed)
      return try #require(told.stages.first { $0.name == "limit" })
    }
    #expect(try limit(9, nil).result == .depends)
    // Of drops by another rule it is not to blame.
    #expect(try limit(0, dropped).result == .depends)
    let over = try limit(9, dropped)
    #expect(over.result == .over && over.hits == 9)
    #expect(
      over.detail
        == "5 new a second, 9 at once: 7 packet(s) of it were dropped, the last 3 s ago")
  }
}
