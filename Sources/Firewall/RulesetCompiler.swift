/// Turns a resolved policy into the one table that holds it (docs/decisions/010-one-base-chain.md).
public struct RulesetCompiler {
  /// `time` is Unix time in seconds: what has ended by then is left out.
  public static func compile(_ policy: ResolvedPolicy, at time: Int64) -> Ruleset {
    var compiler = RulesetCompiler(policy, at: time)
    compiler.addEnds()
    compiler.addEssentials()
    compiler.addManagement()
    compiler.addBans()
    compiler.main += compiler.rules("deny", policy.deny) { $0.denied("r_deny") }
    if policy.isPanic {
      compiler.main.append(compiler.counted("r_panic") + [.verdict(compiler.end(.drop))])
    }
    compiler.addEstablished()
    if policy.protect == .hostAndPublished {
      // Local, broadcast, anycast and multicast destinations are ours: a packet to any other one is
      // forwarded, and no business of this table.
      compiler.main.append([
        .destinationType, .compare(.equal, Expression.hostOrder(Expression.unicast)),
        .verdict(.accept),
      ])
    }
    compiler.main.append(
      Expression.connection(in: Expression.invalid) + compiler.denied("r_invalid"))
    compiler.addServices()
    compiler.main += compiler.logged("default denied", if: policy.isOnTrial)
    compiler.main.append(compiler.denied("r_default"))
    let hook: Hook = policy.protect == .host ? .input : .beforeRewrite
    let base = Chain(name: Ruleset.baseChain, hook: hook, rules: compiler.main)
    compiler.ruleset.chains.insert(base, at: 0)
    return compiler.ruleset
  }

  let policy: ResolvedPolicy
  let time: Int64
  var ruleset = Ruleset()
  /// Of the base chain.
  private var main: [Rule] = []

  private init(_ policy: ResolvedPolicy, at time: Int64) {
    self.policy = policy
    self.time = time
  }
}

// MARK: The steps, in the order in which packets meet them

extension RulesetCompiler {
  /// What no policy may cut: loopback, neighbours, path MTU, and who asks whether we live.
  private mutating func addEssentials() {
    let icmpv6 = Expression.family(.ipv6) + Expression.transport(.icmpv6) + [Expression.icmpType]
    let icmp = Expression.family(.ipv4) + Expression.transport(.icmp) + [Expression.icmpType]
    let accept = Expression.verdict(.accept)
    let ping = [Expression.limit(.init(10, per: .second, burst: 20)), accept]

    main.append(Expression.interface("lo") + [accept])
    let neighbours = addTypes("icmpv6_neighbours", .icmpv6Type, [133, 134, 135, 136])
    // A router lowers it: 255 proves that the sender is on this link (RFC 4861, 6.1 and 7.1).
    main.append(
      icmpv6 + [neighbours, Expression.hopLimit, .compare(.equal, [255]), accept])
    let listeners = addTypes("icmpv6_listeners", .icmpv6Type, [130, 131, 132, 143])
    main.append(icmpv6 + [listeners] + Expression.linkLocalSource + [accept])
    main.append(icmpv6 + [addTypes("icmpv6_errors", .icmpv6Type, [1, 2, 3, 4]), accept])
    main.append(icmpv6 + [.compare(.equal, [128])] + ping)
    main.append(icmp + [addTypes("icmp_errors", .icmpType, [3, 11, 12]), accept])
    main.append(icmp + [.compare(.equal, [8])] + ping)
    // DHCPv6: the answer comes from an address that was never asked, so it is no known connection.
    let answer: [Expression] = [
      Expression.sourcePort, .compare(.equal, [0x02, 0x23]),
      Expression.destinationPort, .compare(.equal, [0x02, 0x22]), accept,
    ]
    main.append(
      Expression.family(.ipv6) + Expression.linkLocalSource + Expression.transport(.udp) + answer)
  }

  private mutating func addManagement() {
    guard let management = policy.management, !management.sources.isEmpty else { return }
    for transport in FirewallPolicy.Port.Transport.allCases {
      let ports = merged(management.ports, transport)
      guard !ports.isEmpty else { continue }
      let set = NamedSet(
        name: "management_\(transport.rawValue)", key: .service,
        elements: ports.map { SetElement(first: $0.first, last: $0.last) })
      ruleset.sets.append(set)
      let match =
        Expression.transport(transport.number)
        + [Expression.destinationPort, .lookup(set: set.name)]
      main += rules("management", management.sources) {
        match + $0.counted("r_management") + [.verdict(.accept)]
      }
    }
  }

  /// The sets that the agent, rules and hands fill; they are there even while nobody is banned.
  private mutating func addBans() {
    let bans: [(name: String, family: Expression.Family, prefix: UInt8?, isInterval: Bool)] = [
      ("ban4", .ipv4, nil, false), ("ban6", .ipv6, nil, false), ("ban64", .ipv6, 64, false),
      ("bannet4", .ipv4, nil, true), ("bannet6", .ipv6, nil, true),
    ]
    for ban in bans {
      ruleset.sets.append(
        NamedSet(
          name: ban.name, key: ban.family == .ipv4 ? .ipv4 : .ipv6, isInterval: ban.isInterval,
          filling: .bans))
      main.append(
        Expression.source(ban.family, prefix: ban.prefix) + [.lookup(set: ban.name)]
          + denied("r_ban"))
    }
  }

