import Glibc
import Testing

@testable import Firewall

@Suite(.serialized, .enabled(if: getuid() == 0, "needs root: network namespaces"))
struct FirewallKernelTests {
  private static let digest = (0..<32).map { UInt8($0) }

  @Test(arguments: [
    ("host", Sample.host), ("published", Sample.published), ("edges", Sample.edges),
    ("full", Sample.full), ("audit", Sample.audit), ("panic", Sample.panic),
    ("sharded", Sample.sharded),
    ("none", ResolvedPolicy()),
  ])
  func `root: the kernel lists the same after an apply and after nft reads the text`(
    _ name: String, _ input: ResolvedPolicy
  ) throws {
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    let ours = try NetworkNamespace("ours")
    try Self.apply(ruleset, in: ours)
    let theirs = try NetworkNamespace("nft")
    let path = "/tmp/\(theirs.name).nft"
    try Golden.write(RulesetText.print(ruleset), to: path)
    defer { unsafe unlink(path) }
    try theirs.run("nft -f \(path)")
    #expect(try Self.listing(ours) == Self.listing(theirs))
    // The text is idempotent, and takes an applied ruleset for its own.
    try theirs.run("nft -f \(path)")
    #expect(try Self.listing(ours) == Self.listing(theirs))
    try ours.run("nft -f \(path)")
    #expect(try Self.listing(ours) == Self.listing(theirs))
  }

  @Test func `root: a watch hears of every commit but those of the bans that it ignores`() throws {
    let namespace = try NetworkNamespace("watch")
    try Self.apply(RulesetCompiler.compile(Sample.host, at: Sample.now), in: namespace)
    let heard = try namespace.inside {
      let watch = try CommitWatch()
      let ours = try KernelBans()
      let others = try KernelBans()
      var heard: [Int] = []
      func note() throws { heard.append(try watch.commits().count) }
      try ours.add(.ipv4(0x0a09_0063, prefix: 32), seconds: 60)
      try note()
      try watch.ignore(ours)
      try ours.add(.ipv4(0x0a09_0064, prefix: 32), seconds: 60)
      try note()
      try others.add(.ipv4(0x0a09_0065, prefix: 32), seconds: 60)
      try note()
      return heard
    }
    #expect(heard == [1, 0, 1])
  }

  @Test func `root: a second apply changes nothing but the generation`() throws {
    let namespace = try NetworkNamespace("twice")
    let ruleset = RulesetCompiler.compile(Sample.published, at: Sample.now)
    let first = try Self.apply(ruleset, in: namespace)
    #expect(first.generation == 1 && first.kernelGeneration == 2 && first.formerHook == nil)
    let listing = try Self.listing(namespace)
    let second = try Self.apply(ruleset, in: namespace)
    #expect(second.generation == 2 && second.kernelGeneration == 3 && second.formerHook == nil)
    #expect(try Self.listing(namespace) == listing)
    let live = try #require(try Self.live(namespace))
    #expect(live.digest == Self.digest)
    #expect(live.generation == 2)
    #expect(live.hook == .beforeRewrite)
    #expect(live.differences(to: ruleset).isEmpty)
    #expect(Set(live.counters.keys) == Set(ruleset.counters))
  }

