internal import Glibc

/// The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): what a balancer in front
/// says of the client before the first byte of the client's own.
enum ProxyProtocol {
  enum Outcome: Equatable {
    case needsMore
    case malformed
    /// The balancer speaks for itself, as its health checks do.
    case local(byteCount: Int)
    case client(IPAddress, port: UInt16, byteCount: Int)
  }

  /// Of a whole header; addresses need 52 bytes, the rest is for fields that we skip.
  static let byteLimit = 1024

  static func parse(_ bytes: Span<UInt8>) -> Outcome {
    guard let first = bytes.count > 0 ? bytes[0] : nil else { return .needsMore }
    switch first {
    case 0x0d: return parseBinary(bytes)
    case UInt8(ascii: "P"): return parseText(bytes)
    default: return .malformed
    }
  }

  /// Whether this is the beginning of a header, whatever comes of it; nil while it may be one.
  static func begins(_ bytes: Span<UInt8>) -> Bool? {
    let opening = bytes.count > 0 && bytes[0] == UInt8(ascii: "P") ? textOpening : signature
    for index in 0..<min(bytes.count, opening.count) where bytes[index] != opening[index] {
      return false
    }
    return bytes.count < opening.count ? nil : true
  }

  private static let textOpening = Array("PROXY ".utf8)

  enum Version: Sendable { case text, binary }

  /// The longest of both forms, for buffers.
  static let writtenLimit = 107

  /// What we tell a server of a client; `target` is where the client connected to.
  static func write(
    _ version: Version, client: IPAddress, _ port: UInt16, target: IPAddress, _ targetPort: UInt16,
    into output: inout OutputSpan<UInt8>
  ) {
    // Both addresses must be of one family; a client that came over the other has none to name.
    let target = target.isIPv4 == client.isIPv4 ? target : client
    switch version {
    case .text:
      output.put(client.isIPv4 ? "PROXY TCP4 " : "PROXY TCP6 ")
      client.write(into: &output)
      output.put(" ")
      target.write(into: &output)
      output.put(" ")
      output.put(decimal: port)
      output.put(" ")
      output.put(decimal: targetPort)
      output.put("\r\n")
    case .binary:
      output.put(signature.span)
      output.append(0x21)
      output.append(client.isIPv4 ? 0x11 : 0x21)
      output.append(0)
      output.append(client.isIPv4 ? 12 : 36)
      put(client, into: &output)
      put(target, into: &output)
      put(port, into: &output)
      put(targetPort, into: &output)
    }
  }

  private static func put(_ address: IPAddress, into output: inout OutputSpan<UInt8>) {
    switch address {
    case .ipv4(let bits): put(bits, into: &output)
    case .ipv6(let bits): put(bits, into: &output)
    }
  }

  private static func put<Number: FixedWidthInteger>(
    _ number: Number, into output: inout OutputSpan<UInt8>
  ) {
    var shift = Number.bitWidth
    while shift > 0 {
      shift -= 8
      output.append(UInt8(truncatingIfNeeded: number >> Number(shift)))
    }
  }

  private static let signature: [UInt8] = [
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
  ]

  private static func parseBinary(_ bytes: Span<UInt8>) -> Outcome {
    for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] {
      return .malformed
    }
    guard bytes.count >= 16 else { return .needsMore }
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    guard bytes[12] >> 4 == 2, 16 + length <= byteLimit else { return .malformed }
    guard bytes.count >= 16 + length else { return .needsMore }
    switch (bytes[12] & 0xf, bytes[13]) {
    case (0, _), (1, 0x00): return .local(byteCount: 16 + length)
    // A client on a Unix socket has no address.
    case (1, 0x31) where length >= 216: return .local(byteCount: 16 + length)
    case (1, 0x11) where length >= 12:
      return .client(
        .ipv4(number(bytes, 16)), port: number(bytes, 24), byteCount: 16 + length)
    case (1, 0x21) where length >= 36:
      return .client(
        IPAddress(ipv6: number(bytes, 16)), port: number(bytes, 48), byteCount: 16 + length)
    default: return .malformed
    }
  }

  private static func number<Number: FixedWidthInteger>(
    _ bytes: Span<UInt8>, _ start: Int
  ) -> Number {
    var number: Number = 0
    for index in start..<start + Number.bitWidth / 8 { number = number << 8 | Number(bytes[index]) }
    return number
  }

  /// A line of at most 107 bytes.
  private static func parseText(_ bytes: Span<UInt8>) -> Outcome {
    var end = 0
    while end < min(bytes.count, 107), bytes[end] != 0x0a { end += 1 }
    guard end < min(bytes.count, 107), bytes[end] == 0x0a else {
      return end >= 107 ? .malformed : .needsMore
    }
    guard end > 0, bytes[end - 1] == 0x0d else { return .malformed }
    let line = String(copying: bytes.extracting(0..<end - 1))
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count >= 2, words[0] == "PROXY" else { return .malformed }
    guard words[1] != "UNKNOWN" else { return .local(byteCount: end + 1) }
    guard words.count == 6, let port = decimal(words[4]), decimal(words[5]) != nil,
      let source = address(words[2], family: words[1]), address(words[3], family: words[1]) != nil
    else { return .malformed }
    return .client(source, port: port, byteCount: end + 1)
  }

  private static func decimal(_ text: Substring) -> UInt16? {
    guard let number = UInt16(text), "\(number)" == text else { return nil }
    return number
  }

  private static func address(_ text: Substring, family: Substring) -> IPAddress? {
    switch family {
    case "TCP4":
      var bits: UInt32 = 0
      guard unsafe inet_pton(AF_INET, String(text), &bits) == 1 else { return nil }
      return .ipv4(UInt32(bigEndian: bits))
    case "TCP6":
      var bits: UInt128 = 0
      guard unsafe inet_pton(AF_INET6, String(text), &bits) == 1 else { return nil }
      return IPAddress(ipv6: UInt128(bigEndian: bits))
    default: return nil
    }
  }
}
