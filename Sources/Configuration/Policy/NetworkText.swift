import Firewall
import Proxy

/// An address or network as it stands in a policy.
enum NetworkText {
  struct Failure: Error { var text: String }

  static func parse(_ text: String) throws(Failure) -> Network {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let first = parts.first,
      let address = AddressText.address(String(first))
    else { throw Failure(text: "no address or network; allowed: 192.0.2.0/24, 2001:db8::/32") }
    switch address {
    case .ipv4(let bits):
      guard !first.contains(":") else {
        throw Failure(text: "an IPv4 address in IPv6; write \(address)")
      }
      let prefix = try prefix(parts, 32)
      let mask = prefix == 0 ? 0 : UInt32.max << (32 - UInt32(prefix))
      let network = Network.ipv4(bits & mask, prefix: prefix)
      try refuseHostBits(bits & ~mask != 0, .ipv4(bits & mask), prefix)
      return network
    case .ipv6(let bits):
      let prefix = try prefix(parts, 128)
      let mask = prefix == 0 ? 0 : UInt128.max << (128 - UInt128(prefix))
      try refuseHostBits(bits & ~mask != 0, .ipv6(bits & mask), prefix)
      return .ipv6(bits & mask, prefix: prefix)
    }
  }

  private static func prefix(_ parts: [Substring], _ most: UInt8) throws(Failure) -> UInt8 {
    guard parts.count == 2 else { return most }
    guard let number = Quantity.whole(parts[1]), number <= most else {
      throw Failure(text: "a wrong prefix length; allowed: 0 to \(most)")
    }
    return UInt8(number)
  }

  private static func refuseHostBits(_ hasHostBits: Bool, _ base: IPAddress, _ prefix: UInt8)
    throws(Failure)
  {
    if hasHostBits { throw Failure(text: "not the start of its network; write \(base)/\(prefix)") }
  }
}
