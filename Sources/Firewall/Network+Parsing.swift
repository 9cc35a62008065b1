internal import Glibc

/// Why a text is no network: what was found, what is allowed, what to type.
public struct NetworkError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
}

extension Network {
  /// `198.51.100.0/24`, `198.51.100.7`, `2001:db8::/32`: with no bit set behind the prefix.
  public init(parsing text: String) throws(NetworkError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = Address(parsing: String(parts[0])) else {
      throw NetworkError(
        description:
          "\"\(text)\" is no address or network; allowed: 198.51.100.7, 198.51.100.0/24, \"2001:db8::/32\""
      )
    }
    let width: UInt8 = if case .ipv4 = address { 32 } else { 128 }
    var prefix = width
    if parts.count == 2 {
      guard let number = UInt8(parts[1]), number <= width, "\(number)" == parts[1] else {
        throw NetworkError(
          description: "\"\(text)\" has no prefix length after the /; allowed: 0...\(width)")
      }
      prefix = number
    }
    switch address {
    case .ipv4(let bits): self = .ipv4(bits, prefix: prefix)
    case .ipv6(let bits):
      guard bits >> 32 != 0xffff else {
        let plain = Network.ipv4(UInt32(truncatingIfNeeded: bits), prefix: 32)
        throw NetworkError(
          description: "\"\(text)\" is an IPv4 address written as IPv6; write \(plain)")
      }
      self = .ipv6(bits, prefix: prefix)
    }
    guard self == masked else {
      throw NetworkError(
        description:
          "\"\(text)\" has bits set behind its prefix; write \(masked) for the network, or \(parts[0]) for the one address"
      )
    }
  }

  public var prefix: UInt8 {
    switch self {
    case .ipv4(_, let prefix), .ipv6(_, let prefix): prefix
    }
  }

  /// With the bits behind the prefix cleared.
  public var masked: Network {
    switch self {
    case .ipv4(let bits, let prefix):
      .ipv4(prefix == 0 ? 0 : bits & (UInt32.max << UInt32(32 - prefix)), prefix: prefix)
    case .ipv6(let bits, let prefix):
      .ipv6(prefix == 0 ? 0 : bits & (UInt128.max << UInt128(128 - prefix)), prefix: prefix)
    }
  }
}

extension Address {
  /// The network of so many bits that it lies in.
  public func network(prefix: UInt8) -> Network {
    switch self {
    case .ipv4(let bits): Network.ipv4(bits, prefix: min(prefix, 32)).masked
    case .ipv6(let bits): Network.ipv6(bits, prefix: min(prefix, 128)).masked
    }
  }
}

extension Network: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ipv4(let bits, let prefix): "\(Address.ipv4(bits))\(prefix == 32 ? "" : "/\(prefix)")"
    case .ipv6(let bits, let prefix): "\(Address.ipv6(bits))\(prefix == 128 ? "" : "/\(prefix)")"
    }
  }
}

extension Address: CustomStringConvertible {
  /// As `inet_pton` reads it: no leading zeros, no short forms, no zone.
  public init?(parsing text: String) {
    guard text.utf8.count <= 45, text.utf8.allSatisfy({ $0 != 0 }) else { return nil }
    var four = in_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      // glibc takes no leading zeros either; other systems read them as octal.
      let octets = text.split(separator: ".")
      guard octets.allSatisfy({ $0 == "0" || !$0.hasPrefix("0") }) else { return nil }
      self = .ipv4(UInt32(bigEndian: four.s_addr))
      return
    }
    var six = in6_addr()
    guard unsafe inet_pton(AF_INET6, text, &six) == 1 else { return nil }
    let bits = unsafe withUnsafeBytes(of: &six) { unsafe $0.loadUnaligned(as: UInt128.self) }
    self = .ipv6(UInt128(bigEndian: bits))
  }

  /// Dotted decimal, or RFC 5952.
  public var description: String {
    switch self {
    case .ipv4(let bits):
      return [24, 16, 8, 0].map { "\(bits >> UInt32($0) & 0xff)" }.joined(separator: ".")
    case .ipv6(let bits):
      var address = in6_addr()
      unsafe withUnsafeMutableBytes(of: &address) {
        unsafe $0.storeBytes(of: bits.bigEndian, as: UInt128.self)
      }
      var text = [CChar](repeating: 0, count: 46)
      guard unsafe inet_ntop(AF_INET6, &address, &text, 46) != nil else { return "::" }
      return String(
        decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
