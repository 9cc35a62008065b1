/// A set as lines `FIRST-LAST`: how lists were kept before `AddressSet+Kept`, and may still be on disk.
extension AddressSet {
  /// Nil where a line is none of these.
  public init?(lines: [UInt8]) {
    var ipv4: [AddressInterval<UInt32>] = []
    var ipv6: [AddressInterval<UInt128>] = []
    ipv4.reserveCapacity(lines.count / 28)
    var start = 0
    while start < lines.count {
      let end = lines[start...].firstIndex(of: UInt8(ascii: "\n")) ?? lines.count
      let line = lines[start..<end]
      start = end + 1
      guard let dash = line.firstIndex(of: UInt8(ascii: "-")) else { return nil }
      let halves = (line[..<dash], line[(dash + 1)...])
      if let first = Self.dotted(halves.0), let last = Self.dotted(halves.1), first <= last {
        ipv4.append(AddressInterval(first: first, last: last))
      } else if case .ipv6(let first) = Address(parsing: String(decoding: halves.0, as: UTF8.self)),
        case .ipv6(let last) = Address(parsing: String(decoding: halves.1, as: UTF8.self)),
        first <= last
      {
        ipv6.append(AddressInterval(first: first, last: last))
      } else {
        return nil
      }
    }
    self.init(ipv4: ipv4, ipv6: ipv6)
  }

  private static func dotted(_ text: ArraySlice<UInt8>) -> UInt32? {
    var bits: UInt32 = 0
    var octet: UInt32 = 0
    var digits = 0
    var dots = 0
    for byte in text {
      if byte == UInt8(ascii: ".") {
        guard digits > 0 else { return nil }
        bits = bits << 8 | octet
        octet = 0
        digits = 0
        dots += 1
      } else {
        guard (0x30...0x39).contains(byte), digits < 3 else { return nil }
        octet = octet * 10 + UInt32(byte - 0x30)
        digits += 1
        guard octet < 256 else { return nil }
      }
    }
    return dots == 3 && digits > 0 ? bits << 8 | octet : nil
  }
}
