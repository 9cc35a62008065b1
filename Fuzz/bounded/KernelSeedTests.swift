import Testing

@testable import Firewall

/// The kernel's own datagrams mean what `nft`, `ss` and `conntrack` said of them.
struct KernelSeedTests {
  private static func messages(_ name: String) throws -> [NetlinkMessage] {
    let seed = try Corpus(of: .netlinkDecoder).seeds.first { $0.name == name }
    return NetlinkMessage.all(in: try #require(seed, "\(name)").bytes[...])
  }

  private static func elements(
    _ name: String, _ key: NamedSet.Key, isInterval: Bool = true
  ) throws -> [SetElement]? {
    let boundaries = try messages(name).flatMap { message in
      message.attributes.filter { $0.type == 3 }
        .flatMap { ElementPacking.boundaries(in: $0.body) }
    }
    return ElementPacking.elements(from: boundaries, of: (key, isInterval))
  }

  @Test func `intervals of a set`() throws {
    #expect(
      try Self.elements("elements-by-hand", .ipv4) == [
        SetElement(first: 0, last: 0x09ff_ffff), SetElement(first: 0xc000_0201, last: 0xc000_0201),
        SetElement(first: 0xe000_0000, last: 0xffff_ffff),
      ])
  }

  @Test func `a map from ports to chains`() throws {
    #expect(
      try Self.elements("elements-services-tcp", .service) == [
        SetElement(first: 22, last: 22, chain: "svc_ssh"),
        SetElement(first: 2022, last: 2022, chain: "svc_ssh_on_call"),
      ])
  }

  @Test func `bans and what is left of them`() throws {
    let ban = try #require(try Self.elements("elements-ban4", .ipv4, isInterval: false)?.first)
    #expect(ban.first == 0xcb00_7109)
    #expect((3400...3600).contains(ban.timeoutSeconds ?? 0))
    let network = try #require(try Self.elements("elements-bannet4", .ipv4)?.first)
    #expect((network.first, network.last) == (0xc000_0200, 0xc000_027f))
  }

  @Test func `chains, sets, counters and the stamp of a table`() throws {
    let table = KernelTable(
      chains: try Self.messages("chains").map(\.attributes),
      sets: try Self.messages("sets").map(\.attributes),
      objects: try Self.messages("objects").map(\.attributes),
      rules: try Self.messages("rules-with-stamp").map(\.attributes))
    #expect(table.chains["main"] == Hook.input)
    #expect(table.openChains == ["by_hand"])
    #expect(table.sets["by_hand"]?.isInterval == true)
    #expect(table.sets["services_tcp"]?.isMap == true)
    #expect(table.counters["r_default"] == LiveRuleset.Count(packets: 0, bytes: 0))
    #expect(table.stamp?.generation == 2)
    #expect(table.references["main"]?.sets.contains("management_4") == true)
  }

  @Test func `tracked connections`() throws {
    let connections = try Self.messages("tracked").compactMap {
      TrackedConnection(reading: $0.attributes)
    }
    let ends = connections.map { "\($0.protocolNumber) \($0.destination) \($0.destinationPort)" }
    #expect(
      Set(ends) == [
        "6 127.0.0.1 8080", "6 127.0.0.1 8081", "6 10.77.0.1 8081", "6 ::1 8443",
        "17 127.0.0.1 5353",
      ])
  }

  @Test func `sockets and who is at their other end`() throws {
    let sockets = try Self.messages("sockets-ipv6").compactMap { LocalSocket(reading: $0.payload) }
    #expect(Set(sockets.map(\.localPort)).isSuperset(of: [8081, 8443]))
    #expect(sockets.contains { $0.remote == .ipv4(0x0a4d_0001) && $0.localPort == 8081 })
    #expect(sockets.contains { $0.remote == .ipv6(1) })
  }

  @Test func `a commit and whose it was`() throws {
    let commit = try Self.messages("commit").compactMap {
      FirewallKernel.Commit($0.attributes)
    }
    #expect(commit.map(\.name) == ["nft"])
  }
}
