/// One table of nf_tables as a value: what `apply` makes the kernel hold and `nft` prints.
public struct Ruleset: Sendable, Equatable {
  static let table = "gatehouse"
  static let baseChain = "main"

  /// Named counters: they outlive the flush of the rules that count into them.
  var counters: [String] = []
  var sets: [NamedSet] = []
  /// The base chain comes first.
  var chains: [Chain] = []
}

/// A list of rules: hooked into the path of packets, or jumped to.
struct Chain: Sendable, Equatable {
  var name: String
  var hook: Hook?
  var rules: [Rule] = []
}

/// Where a base chain sits; its policy is always drop.
public struct Hook: Sendable, Equatable, CustomStringConvertible {
  public enum Point: UInt32, Sendable {
    case prerouting = 0
    case input = 1
  }
  public var point: Point
  public var priority: Int32

  public init(_ point: Point, priority: Int32) {
    self.point = point
    self.priority = priority
  }

  /// After connection tracking (-200), before destinations are rewritten (-100).
  static let beforeRewrite = Hook(.prerouting, priority: -150)
  static let input = Hook(.input, priority: 0)

  public var description: String { "\(point) priority \(priority)" }
}

typealias Rule = [Expression]

/// A set of keys, or a map from keys to chains.
struct NamedSet: Sendable, Equatable {
  /// The types of keys, with nft's numbers for them.
  enum Key: UInt32, Sendable {
    case ipv4 = 7
    case ipv6 = 8
    case service = 13
    case icmpType = 14
    case icmpv6Type = 29

    var byteCount: Int {
      switch self {
      case .ipv4: 4
      case .ipv6: 16
      case .service: 2
      case .icmpType, .icmpv6Type: 1
      }
    }

    var name: String {
      switch self {
      case .ipv4: "ipv4_addr"
      case .ipv6: "ipv6_addr"
      case .service: "inet_service"
      case .icmpType: "icmp_type"
      case .icmpv6Type: "icmpv6_type"
      }
    }

    /// All ones.
    var top: UInt128 { UInt128.max >> UInt128(128 - 8 * byteCount) }

    /// ICMP types are a handful: they are kept one by one.
    var isInterval: Bool {
      switch self {
      case .ipv4, .ipv6, .service: true
      case .icmpType, .icmpv6Type: false
      }
    }
  }

  var name: String
  var key: Key
  var isMap = false
  /// Disjoint and ascending.
  var elements: [Element]

  var hasTimeout: Bool { elements.contains { $0.timeoutSeconds != nil } }

  /// All keys from `first` to `last`, both included.
  struct Element: Sendable, Equatable {
    var first: UInt128
    var last: UInt128
    var timeoutSeconds: UInt64?
    /// Only in maps.
    var chain: String?
  }

  /// Why the kernel could not hold this set as it is meant; nil when it could.
  var fault: String? {
    var previous: UInt128?
    for element in elements {
      guard element.first <= element.last, element.last <= key.top else {
        return "an interval of set \"\(name)\" does not fit its key"
      }
      guard key.isInterval || element.first == element.last else {
        return "set \"\(name)\" holds no intervals"
      }
      if let previous, element.first <= previous { return "intervals of \"\(name)\" overlap" }
      guard isMap == (element.chain != nil) else { return "\"\(name)\" mixes keys and mappings" }
      previous = element.last
    }
    return nil
  }
}
