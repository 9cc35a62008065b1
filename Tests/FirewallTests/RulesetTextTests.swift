import Glibc
import Testing

@testable import Firewall

struct RulesetTextTests {
  @Test(arguments: ["host", "published", "full", "empty"])
  func `prints a policy as its golden file`(_ name: String) throws {
    let input =
      switch name {
      case "host": Sample.host
      case "published": Sample.published
      case "full": Sample.full
      default: ResolvedPolicy()
      }
    let text = RulesetText.print(RulesetCompiler.compile(input, at: Sample.now))
    #expect(try text == Golden.expected("\(name).nft", actual: text))
  }

  @Test(arguments: [
    (0, "::"), (1, "::1"), (UInt128.max, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    (0x2001_0db8_0000_0001_0000_0000_0000_0001, "2001:db8:0:1::1"),
    (0x2001_0db8_0000_0001_0001_0001_0001_0001, "2001:db8:0:1:1:1:1:1"),
    (0xfe80_0000_0000_0000_0000_0000_0000_0000, "fe80::"),
  ])
  func `writes IPv6 addresses the short way`(_ value: UInt128, _ text: String) {
    #expect(RulesetText.text(value, .ipv6) == text)
  }

  @Test func `spells names that nft would not read`() {
    #expect(RulesetCompiler.identifier("web-1_a") == "web-1_a")
    #expect(RulesetCompiler.identifier("a b.ü") == "a.20b.2e.c3.bc")
  }

  @Test func `leaves out what has ended and makes the rest time out`() {
    var sources = AddressSet()
    sources.ipv4 = [
      .init(first: 1, last: 1, until: Sample.now), .init(first: 2, last: 2, until: Sample.now + 60),
    ]
    var input = ResolvedPolicy()
    input.deny = sources
    let sets = RulesetCompiler.compile(input, at: Sample.now).sets.filter { $0.name == "deny_4" }
    #expect(sets.map(\.elements.list) == [[.init(first: 2, last: 2, timeoutSeconds: 60)]])
  }
}

/// Policies that several tests compile.
enum Sample {
  static let now: Int64 = 1_800_000_000

  static var host: ResolvedPolicy {
    var input = ResolvedPolicy()
    input.management = .init(
      sources: sources(["10.9.0.2"], six: [0xfd09 << 112 | 2]), ports: [.init(.tcp, 22)])
    input.deny = sources(["10.9.0.2", "10.9.0.4"])
    input.services = [
      .init(
        name: "web", listen: [.init(.tcp, 80), .init(.tcp, 443), .init(.udp, 443)],
        allow: sources(["10.9.0.3", "10.9.0.4", "10.9.0.5"], six: [0xfd09 << 112 | 3]),
        deny: sources(["10.9.0.5"])),
      .init(
        name: "games", listen: [.init(.udp, 27000, 27015), .init(.tcp, 8000, 8010)], allow: any),
    ]
    return input
  }

  static var published: ResolvedPolicy {
    var input = host
    input.protect = .hostAndPublished
    input.services[0].allow.ipv4[0].until = now + 3600
    return input
  }

  /// Everything that a service can have.
  static var full: ResolvedPolicy {
    var input = host
    input.neverBanned = sources(["10.9.0.2"])
    var limit = FirewallPolicy.Limit(
      newConnections: .init(50, per: .second, burst: 100), concurrent: 200)
    input.services[0].limit = limit
    input.services[0].ban = .init(.limited, times: 5, withinSeconds: 60, forSeconds: 600)
    input.services[0].trustedProxies = sources(["10.9.0.8"])
    input.services[0].log = .denied
    limit.concurrent = nil
    limit.newConnectionsPer.ipv4 = 24
    input.services[1].limit = limit
    input.services[1].ban = .init(.limited, times: 1, withinSeconds: 60, forSeconds: 86_400)
    input.services[1].schedule = Schedule(
      text: "mon-fri 08:00-18:00",
      windows: [.init(opens: now - 60, closes: now), .init(opens: now + 60, closes: now + 3660)])
    input.services[1].log = .all
    return input
  }

  static var audit: ResolvedPolicy {
    var input = full
    input.mode = .audit
    return input
  }

  static var panic: ResolvedPolicy {
    var input = full
    input.isPanic = true
    return input
  }

  /// More intervals than one set takes, some across the borders of shards.
  static var sharded: ResolvedPolicy {
    var input = host
    input.deny = AddressSet(
      ipv4: (0..<9000).map {
        let first = UInt32($0) * 0x7001 + 0x0b00_0000
        return .init(first: first, last: first + 0x1000, until: $0 % 7 == 0 ? now + 600 : nil)
      } + [.init(first: 0xfd00_0000, last: 0xffff_ffff)],
      ipv6: (0..<9000).map {
        let first = UInt128($0) << 100 + 0x2a00 << 112
        return .init(first: first, last: first + 0x1000)
      })
    input.management?.sources = input.deny
    return input
  }

  /// Names that nft would not read, and intervals that touch both ends.
  static var edges: ResolvedPolicy {
    var input = ResolvedPolicy()
    input.management = .init(sources: any, ports: [.init(.tcp, 65535), .init(.udp, 1, 65535)])
    input.deny.ipv4 = [
      .init(first: 0, last: 0), .init(first: 1, last: 5), .init(first: .max, last: .max),
    ]
    input.deny.ipv6 = [.init(first: 0, last: .max)]
    input.services = [
      .init(name: "a b.ü", listen: [.init(.tcp, 1, 65535)], allow: sources(["0.0.0.1"])),
      .init(name: "everybody", listen: [.init(.udp, 65535)], allow: any, deny: any),
    ]
    input.services[0].allow.ipv4 = [
      .init(first: 0, last: .max, until: now + 86_400 * 3650)
    ]
    return input
  }

  static let any = AddressSet.any

  static func sources(_ four: [String], six: [UInt128] = []) -> AddressSet {
    var sources = AddressSet()
    sources.ipv4 = four.map { text in
      let address = text.split(separator: ".").reduce(UInt32(0)) { $0 << 8 | (UInt32($1) ?? 0) }
      return .init(first: address, last: address)
    }
    sources.ipv6 = six.map { .init(first: $0, last: $0) }
    return sources
  }
}

/// What is long to expect stands in files beside the tests; `UPDATE_GOLDEN=1` writes them anew.
enum Golden {
  static func expected(_ name: String, actual: String) throws -> String {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let path = "/\(folder)/Golden/\(name)"
    if unsafe getenv("UPDATE_GOLDEN") != nil { try write(actual, to: path) }
    return try read(path)
  }

  static func write(_ text: String, to path: String) throws {
    guard let file = unsafe fopen(path, "w") else { throw Missing(path: path) }
    unsafe fputs(text, file)
    unsafe fclose(file)
  }

  static func read(_ path: String) throws -> String {
    guard let file = unsafe fopen(path, "r") else { throw Missing(path: path) }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe fread(&buffer, 1, buffer.count, file)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += buffer[..<count]
    }
  }

  struct Missing: Error { var path: String }
}
