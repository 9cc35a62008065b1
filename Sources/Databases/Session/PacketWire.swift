/// Packets to and from a server, in order.
struct PacketWire: ~Copyable {
  private let socket: DatabaseSocket
  private var assembler = PacketAssembler()
  private var sequence: UInt8 = 0

  init(to address: DatabaseAddress, by deadline: Deadline) throws(DatabaseError) {
    socket = try DatabaseSocket(to: address, by: deadline)
  }

  /// A command begins a new count of packets.
  mutating func beginCommand() { sequence = 0 }

  mutating func send(
    _ body: [UInt8], _ step: DatabaseError.Step, by deadline: Deadline
  ) throws(DatabaseError) {
    guard let bytes = PacketAssembler.frame(body, sequence: sequence) else {
      throw DatabaseError(step, .unsupported("a statement of \(body.count) bytes is too long"))
    }
    sequence &+= 1
    try socket.send(bytes, step, by: deadline)
  }

  mutating func receive(
    _ step: DatabaseError.Step, by deadline: Deadline
  ) throws(DatabaseError) -> ArraySlice<UInt8> {
    while true {
      switch assembler.next() {
      case .packet(let packet):
        guard packet.sequence == sequence else {
          throw DatabaseError(step, .broken("a packet out of its order"))
        }
        sequence &+= 1
        return packet.body
      case .tooLong(let count):
        throw DatabaseError(step, .broken("a packet of \(count) bytes"))
      case .needsMore:
        // Many small pieces that never make a packet end with the deadline, too.
        guard !deadline.isPassed else { throw DatabaseError(step, .silence) }
        assembler.append(try socket.receive(step, by: deadline))
      }
    }
  }
}
