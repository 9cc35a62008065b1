import Foundation
import Proxy

/// Addresses with ports as they stand in files.
enum AddressText {
  /// What `host:port` may say.
  enum Host: Equatable {
    case address(IPAddress)
    case name(String)
    /// Nothing before the colon.
    case all
  }

  static func parse(_ text: String) -> (host: Host, port: UInt16)? {
    guard let colon = text.lastIndex(of: ":"), let port = port(text[text.index(after: colon)...])
    else { return nil }
    let host = text[..<colon]
    if host.isEmpty { return (.all, port) }
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let address = address(String(host.dropFirst().dropLast())), host.contains(":")
      else { return nil }
      return (.address(address), port)
    }
    if let address = ipv4(String(host)) { return (.address(address), port) }
    guard let name = HostName.checked(String(host)) else { return nil }
    return (.name(name), port)
  }

  static func port(_ text: Substring) -> UInt16? {
    guard let number = Quantity.whole(text), (1...65535).contains(number) else { return nil }
    return UInt16(number)
  }

  static func address(_ text: String) -> IPAddress? { ipv4(text) ?? ipv6(text) }

  private static func ipv4(_ text: String) -> IPAddress? {
    var bits = in_addr()
    // inet_pton stops at a NUL, which would let `1.2.3.4\0x` through.
    guard !text.utf8.contains(0), unsafe inet_pton(AF_INET, text, &bits) == 1 else { return nil }
    return .ipv4(UInt32(bigEndian: bits.s_addr))
  }

  private static func ipv6(_ text: String) -> IPAddress? {
    var bits = in6_addr()
    guard !text.utf8.contains(0), unsafe inet_pton(AF_INET6, text, &bits) == 1 else { return nil }
    return ipv6(unsafe withUnsafeBytes(of: &bits) { unsafe [UInt8]($0) })
  }

  /// An IPv4-mapped address is that IPv4 address.
  private static func ipv6(_ bytes: [UInt8]) -> IPAddress {
    let number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    if number >> 32 == 0xffff { return .ipv4(UInt32(truncatingIfNeeded: number)) }
    return .ipv6(number)
  }
}

/// Names of hosts: lower case, without a dot at the end.
enum HostName {
  /// Nil unless 1 to 253 of letters, digits, `-` and `_` in labels of 1 to 63.
  static func checked(_ text: String) -> String? {
    guard (1...253).contains(text.utf8.count) else { return nil }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    // A last label of digits only would be an address that is none, such as 10.0.0.256.
    guard labels.allSatisfy(isLabel), labels.last?.contains(where: \.isLetter) == true
    else { return nil }
    return text.lowercased()
  }

  private static func isLabel(_ label: Substring) -> Bool {
    (1...63).contains(label.utf8.count) && String(label).isName && label.first != "-"
      && label.last != "-"
  }
}
