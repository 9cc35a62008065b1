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
