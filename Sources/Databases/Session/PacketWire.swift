/// Packets to and from a server, in order; over TLS once it is secured.
struct PacketWire: ~Copyable {
  private let socket: DatabaseSocket
  private var assembler = PacketAssembler()
  private var sequence: UInt8 = 0
  private var secure: SecureStream?
  private let isLocal: Bool

  init(to address: DatabaseAddress, by deadline: Deadline) throws(DatabaseError) {
    socket = try DatabaseSocket(to: address, by: deadline)
    isLocal = address.isLocal
  }

  var isOverTLS: Bool { secure != nil }

  /// Nobody can listen, and whom we speak to is known: a password may be sent as it is.
  var isPrivate: Bool { isLocal || secure?.isVerified ?? false }

  /// From here on everything is within TLS.
  mutating func secure(
    by tls: DatabaseTLS, _ address: DatabaseAddress, by deadline: Deadline
  ) throws(DatabaseError) {
    // What came before would count as said within.
    guard assembler.isEmpty else {
      throw DatabaseError(.tls, .broken("more than a greeting before TLS began"))
    }
    secure = try SecureStream(tls, address, through: socket, by: deadline)
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
    if let secure {
      try secure.send(bytes, step, through: socket, by: deadline)
    } else {
      try socket.send(bytes, step, by: deadline)
    }
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
        assembler.append(try bytes(step, by: deadline))
      }
    }
  }

  private func bytes(
    _ step: DatabaseError.Step, by deadline: Deadline
  ) throws(DatabaseError) -> [UInt8] {
    if let secure { return try secure.receive(step, through: socket, by: deadline) }
    return try socket.receive(step, by: deadline)
  }
}
