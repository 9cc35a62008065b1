/// Sets as a person reads them.
extension AddressSet {
  /// As few networks as cover it exactly, IPv4 first.
  public var networks: [Network] {
    ipv4.flatMap { Network.covering(UInt128($0.first), UInt128($0.last), width: 32) }
      + ipv6.flatMap { Network.covering($0.first, $0.last, width: 128) }
  }

  /// `256 addresses`, or `2^80 addresses` where nobody counts.
  public var sizeText: String {
    let sizes = ipv4.map { UInt128($0.last - $0.first) } + ipv6.map { $0.last - $0.first }
    var sum: UInt128 = 0
    for size in sizes {
      let (next, overflow) = sum.addingReportingOverflow(size)
      let (whole, more) = next.addingReportingOverflow(1)
      guard !overflow, !more else { return "all addresses" }
      sum = whole
    }
    if sum == 1 { return "1 address" }
    guard sum >= 1 << 40 else { return "\(sum) addresses" }
    return
      "2^\(127 - sum.leadingZeroBitCount) addresses\(sum.nonzeroBitCount > 1 ? " and more" : "")"
  }

  /// As networks, but not a page of them.
  public var text: String {
    if isEmpty { return "nobody" }
    let rest = AddressSet.any.subtracting(self)
    if rest.isEmpty { return "everybody" }
    let all = networks
    // More easily said by who is not in it.
    if all.count > 8, rest.networks.count < all.count / 2 { return "everybody but \(rest.text)" }
    let shown = all.prefix(8).map(\.description).joined(separator: ", ")
    return shown + (all.count > 8 ? " and \(all.count - 8) more networks" : "")
  }

  /// With every IPv6 network of this length whole of which it holds a part.
  func widened(toIPv6 prefix: Int) -> AddressSet {
    let host = UInt128.max >> UInt128(prefix)
    var set = self
    set.ipv6 = Intervals.normalise(
      ipv6.map { AddressInterval(first: $0.first & ~host, last: $0.last | host, until: $0.until) })
    return set
  }

  /// Addresses of both, with the ends of this set.
  public func intersection(_ other: AddressSet) -> AddressSet {
    subtracting(subtracting(other))
  }
}

extension Network {
  /// The networks that together are an interval.
  static func covering(_ from: UInt128, _ last: UInt128, width: Int) -> [Network] {
    var networks: [Network] = []
    var first = from
    while true {
      var size = first == 0 ? width : min(width, first.trailingZeroBitCount)
      while size > 0, first + ones(size) > last || first + ones(size) < first { size -= 1 }
      let prefix = UInt8(width - size)
      networks.append(
        width == 32
          ? .ipv4(UInt32(truncatingIfNeeded: first), prefix: prefix) : .ipv6(first, prefix: prefix))
      guard first + ones(size) < last else { return networks }
      first += ones(size) + 1
    }
  }

  private static func ones(_ count: Int) -> UInt128 {
    count == 0 ? 0 : UInt128.max >> UInt128(128 - count)
  }
}
