/// Makes packets of a server's bytes as they come: three bytes of length, one of sequence, the body.
struct PacketAssembler {
  struct Packet: Equatable {
    var sequence: UInt8
    var body: ArraySlice<UInt8>
  }

  enum Outcome: Equatable {
    case packet(Packet)
    case needsMore
    /// Longer than anything we ask for.
    case tooLong(Int)
  }

  static let bodyLimit = 1 << 20
  static let headerSize = 4

  private var buffer: [UInt8] = []

  var isEmpty: Bool { buffer.isEmpty }

  mutating func append(_ bytes: some Sequence<UInt8>) { buffer += bytes }

  mutating func next() -> Outcome {
    var reader = ByteReader(buffer[...])
    guard let length = reader.number(byteCount: 3), let sequence = reader.byte() else {
      return .needsMore
    }
    guard length <= Self.bodyLimit else { return .tooLong(Int(length)) }
    guard let body = reader.bytes(Int(length)) else { return .needsMore }
    // A copy of its own: the buffer goes on without it.
    let packet = Packet(sequence: sequence, body: Array(body)[...])
    buffer.removeFirst(Self.headerSize + body.count)
    return .packet(packet)
  }

  /// A packet as it is sent; nil where the body is too long for one.
  static func frame(_ body: [UInt8], sequence: UInt8) -> [UInt8]? {
    guard body.count <= bodyLimit else { return nil }
    let header = [0, 8, 16].map { UInt8(truncatingIfNeeded: body.count >> $0) }
    return header + [sequence] + body
  }
}
