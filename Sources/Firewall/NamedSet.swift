/// A set of keys, or a map from keys to chains.
struct NamedSet: Sendable, Equatable {
  /// The types of keys, with nft's numbers for them.
  enum Key: UInt32, Sendable {
    case ipv4 = 7
    case ipv6 = 8
    case service = 13
    case icmpType = 14
    case icmpv6Type = 29
    /// Nanoseconds since 1970, as nft's `typeof meta time`.
    case time = 43

    var byteCount: Int {
      switch self {
      case .ipv4: 4
      case .ipv6: 16
      case .service: 2
      case .icmpType, .icmpv6Type: 1
      case .time: 8
      }
    }

    var name: String {
      switch self {
      case .ipv4: "type ipv4_addr"
      case .ipv6: "type ipv6_addr"
      case .service: "type inet_service"
      case .icmpType: "type icmp_type"
      case .icmpv6Type: "type icmpv6_type"
      case .time: "typeof meta time"
      }
    }

    /// All ones.
    var top: UInt128 { UInt128.max >> UInt128(128 - 8 * byteCount) }
  }

  /// Who puts the elements there.
  enum Filling: Sendable, Equatable {
    /// The policy: an apply makes them what it says.
    case policy
    /// Bans: by rules, the agent and by hand; an apply leaves them alone.
    case bans
    /// Rules, for themselves: each element has a limit of its own. At most `size` of them, each for
    /// so long after it was used last; without end when nil.
    case rules(size: UInt32, timeoutSeconds: UInt64?)
  }

  var name: String
  var key: Key
  var isMap = false
  var isInterval: Bool
  var filling = Filling.policy
  var elements: SetElements

  /// ICMP types are a handful: they are kept one by one.
  init(name: String, key: Key, isMap: Bool = false, elements: SetElements) {
    self.name = name
    self.key = key
    self.isMap = isMap
    self.elements = elements
    isInterval =
      switch key {
      case .ipv4, .ipv6, .service, .time: true
      case .icmpType, .icmpv6Type: false
      }
  }

  init(name: String, key: Key, isMap: Bool = false, elements: [SetElement]) {
    self.init(name: name, key: key, isMap: isMap, elements: .list(elements))
  }

  /// A set that the policy does not fill.
  init(name: String, key: Key, isInterval: Bool, filling: Filling) {
    self.init(name: name, key: key, elements: [])
    self.isInterval = isInterval
    self.filling = filling
  }

  var hasTimeout: Bool {
    switch filling {
    case .policy: elements.hasEnds
    case .bans: true
    case .rules(_, let timeout): timeout != nil
    }
  }

  /// How long an element stays that brings no timeout of its own.
  var timeoutSeconds: UInt64? {
    if case .rules(_, let timeout) = filling { timeout } else { nil }
  }

  /// At most so many elements; 0 for no bound.
  var size: UInt32 {
    switch filling {
    case .policy: 0
    case .bans: isInterval ? 0 : Self.banLimit
    case .rules(let size, _): size
    }
  }

  static let banLimit: UInt32 = 1 << 20
  /// The kernel's own, and what `ElementPacking` leaves room for.
  private static let chainByteLimit = 255

  var isFilledByPolicy: Bool { filling == .policy }

  /// The elements, where they are intervals of IPv4 addresses.
  var plainIPv4: ArraySlice<AddressInterval<UInt32>> {
    guard isInterval, !isMap, key == .ipv4, case .ipv4(let intervals, _) = elements else {
      return []
    }
    return intervals
  }

  /// Why the kernel could not hold this set as it is meant; nil when it could.
  var fault: String? {
    let plain = plainIPv4
    if !plain.isEmpty {
      return Intervals.isAscending(plain) ? nil : "intervals of \"\(name)\" overlap"
    }
    var previous: UInt128?
    for index in 0..<elements.count {
      let element = elements[index]
      guard element.first <= element.last, element.last <= key.top else {
        return "an interval of set \"\(name)\" does not fit its key"
      }
      guard isInterval || element.first == element.last else {
        return "set \"\(name)\" holds no intervals"
      }
      if let previous, element.first <= previous { return "intervals of \"\(name)\" overlap" }
      guard isMap == (element.chain != nil) else { return "\"\(name)\" mixes keys and mappings" }
      guard (element.chain?.utf8.count ?? 0) <= Self.chainByteLimit else {
        return "a chain that \"\(name)\" leads to has too long a name"
      }
      previous = element.last
    }
    return nil
  }
}

/// All keys from `first` to `last`, both included.
struct SetElement: Sendable, Equatable {
  var first: UInt128
  var last: UInt128
  var timeoutSeconds: UInt64?
  /// Only in maps.
  var chain: String?

  init(first: UInt128, last: UInt128, timeoutSeconds: UInt64? = nil, chain: String? = nil) {
    self.first = first
    self.last = last
    self.timeoutSeconds = timeoutSeconds
    self.chain = chain
  }
}

/// Elements of a set, disjoint and ascending; addresses as they are in the policy, since there may
/// be a million of them.
enum SetElements: Sendable, Equatable {
  case list([SetElement])
  /// Each until a Unix time; timeouts are counted from `time`, and what has ended by then is out.
  case ipv4(ArraySlice<AddressInterval<UInt32>>, time: Int64)
  case ipv6(ArraySlice<AddressInterval<UInt128>>, time: Int64)

  var count: Int {
    switch self {
    case .list(let list): list.count
    case .ipv4(let intervals, _): intervals.count
    case .ipv6(let intervals, _): intervals.count
    }
  }

  var isEmpty: Bool { count == 0 }
  var first: SetElement? { isEmpty ? nil : self[0] }

  /// The element at a place counted from 0.
  subscript(index: Int) -> SetElement {
    switch self {
    case .list(let list): list[index]
    case .ipv4(let intervals, let time):
      Self.element(intervals[intervals.startIndex + index], at: time)
    case .ipv6(let intervals, let time):
      Self.element(intervals[intervals.startIndex + index], at: time)
    }
  }

  var hasEnds: Bool {
    switch self {
    case .list(let list): list.contains { $0.timeoutSeconds != nil }
    case .ipv4(let intervals, _): intervals.contains { $0.until != nil }
    case .ipv6(let intervals, _): intervals.contains { $0.until != nil }
    }
  }

  var list: [SetElement] { (0..<count).map { self[$0] } }

  /// A hundred years: the kernel's milliseconds must not overflow.
  private static let longestTimeoutSeconds: UInt64 = 36_525 * 86_400

  private static func element<Bits>(
    _ interval: AddressInterval<Bits>, at time: Int64
  ) -> SetElement {
    let timeout = interval.until.map {
      min(UInt64(max(1, $0.subtractingReportingOverflow(time).partialValue)), longestTimeoutSeconds)
    }
    return SetElement(
      first: UInt128(interval.first), last: UInt128(interval.last), timeoutSeconds: timeout)
  }
}
