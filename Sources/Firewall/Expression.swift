/// One step of a rule, in the kernel's nouns; each loads register 1, tests it, or acts.
enum Expression: Sendable, Equatable {
  case meta(MetaKey)
  case payload(Base, offset: UInt32, length: UInt32)
  case connectionState
  /// 0: the packet goes the way of the connection's first one.
  case connectionDirection
  case destinationType
  /// Keeps the bits of `mask`.
  case bitwise(mask: [UInt8])
  case compare(Comparison, [UInt8])
  /// Converts the register's eight bytes from the machine's order to the network's.
  case toNetworkOrder
  /// Whether the register is in a set; or is not.
  case lookup(set: String, isInverted: Bool = false)
  /// Takes the verdict that the map has for the register.
  case verdictLookup(map: String)
  /// Goes on within the rate, or only over it.
  case limit(FirewallPolicy.Rate, isOver: Bool = false)
  /// Puts the register into a set filled by rules; goes on when the element's own limit is exceeded.
  case element(Update, set: String, over: Measure)
  /// Puts the register into a set filled by rules, begins its time there anew, and counts the packet with
  /// it. Ends the rule where the set has no room.
  case note(set: String)
  /// Puts the register into a set of bans, for so long.
  case ban(set: String, seconds: UInt64)
  /// The same, and begins the time anew of whoever is there already.
  case prolong(set: String, seconds: UInt64)
  /// To NFLOG group 10.
  case log(prefix: String)
  /// Counts into a named counter.
  case counter(String)
  case verdict(Verdict)

  enum MetaKey: Sendable { case incomingInterface, family, transport, time }
  /// `add` leaves the timeout of an element that is there already; `update` begins it anew.
  enum Update: UInt32, Sendable {
    case add = 0
    case update = 1
  }
  enum Measure: Sendable, Equatable {
    case rate(FirewallPolicy.Rate)
    /// Connections open at a time.
    case connections(UInt32)
  }
  enum Base: Sendable { case network, transport }
  enum Comparison: Sendable { case equal, notEqual }
}

enum Verdict: Sendable, Equatable {
  case accept, drop
  case jump(String)
  /// A jump that never comes back here.
  case goto(String)
}

/// Phrases of several expressions, as `nft` would write them.
extension Expression {
  enum Family: UInt8, Sendable {
    case ipv4 = 2
    case ipv6 = 10
  }
  enum Transport: UInt8, Sendable {
    case icmp = 1
    case tcp = 6
    case udp = 17
    case icmpv6 = 58
  }

  /// Bits of `ct state`.
  static let invalid: UInt32 = 1
  static let establishedOrRelated: UInt32 = 2 | 4
  /// RTN_UNICAST: a destination elsewhere.
  static let unicast: UInt32 = 1

  static func interface(_ name: String) -> [Expression] {
    let bytes = Array(name.utf8.prefix(15))
    let padded = bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
    return [.meta(.incomingInterface), .compare(.equal, padded)]
  }

  static func family(_ family: Family) -> [Expression] {
    [.meta(.family), .compare(.equal, [family.rawValue])]
  }

  static func transport(_ transport: Transport) -> [Expression] {
    [.meta(.transport), .compare(.equal, [transport.rawValue])]
  }

  /// Loads the source address of packets of one family; only its first bits where a prefix is given.
  static func source(_ family: Family, prefix: UInt8? = nil) -> [Expression] {
    switch family {
    case .ipv4:
      Self.family(.ipv4) + [.payload(.network, offset: 12, length: 4)] + mask(prefix ?? 32, of: 4)
    case .ipv6:
      Self.family(.ipv6) + [.payload(.network, offset: 8, length: 16)] + mask(prefix ?? 128, of: 16)
    }
  }

  static func source(_ family: Family, in set: String) -> [Expression] {
    source(family) + [.lookup(set: set)]
  }

  private static func mask(_ prefix: UInt8, of byteCount: Int) -> [Expression] {
    let width = 8 * byteCount
    guard prefix < width else { return [] }
    var bytes: [UInt8] = []
    let ones = prefix == 0 ? 0 : UInt128.max << UInt128(width - Int(prefix))
    bytes.append(ones, byteCount: byteCount, order: .network)
    return [.bitwise(mask: bytes)]
  }

  /// fe80::/10
  static let linkLocalSource: [Expression] = [
    .payload(.network, offset: 8, length: 16),
    .bitwise(mask: [0xff, 0xc0] + [UInt8](repeating: 0, count: 14)),
    .compare(.equal, [0xfe, 0x80] + [UInt8](repeating: 0, count: 14)),
  ]

  static let sourcePort = Expression.payload(.transport, offset: 0, length: 2)
  static let destinationPort = Expression.payload(.transport, offset: 2, length: 2)
  static let icmpType = Expression.payload(.transport, offset: 0, length: 1)
  static let hopLimit = Expression.payload(.network, offset: 7, length: 1)

  static func connection(in states: UInt32) -> [Expression] {
    [
      .connectionState, .bitwise(mask: hostOrder(states)),
      .compare(.notEqual, hostOrder(0)),
    ]
  }

  /// The register of a number that never was on the wire is in the machine's byte order.
  static func hostOrder(_ value: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(value, byteCount: 4, order: .host)
    return bytes
  }
}

extension UInt64 {
  /// Of seconds; what no number holds is as long as one can.
  var milliseconds: UInt64 {
    let (product, overflows) = multipliedReportingOverflow(by: 1000)
    return overflows ? .max : product
  }
}

/// Integers as the bytes of netlink messages.
enum ByteOrder { case host, network }

extension [UInt8] {
  mutating func append(_ value: some FixedWidthInteger, byteCount: Int, order: ByteOrder) {
    let isBigEndian = order == .network || 1.bigEndian == 1
    for index in 0..<byteCount {
      let shift = 8 * (isBigEndian ? byteCount - 1 - index : index)
      append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }
}
