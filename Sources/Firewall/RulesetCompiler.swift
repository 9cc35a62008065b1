/// A policy whose names are resolved: what the compiler needs to know of it.
public struct CompilerInput: Sendable, Equatable {
  public var management: Management?
  /// Denied everywhere but for management.
  public var deny = Sources()
  public var services: [Service] = []
  public var protect = FirewallPolicy.Protection.host

  public init() {}

  public struct Management: Sendable, Equatable {
    public var sources: Sources
    public var ports: [FirewallPolicy.Port]

    public init(sources: Sources, ports: [FirewallPolicy.Port]) {
      self.sources = sources
      self.ports = ports
    }
  }

  public struct Service: Sendable, Equatable {
    public var name: String
    public var listen: [FirewallPolicy.Port]
    public var allow: Sources
    /// Beats `allow`.
    public var deny: Sources

    public init(
      name: String, listen: [FirewallPolicy.Port], allow: Sources, deny: Sources = Sources()
    ) {
      self.name = name
      self.listen = listen
      self.allow = allow
      self.deny = deny
    }
  }
}

/// Addresses by family: intervals disjoint and ascending; or everybody.
public struct Sources: Sendable, Equatable {
  public var ipv4: [Interval<UInt32>] = []
  public var ipv6: [Interval<UInt128>] = []
  public var isAny = false

  public init() {}

  public struct Interval<Address: FixedWidthInteger & Sendable>: Sendable, Equatable {
    public var first: Address
    public var last: Address
    /// Unix time in seconds from which on it counts no more.
    public var until: Int64?

    public init(_ first: Address, _ last: Address, until: Int64? = nil) {
      self.first = first
      self.last = last
      self.until = until
    }
  }
}

/// Turns a resolved policy into the one table that holds it (docs/decisions/010-one-base-chain.md).
public struct RulesetCompiler {
  /// `time` is Unix time in seconds: what has ended by then is left out.
  public static func compile(_ input: CompilerInput, at time: Int64) -> Ruleset {
    var compiler = RulesetCompiler(time: time)
    compiler.addEssentials()
    if let management = input.management { compiler.add(management) }
    compiler.addDrop(input.deny, set: "deny", counter: "r_deny")
    compiler.addConnections()
    if input.protect == .hostAndPublished {
      // Local, broadcast, anycast and multicast destinations are ours: a packet to any other one is
      // forwarded, and no business of this table.
      compiler.main.append([
        .destinationType, .compare(.equal, Expression.hostOrder(Expression.unicast)),
        .verdict(.accept),
      ])
    }
    compiler.add(input.services)
    compiler.main.append(compiler.counted("r_default", .drop))
    let hook: Hook = input.protect == .host ? .input : .beforeRewrite
    let base = Chain(name: Ruleset.baseChain, hook: hook, rules: compiler.main)
    compiler.ruleset.chains.insert(base, at: 0)
    return compiler.ruleset
  }

  /// A hundred years: the kernel's milliseconds must not overflow.
  private static let longestTimeoutSeconds: UInt64 = 36_525 * 86_400

  private let time: Int64
  private var ruleset = Ruleset()
  private var main: [Rule] = []

  private init(time: Int64) { self.time = time }
}

// MARK: The steps, in the order in which packets meet them

