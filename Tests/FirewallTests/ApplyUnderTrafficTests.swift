import Glibc
import Testing

@testable import Firewall

/// Packets by the ten thousand while the policy changes: none lost, none let through.
@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct ApplyUnderTrafficTests {
  /// Two policies to go between, for which the allowed and the denied source stay what they are.
  struct Change: CustomTestStringConvertible, Sendable {
    var name: String
    var one: ResolvedPolicy
    var other: ResolvedPolicy
    var testDescription: String { name }
  }

  private static func list(_ count: UInt32, from first: UInt32) -> [AddressInterval<UInt32>] {
    (0..<count).map { .init(first: first + $0 * 64, last: first + $0 * 64 + 15) }
  }

  private static func policy(_ body: (inout ResolvedPolicy) -> Void) -> ResolvedPolicy {
    var policy = Sample.host
    policy.deny.ipv4 += list(3000, from: 0x0b00_0000)
    body(&policy)
    return policy
  }

  static let changes = [
    Change(
      name: "a rule is edited", one: policy { _ in },
      other: policy {
        $0.services[1].allow = Sample.sources(["10.9.0.9"])
        $0.services[1].log = .denied
      }),
    Change(
      name: "a list grows by ten", one: policy { _ in },
      other: policy { $0.deny.ipv4 += list(10, from: 0x0d00_0000) }),
    Change(
      name: "a list is replaced", one: policy { $0.deny.ipv4 += list(2000, from: 0x0d00_0000) },
      other: policy {
        $0.deny.ipv4 = Sample.host.deny.ipv4 + list(4000, from: 0x0e00_0000)
        $0.services[0].allow.ipv4 += list(1000, from: 0x0f00_0000)
      }),
    Change(
      name: "a service is renamed", one: policy { _ in },
      other: policy {
        $0.services[0].name = "site"
        $0.services[1].name = "play"
      }),
    Change(name: "the mode changes", one: policy { _ in }, other: policy { $0.mode = .audit }),
    Change(
      name: "a list gains ends and shards", one: policy { _ in },
      other: policy {
        $0.services[0].allow.ipv4[0].until = Sample.now + 3600
        $0.deny.ipv4 += list(6000, from: 0x0e00_0000)
      }),
  ]

  @Test(arguments: changes)
  func `root: 100 applies lose nothing and leak nothing`(_ change: Change) throws {
    let link = try Link()
    try link.apply(change.one)
    let file = "/tmp/\(link.server.name).nft"
    try Golden.write(Self.probe, to: file)
    defer { unsafe unlink(file) }
    try link.server.run("nft -f \(file)")
    var sender: Daemon? = try link.client.daemon(python: TrafficScript.storm)
    let clock = ContinuousClock()
    let start = clock.now
    let first = try Self.counts(link)
    var leaked = 0
    var enforced = first
    for round in 0..<100 {
      let before = try Self.counts(link)
      try link.apply(round.isMultiple(of: 2) ? change.other : change.one)
      let after = try Self.counts(link)
      // What an audit lets in is let in rightly: then only the time before it and after it counts.
      if change.other.mode == .enforce {
        leaked += after.leaked - before.leaked
      } else if round.isMultiple(of: 2) {
        leaked += before.leaked - enforced.leaked
      }
      enforced = after
    }
    let span = clock.now - start
    sender = nil
    link.settle()
    let last = try Self.counts(link)
    let rate =
      Double(last.allowed - first.allowed + last.denied - first.denied)
      / Self.seconds(span)
    withExtendedLifetime(sender) {}
    #expect(last.lost == 0)
    #expect(leaked == 0)
    // 400,000 and more on two cores, so that a busy machine reaches it, too.
    #expect(rate >= 50_000, "the sender brought \(Int(rate)) packets a second")
  }

  private struct Counts {
    var allowed, denied, lost, leaked: Int
  }

  /// Lost is told rightly only when nobody sends any more.
  private static func counts(_ link: Link) throws -> Counts {
    let text = try link.server.run("nft list counters table inet probe")
    var values: [String: Int] = [:]
    var name = ""
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map { String($0.drop { $0 == "\t" }) }
      if words.first == "counter" { name = words[1] }
      if words.first == "packets" { values[name] = Int(words[1]) }
    }
    let (allowed, passed) = (values["a_in"] ?? 0, values["a_out"] ?? 0)
    return Counts(
      allowed: allowed, denied: values["b_in"] ?? 0, lost: allowed - passed,
      leaked: values["b_out"] ?? 0)
  }

  private static func seconds(_ span: Duration) -> Double {
    Double(span.components.seconds) + Double(span.components.attoseconds) / 1e18
  }

  /// Untracked, so that each packet is judged as a first one.
  private static let probe = """
    table inet probe {
      counter a_in { }
      counter a_out { }
      counter b_in { }
      counter b_out { }
      chain before {
        type filter hook prerouting priority -310
        udp dport 443 notrack
        ip saddr 10.9.0.3 udp dport 443 counter name a_in
        ip saddr 10.9.0.4 udp dport 443 counter name b_in
      }
      chain after {
        type filter hook input priority 100
        ip saddr 10.9.0.3 udp dport 443 counter name a_out
        ip saddr 10.9.0.4 udp dport 443 counter name b_out
      }
    }
    """
}