  /// Whoever asked was judged when he did, and answers to this machine are let in. But not from sources
  /// that once could connect to a service: their connections are forgotten, and the next packet of our
  /// side makes them anew, turned around, so that what they send to the service looks like answers.
  private mutating func addEstablished() {
    let known = Expression.connection(in: Expression.establishedOrRelated)
    main.append(known + [.connectionDirection, .compare(.equal, [0]), .verdict(.accept)])
    for set in NamedSet.revoked {
      ruleset.sets.append(set)
      let family: Expression.Family = set.key == .ipv4 ? .ipv4 : .ipv6
      main.append(
        Expression.source(family, in: set.name) + [.verdict(.jump(Self.revokedChain))])
    }
    ruleset.sets += NamedSet.revokedPorts.map(\.1)
    main.append(known + [.verdict(.accept)])
  }

  /// What revoked sources send to services, and to ports that were one's.
  private static let revokedChain = "revoked"

  private mutating func addServices() {
    for service in policy.services { add(service) }
    var dispatch: [Rule] = []
    defer {
      main += dispatch
      // As long as it goes on it is remembered.
      let sources = NamedSet.revoked.map { set in
        Expression.source(set.key == .ipv4 ? .ipv4 : .ipv6)
          + [.prolong(set: set.name, seconds: KernelRevocations.memorySeconds)]
      }
      let others = NamedSet.revokedPorts.flatMap { transport, set in
        let isOne =
          Expression.transport(transport.number)
          + [Expression.destinationPort, .lookup(set: set.name)]
        return [
          isOne + [.prolong(set: set.name, seconds: KernelRevocations.memorySeconds)],
          isOne + denied("r_default"),
        ]
      }
      ruleset.chains.append(Chain(name: Self.revokedChain, rules: sources + dispatch + others))
    }
    for transport in FirewallPolicy.Port.Transport.allCases {
      let elements = policy.services.flatMap { service in
        merged(service.listen, transport).map {
          SetElement(
            first: $0.first, last: $0.last, chain: "svc_\(Self.identifier(service.name))")
        }
      }
      guard !elements.isEmpty else { continue }
      let map = NamedSet(
        name: "services_\(transport.rawValue)", key: .service, isMap: true,
        elements: elements.sorted { $0.first < $1.first })
      ruleset.sets.append(map)
      dispatch.append(
        Expression.transport(transport.number)
          + [Expression.destinationPort, .verdictLookup(map: map.name)])
    }
  }
}

// MARK: Parts of a step

extension RulesetCompiler {
  /// Letters, digits, `-` and `_` stay; what nft's grammar would not read is spelled in hexadecimal.
  static func identifier(_ name: String) -> String {
    var result = ""
    for byte in name.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x5f:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result += "." + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      }
    }
    return result
  }

  mutating func counted(_ counter: String) -> [Expression] {
    if !ruleset.counters.contains(counter) { ruleset.counters.append(counter) }
    return [.counter(counter)]
  }

  /// Counts and drops; in audit mode counts and accepts.
  mutating func denied(_ counter: String) -> [Expression] {
    counted(counter) + [.verdict(denial)]
  }

  /// At most ten a second: a flood must not become one of log lines.
  func logged(_ what: String, if isWanted: Bool) -> [Rule] {
    guard isWanted else { return [] }
    let prefix = "gatehouse \(what) ".utf8.prefix(120)
    return [
      [
        .limit(.init(10, per: .second, burst: 20)),
        .log(prefix: String(decoding: prefix, as: UTF8.self)),
      ]
    ]
  }

  private mutating func addTypes(
    _ name: String, _ key: NamedSet.Key, _ types: [UInt128]
  ) -> Expression {
    let elements = types.map { SetElement(first: $0, last: $0) }
    ruleset.sets.append(NamedSet(name: name, key: key, elements: elements))
    return .lookup(set: name)
  }

  /// The ports of one protocol, with ranges that touch or overlap made one.
  private func merged(
    _ ports: [FirewallPolicy.Port], _ transport: FirewallPolicy.Port.Transport
  ) -> [(first: UInt128, last: UInt128)] {
    var result: [(first: UInt128, last: UInt128)] = []
    let chosen = ports.filter { $0.transport == transport }.sorted { $0.first < $1.first }
    for port in chosen {
      if let last = result.last, UInt128(port.first) <= last.last + 1 {
        result[result.count - 1].last = max(last.last, UInt128(port.last))
      } else {
        result.append((UInt128(port.first), UInt128(port.last)))
      }
    }
    return result
  }
}

extension FirewallPolicy.Port.Transport {
  fileprivate var number: Expression.Transport {
    switch self {
    case .tcp: .tcp
    case .udp: .udp
    }
  }
}
