internal import Firewall

extension AddressSet {
  /// What of it lies nearest to an address; nil where it holds none of the address's family.
  func nearest(to address: Address) -> Network? {
    switch address {
    case .ipv4(let bits):
      guard let interval = Self.nearest(to: bits, ipv4) else { return nil }
      let networks = AddressSet(ipv4: [interval], ipv6: []).networks
      return interval.last < bits ? networks.last : networks.first
    case .ipv6(let bits):
      guard let interval = Self.nearest(to: bits, ipv6) else { return nil }
      let networks = AddressSet(ipv4: [], ipv6: [interval]).networks
      return interval.last < bits ? networks.last : networks.first
    }
  }

  private static func nearest<Bits>(
    to bits: Bits, _ list: [AddressInterval<Bits>]
  ) -> AddressInterval<Bits>? {
    list.min { distance(bits, $0) < distance(bits, $1) }
  }

  private static func distance<Bits>(_ bits: Bits, _ interval: AddressInterval<Bits>) -> Bits {
    if interval.last < bits { return bits - interval.last }
    return bits < interval.first ? interval.first - bits : 0
  }
}
