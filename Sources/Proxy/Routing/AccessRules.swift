/// Who may connect to one listener port: disjoint sorted intervals of source addresses; all others
/// are refused.
public struct AccessRules: Sendable, Equatable {
  /// An inclusive interval, until a Unix time in seconds where it ends by itself.
  public struct Interval<Bits: FixedWidthInteger & Sendable>: Sendable, Equatable {
    public var first: Bits
    public var last: Bits
    public var until: Int64?

    public init(first: Bits, last: Bits, until: Int64? = nil) {
      self.first = first
      self.last = last
      self.until = until
    }
  }
  public var ipv4: [Interval<UInt32>]
  public var ipv6: [Interval<UInt128>]

  public init(ipv4: [Interval<UInt32>], ipv6: [Interval<UInt128>]) {
    self.ipv4 = ipv4
    self.ipv6 = ipv6
  }
}

extension AccessRules {
  /// Whether a connection from `address` may go on; time in seconds since 1970.
  public func allows(_ address: IPAddress, at time: Int64) -> Bool {
    switch address {
    case .ipv4(let bits): Self.covers(bits, ipv4, time)
    case .ipv6(let bits): Self.covers(bits, ipv6, time)
    }
  }

  private static func covers<Bits>(_ bits: Bits, _ list: [Interval<Bits>], _ time: Int64) -> Bool {
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle].last < bits { low = middle + 1 } else { high = middle }
    }
    guard low < list.count, list[low].first <= bits else { return false }
    return list[low].until.map { $0 > time } ?? true
  }
}
