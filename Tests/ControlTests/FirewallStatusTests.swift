import Testing

@testable import Control

struct FirewallStatusTests {
  private static let dropped = [
    FirewallFacts.Denials.Source(address: "192.0.2.1", packets: 900, lastAt: 1_800_000_000),
    FirewallFacts.Denials.Source(address: "192.0.2.2", packets: 800, lastAt: 1_800_000_001),
    FirewallFacts.Denials.Source(address: "2001:db8::", packets: 7, lastAt: 1_800_000_002),
  ]

  @Test func `whom the kernel dropped and whom the proxy refused come in turns, each once`() {
    let rows = Status.Firewall.merged([("192.0.2.2", 5), ("192.0.2.9", 4)], Self.dropped)
    #expect(rows.map(\.address) == ["192.0.2.1", "192.0.2.2", "192.0.2.9", "2001:db8::"])
    #expect(rows.map(\.refused) == [0, 5, 4, 0])
    #expect(rows.map(\.dropped) == [900, 800, nil, 7])
    #expect(
      rows.map { $0.lastDroppedAt?.timeIntervalSince1970 ?? 0 }.map { Int($0) } == [
        1_800_000_000, 1_800_000_001, 0, 1_800_000_002,
      ])
    #expect(Status.Firewall.merged([], []).isEmpty)
    #expect(Status.Firewall.merged([("192.0.2.9", 1)], []).map(\.address) == ["192.0.2.9"])
  }
}
