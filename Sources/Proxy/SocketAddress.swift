/// An IPv4 or IPv6 address, or the path of a Unix socket, with a port where there is one.
public enum SocketAddress: Sendable, Hashable {
  case ipv4(UInt32, port: UInt16)
  case ipv6(UInt128, port: UInt16)
  case unix(path: String)

  public var port: UInt16 {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: 0
    }
  }
}

extension SocketAddress {
  public init(_ address: IPAddress, port: UInt16) {
    switch address {
    case .ipv4(let bits): self = .ipv4(bits, port: port)
    case .ipv6(let bits): self = .ipv6(bits, port: port)
    }
  }

  /// Nil for a Unix socket.
  public var address: IPAddress? {
    switch self {
    case .ipv4(let bits, _): .ipv4(bits)
    case .ipv6(let bits, _): .ipv6(bits)
    case .unix: nil
    }
  }
}

extension SocketAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ipv4(let bits, let port): "\(IPAddress.ipv4(bits)):\(port)"
    case .ipv6(let bits, let port): "[\(IPAddress.ipv6(bits))]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

/// An address without a port; IPv4-mapped IPv6 is always folded into IPv4 (Go CVE-2024-24790).
public enum IPAddress: Sendable, Hashable {
  case ipv4(UInt32)
  case ipv6(UInt128)
}

extension IPAddress {
  var isIPv4: Bool { if case .ipv4 = self { true } else { false } }

  init(ipv6 bits: UInt128) {
    self = bits >> 32 == 0xffff ? .ipv4(UInt32(truncatingIfNeeded: bits)) : .ipv6(bits)
  }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    switch self {
    case .ipv4(let bits):
      return [24, 16, 8, 0].map { "\(bits >> UInt32($0) & 0xff)" }.joined(separator: ".")
    case .ipv6(let bits):
      let zeros = Self.longestZeros(bits)
      func text(_ range: Range<Int>) -> String {
        range.map { String(Self.group(bits, $0), radix: 16) }.joined(separator: ":")
      }
      guard zeros.count > 1 else { return text(0..<8) }
      return "\(text(0..<zeros.lowerBound))::\(text(zeros.upperBound..<8))"
    }
  }

  /// Of this machine alone.
  public var isLoopback: Bool {
    switch self {
    case .ipv4(let bits): bits >> 24 == 127
    case .ipv6(let bits): bits == 1
    }
  }

  /// As it stands in a URL.
  public var urlText: String {
    switch self {
    case .ipv4: description
    case .ipv6: "[\(description)]"
    }
  }

  /// Writes at most 39 bytes: dotted decimal, or RFC 5952.
  func write(into output: inout OutputSpan<UInt8>) {
    switch self {
    case .ipv4(let bits):
      var shift: UInt32 = 32
      while shift > 0 {
        shift -= 8
        output.put(decimal: UInt8(truncatingIfNeeded: bits >> shift))
        if shift > 0 { output.append(UInt8(ascii: ".")) }
      }
    case .ipv6(let bits): Self.writeIPv6(bits, into: &output)
    }
  }

  private static func writeIPv6(_ bits: UInt128, into output: inout OutputSpan<UInt8>) {
    let zeros = longestZeros(bits)
    var index = 0
    while index < 8 {
      if index == zeros.lowerBound, zeros.count > 1 {
        output.put("::")
        index = zeros.upperBound
        continue
      }
      if index > 0, index != zeros.upperBound || zeros.count < 2 {
        output.append(UInt8(ascii: ":"))
      }
      writeHex(group(bits, index), into: &output)
      index += 1
    }
  }

  private static func group(_ bits: UInt128, _ index: Int) -> UInt16 {
    UInt16(truncatingIfNeeded: bits >> UInt128((7 - index) * 16))
  }

  /// The longest run of zero groups, the first of several (RFC 5952, section 4.2).
  private static func longestZeros(_ bits: UInt128) -> Range<Int> {
    var best = 0..<0
    var start = 0
    for index in 0..<8 {
      guard group(bits, index) == 0 else {
        start = index + 1
        continue
      }
      if index + 1 - start > best.count { best = start..<index + 1 }
    }
    return best
  }

  private static func writeHex(_ number: UInt16, into output: inout OutputSpan<UInt8>) {
    var shift = max(0, (15 - number.leadingZeroBitCount) / 4 * 4)
    while shift >= 0 {
      let digit = UInt8(number >> UInt16(shift) & 0xf)
      output.append(digit < 10 ? digit + 0x30 : digit - 10 + 0x61)
      shift -= 4
    }
  }
}
