/// A packet as bytes for the kernel, with its number at the end of its payload.
struct PacketBytes {
  let packet: Packet
  let number: UInt32
  /// In two pieces, as a sender with a small MTU would send it.
  let isFragmented: Bool

  static let ipv4Destination: UInt32 = 0x0aff_ff01
  static let ipv6Destination: UInt128 = 0xfd00_0000_0000_0000_00ff_ffff_0000_0001

  /// What is sent, one piece after the other.
  var pieces: [[UInt8]] {
    switch packet.source {
    case .ipv4(let source): ipv4(source)
    case .ipv6(let source): ipv6(source)
    }
  }

  // MARK: The network layer

  private func ipv4(_ source: UInt32) -> [[UInt8]] {
    var pseudo: [UInt8] = []
    pseudo.append(source, byteCount: 4, order: .network)
    pseudo.append(Self.ipv4Destination, byteCount: 4, order: .network)
    let body = content(pseudo)
    return split(body).map { offset, piece, isLast in
      var header: [UInt8] = [0x45, 0]
      header.append(20 + piece.count, byteCount: 2, order: .network)
      header.append(number, byteCount: 2, order: .network)
      let flags = isLast ? offset / 8 : 0x2000 | offset / 8
      header.append(flags, byteCount: 2, order: .network)
      header += [packet.hopLimit, protocolNumber, 0, 0]
      header += pseudo
      let sum = Self.checksum(header)
      header[10] = UInt8(sum >> 8)
      header[11] = UInt8(sum & 0xff)
      return header + piece
    }
  }

  private func ipv6(_ source: UInt128) -> [[UInt8]] {
    var addresses: [UInt8] = []
    addresses.append(source, byteCount: 16, order: .network)
    addresses.append(Self.ipv6Destination, byteCount: 16, order: .network)
    let body = content(addresses)
    return split(body).map { offset, piece, isLast in
      var rest: [UInt8] = []
      if isFragmented {
        rest = [protocolNumber, 0]
        rest.append(offset | (isLast ? 0 : 1), byteCount: 2, order: .network)
        rest.append(number, byteCount: 4, order: .network)
      }
      rest += piece
      var header: [UInt8] = [0x60, 0, 0, 0]
      header.append(rest.count, byteCount: 2, order: .network)
      header += [isFragmented ? 44 : protocolNumber, packet.hopLimit]
      return header + addresses + rest
    }
  }

  private func split(_ body: [UInt8]) -> [(offset: Int, piece: [UInt8], isLast: Bool)] {
    guard isFragmented else { return [(0, body, true)] }
    let cut = body.count / 16 * 8
    return [(0, Array(body[..<cut]), false), (cut, Array(body[cut...]), true)]
  }

  // MARK: The transport layer

  private var protocolNumber: UInt8 {
    switch packet.content {
    case .tcp: 6
    case .udp: 17
    case .icmp: 1
    case .icmpv6: 58
    case .other(let number): number
    }
  }

  /// Each is a connection of its own: its source port tells it from the others.
  private var sourcePort: UInt16 { 1024 + UInt16(number % 60_000) }

  private func content(_ addresses: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    let payload = payload
    switch packet.content {
    case .tcp(let port):
      bytes.append(sourcePort, byteCount: 2, order: .network)
      bytes.append(port, byteCount: 2, order: .network)
      bytes.append(number, byteCount: 4, order: .network)
      // SYN; a window of 65,535.
      bytes += [0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]
      return summed(bytes + payload, addresses, at: 16)
    case .udp(let port, let from):
      bytes.append(from ?? sourcePort, byteCount: 2, order: .network)
      bytes.append(port, byteCount: 2, order: .network)
      bytes.append(8 + payload.count, byteCount: 2, order: .network)
      bytes += [0, 0]
      return summed(bytes + payload, addresses, at: 6)
    case .icmp(let type):
      bytes = [type, 0, 0, 0]
      bytes.append(number, byteCount: 4, order: .network)
      return summed(bytes + payload, nil, at: 2)
    case .icmpv6(let type):
      bytes = [type, 0, 0, 0]
      bytes.append(number, byteCount: 4, order: .network)
      return summed(bytes + payload, addresses, at: 2)
    case .other: return payload
    }
  }

  private var payload: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: isFragmented ? 1200 : 28)
    bytes.append(number, byteCount: 4, order: .network)
    return bytes
  }

  private func summed(_ body: [UInt8], _ addresses: [UInt8]?, at offset: Int) -> [UInt8] {
    var pseudo = addresses ?? []
    if addresses != nil {
      pseudo.append(body.count, byteCount: 4, order: .network)
      pseudo += [0, 0, 0, protocolNumber]
    }
    let sum = Self.checksum(pseudo + body)
    var body = body
    body[offset] = UInt8(sum >> 8)
    body[offset + 1] = UInt8(sum & 0xff)
    return body
  }

  /// RFC 1071.
  private static func checksum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = (sum & 0xffff) + sum >> 16 }
    return ~UInt16(sum)
  }
}