extension RulesetCompiler {
  /// What no policy may cut: loopback, neighbours, path MTU, and who asks whether we live.
  private mutating func addEssentials() {
    let icmpv6 = Expression.family(.ipv6) + Expression.transport(.icmpv6) + [Expression.icmpType]
    let icmp = Expression.family(.ipv4) + Expression.transport(.icmp) + [Expression.icmpType]
    let accept = Expression.verdict(.accept)
    let ping = [Expression.limit(perSecond: 10, burst: 20), accept]

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

  private mutating func add(_ management: CompilerInput.Management) {
    let sources = addSets("management", management.sources)
    for transport in FirewallPolicy.Port.Transport.allCases {
      let ports = merged(management.ports, transport)
      guard !ports.isEmpty, !sources.isEmpty else { continue }
      let set = NamedSet(
        name: "management_\(transport.rawValue)", key: .service,
        elements: ports.map { NamedSet.Element(first: $0.first, last: $0.last) })
      ruleset.sets.append(set)
      let match =
        Expression.transport(transport.number)
        + [Expression.destinationPort, .lookup(set: set.name)]
      for source in sources {
        main.append(counted("r_management", .accept, source + match))
      }
    }
  }

  private mutating func addDrop(_ sources: Sources, set: String, counter: String) {
    for source in addSets(set, sources) { main.append(counted(counter, .drop, source)) }
  }

  private mutating func addConnections() {
    main.append(
      Expression.connection(in: Expression.establishedOrRelated) + [.verdict(.accept)])
    main.append(counted("r_invalid", .drop, Expression.connection(in: Expression.invalid)))
  }

  private mutating func add(_ services: [CompilerInput.Service]) {
    for service in services { add(service) }
    for transport in FirewallPolicy.Port.Transport.allCases {
      let elements = services.flatMap { service in
        merged(service.listen, transport).map {
          NamedSet.Element(first: $0.first, last: $0.last, chain: chainName(service))
        }
      }
      guard !elements.isEmpty else { continue }
      let map = NamedSet(
        name: "services_\(transport.rawValue)", key: .service, isMap: true,
        elements: elements.sorted { $0.first < $1.first })
      ruleset.sets.append(map)
      main.append(
        Expression.transport(transport.number)
          + [Expression.destinationPort, .verdictLookup(map: map.name)])
    }
  }

  private mutating func add(_ service: CompilerInput.Service) {
    let name = Self.identifier(service.name)
    var rules: [Rule] = []
    for source in addSets("deny_\(name)", service.deny) {
      rules.append(counted("r_\(name)_deny", .drop, source))
    }
    for source in addSets("allow_\(name)", service.allow) {
      rules.append(counted("r_\(name)_allow", .accept, source))
    }
    rules.append(counted("r_\(name)_default", .drop))
    ruleset.chains.append(Chain(name: chainName(service), rules: rules))
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

  private func chainName(_ service: CompilerInput.Service) -> String {
    "svc_" + Self.identifier(service.name)
  }

  private mutating func counted(
    _ counter: String, _ verdict: Verdict, _ match: [Expression] = []
  ) -> Rule {
    if !ruleset.counters.contains(counter) { ruleset.counters.append(counter) }
    return match + [.counter(counter), .verdict(verdict)]
  }

  private mutating func addTypes(
    _ name: String, _ key: NamedSet.Key, _ types: [UInt128]
  ) -> Expression {
    let elements = types.map { NamedSet.Element(first: $0, last: $0) }
    ruleset.sets.append(NamedSet(name: name, key: key, elements: elements))
    return .lookup(set: name)
  }

  /// Adds the sets of `sources`; one match for each family that has members, or one for everybody.
  private mutating func addSets(_ name: String, _ sources: Sources) -> [[Expression]] {
    guard !sources.isAny else { return [[]] }
    let sets = [
      NamedSet(name: "\(name)_4", key: .ipv4, elements: elements(sources.ipv4)),
      NamedSet(name: "\(name)_6", key: .ipv6, elements: elements(sources.ipv6)),
    ].filter { !$0.elements.isEmpty }
    ruleset.sets += sets
    return sets.map(Expression.source(in:))
  }

  private func elements<Address>(
    _ intervals: [Sources.Interval<Address>]
  ) -> [NamedSet.Element] {
    intervals.compactMap { interval in
      var element = NamedSet.Element(
        first: UInt128(interval.first), last: UInt128(interval.last))
      if let until = interval.until {
        guard until > time else { return nil }
        element.timeoutSeconds = min(UInt64(bitPattern: until &- time), Self.longestTimeoutSeconds)
      }
      return element
    }
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