  @Test func `root: a check asks the kernel and changes nothing`() throws {
    let namespace = try NetworkNamespace("check")
    let ruleset = RulesetCompiler.compile(Sample.host, at: Sample.now)
    try namespace.inside { try FirewallKernel.check(ruleset) }
    #expect(try Self.live(namespace) == nil)
    try Self.apply(ruleset, in: namespace)
    try namespace.inside { try FirewallKernel.check(ruleset) }
    #expect(try Self.live(namespace)?.generation == 1)

    var broken = ruleset
    broken.chains[0].rules[2].append(.lookup(set: "nowhere"))
    let faulty = broken
    let error = #expect(throws: FirewallKernelError.self) {
      try namespace.inside { try FirewallKernel.check(faulty) }
    }
    #expect(error == .refused([.init(subject: "rule 3 of chain main", errno: ENOENT)]))
    #expect("\(try #require(error))".contains("rule 3 of chain main: No such file or directory"))
  }

  @Test func `root: a check takes few shards of a list, and finds what is wrong`() throws {
    let namespace = try NetworkNamespace("shards")
    var input = Sample.host
    input.deny.ipv4 = (0..<9000).map { .init(first: $0 * 0x70001, last: $0 * 0x70001) }
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    let sample = ruleset.sampled()
    #expect(ruleset.sets.count > 200 && sample.sets.count < 50)
    #expect(ruleset.chains.count > 200 && sample.chains.count < 50)
    try namespace.inside { try FirewallKernel.check(ruleset) }
    #expect(try Self.live(namespace) == nil)
    try Self.apply(ruleset, in: namespace)
    let listing = try Self.listing(namespace)
    try namespace.inside { try FirewallKernel.check(ruleset) }
    #expect(try Self.listing(namespace) == listing)

    var broken = ruleset
    let index = try #require(broken.chains.firstIndex { $0.name.hasPrefix("in_") })
    broken.chains[index].rules[0].append(.lookup(set: "nowhere"))
    let faulty = broken
    let name = broken.chains[index].name
    let error = #expect(throws: FirewallKernelError.self) {
      try namespace.inside { try FirewallKernel.check(faulty) }
    }
    #expect(error == .refused([.init(subject: "rule 1 of chain \(name)", errno: ENOENT)]))
    #expect(try Self.listing(namespace) == listing)
  }

  @Test func `root: what the policy no longer has goes away`() throws {
    let namespace = try NetworkNamespace("stale")
    let fresh = try NetworkNamespace("fresh")
    try Self.apply(RulesetCompiler.compile(Sample.host, at: Sample.now), in: namespace)
    // What others left in our table goes, too.
    for text in [
      "chain inet gatehouse odd", "set inet gatehouse odd { type mark \\; }",
      "rule inet gatehouse main tcp dport { 1, 2 } accept", "quota inet gatehouse much 1 mbytes",
    ] {
      try namespace.run("nft add \(text)")
    }
    var smaller = Sample.host
    smaller.services.removeLast()
    smaller.services[0].deny = AddressSet()
    smaller.services[0].allow.ipv4[0].until = Sample.now + 60
    let ruleset = RulesetCompiler.compile(smaller, at: Sample.now)
    let before = try #require(try Self.live(namespace)).differences(to: ruleset)
    #expect(before.contains { $0.set == "deny_web_4" && $0.lost == ["10.9.0.5"] })
    #expect(
      before.contains { $0.set == "services_udp" && $0.lost == ["27000-27015 : jump svc_games"] })
    try Self.apply(ruleset, in: namespace)
    try Self.apply(ruleset, in: fresh)
    #expect(try Self.listing(namespace) == Self.listing(fresh))
    #expect(try Self.listing(namespace).contains("10.9.0.3 timeout 1m"))
    #expect(try Self.live(namespace)?.differences(to: ruleset) == [])
  }

  @Test func `root: another hook is taken in one batch and reported`() throws {
    let namespace = try NetworkNamespace("hook")
    let fresh = try NetworkNamespace("fresh")
    let published = RulesetCompiler.compile(Sample.published, at: Sample.now)
    try Self.apply(RulesetCompiler.compile(Sample.host, at: Sample.now), in: namespace)
    #expect(try Self.apply(published, in: namespace).formerHook == .input)
    try Self.apply(published, in: fresh)
    #expect(try Self.listing(namespace) == Self.listing(fresh))
  }

  @Test func `root: a batch made from an older ruleset is refused as outrun`() throws {
    let namespace = try NetworkNamespace("race")
    let ruleset = RulesetCompiler.compile(Sample.host, at: Sample.now)
    let outcome = try namespace.inside {
      let socket = try NetlinkSocket()
      let stale = try socket.generation()
      let plan = try #require(
        try ApplyPlan(from: KernelTable(), to: ruleset, built: [:], on: socket))
      try FirewallKernel.apply(ruleset, digest: Self.digest)
      let transaction = try NetlinkTransaction(
        from: KernelTable(), .init(), to: ruleset, plan, generation: stale,
        stamp: Stamp(digest: Self.digest, generation: 9), commits: true)
      return try transaction.run(on: socket)
    }
    #expect(outcome == .outrun)
    #expect(try Self.live(namespace)?.generation == 1)
  }

  @Test func `root: 20,000 networks of each family go in and come back`() throws {
    let namespace = try NetworkNamespace("big")
    var input = Sample.host
    input.deny.ipv4 = (0..<20_000).map {
      .init(first: 0x0b00_0000 + $0 * 16, last: 0x0b00_0000 + $0 * 16 + 7)
    }
    input.deny.ipv6 = (0..<20_000).map {
      .init(first: UInt128($0) << 80, last: (UInt128($0) << 80) + 7)
    }
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    try Self.apply(ruleset, in: namespace)
    try Self.apply(ruleset, in: namespace)
    let live = try #require(try Self.live(namespace))
    #expect(live.differences(to: ruleset).isEmpty)
    #expect(live.sets.first { $0.name == "deny_6" }?.elements.count == 20_000)
  }

  @Test func `root: services that share a port are not sent`() throws {
    let namespace = try NetworkNamespace("share")
    var input = Sample.host
    input.services[1].listen = [.init(.tcp, 440, 450)]
    let ruleset = RulesetCompiler.compile(input, at: Sample.now)
    #expect(throws: FirewallKernelError.unencodable("intervals of \"services_tcp\" overlap")) {
      try Self.apply(ruleset, in: namespace)
    }
  }

  @Test func `root: without the capability the error names it`() throws {
    let namespace = try NetworkNamespace("bare")
    let error = #expect(throws: FirewallKernelError.self) {
      try namespace.inside {
        try NetworkNamespace.dropCapabilities()
        try FirewallKernel.check(Ruleset())
      }
    }
    #expect(
      "\(try #require(error))".contains(
        "Operation not permitted; run as root or with CAP_NET_ADMIN"))
  }

  @discardableResult
  private static func apply(
    _ ruleset: Ruleset, in namespace: NetworkNamespace
  ) throws -> FirewallKernel.Applied {
    try namespace.inside { try FirewallKernel.apply(ruleset, digest: digest) }
  }

  private static func live(_ namespace: NetworkNamespace) throws -> LiveRuleset? {
    try namespace.inside { try FirewallKernel.live(elements: true) }
  }

  /// Without what runs by itself: counts and the rest of a time limit; sets by their first names.
  /// Objects are listed by age, here by name.
  private static func listing(_ namespace: NetworkNamespace) throws -> String {
    let text = try namespace.run(
      "nft list table inet gatehouse | sed -E '1d; $d; "
        + "s/packets [0-9]+ bytes [0-9]+/packets/; s/ expires [0-9a-z]+//g; s/(_[46])-b\\b/\\1/g'")
    var blocks: [String] = []
    for line in text.split(separator: "\n") {
      // One tab: the head of an object.
      let opens = line.hasPrefix("\t") && !line.hasPrefix("\t\t") && line != "\t}"
      if opens || blocks.isEmpty { blocks.append("") }
      blocks[blocks.count - 1] += line + "\n"
    }
    return blocks.sorted().joined()
  }
}
