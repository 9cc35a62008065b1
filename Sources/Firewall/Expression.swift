/// One step of a rule, in the kernel's nouns; each loads register 1, tests it, or acts.
enum Expression: Sendable, Equatable {
  case meta(MetaKey)
  case payload(Base, offset: UInt32, length: UInt32)
  case connectionState
  case destinationType
  /// Keeps the bits of `mask`.
  case bitwise(mask: [UInt8])
  case compare(Comparison, [UInt8])
  case lookup(set: String)
  /// Takes the verdict that the map has for the register.
  case verdictLookup(map: String)
  case limit(perSecond: UInt64, burst: UInt32)
  /// Counts into a named counter.
  case counter(String)
  case verdict(Verdict)

  enum MetaKey: Sendable { case incomingInterface, family, transport }
  enum Base: Sendable { case network, transport }
  enum Comparison: Sendable { case equal, notEqual }
}

enum Verdict: Sendable, Equatable { case accept, drop }

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

  static func source(in set: NamedSet) -> [Expression] {
    switch set.key {
    case .ipv6:
      family(.ipv6) + [.payload(.network, offset: 8, length: 16), .lookup(set: set.name)]
    case .ipv4, .service, .icmpType, .icmpv6Type:
      family(.ipv4) + [.payload(.network, offset: 12, length: 4), .lookup(set: set.name)]
    }
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
