import CNftables

/// One message of the kernel: its header, and its payload yet to be read.
struct NetlinkMessage {
  var type: UInt16
  var flags: UInt16
  var sequence: UInt32
  /// After the netlink header.
  var payload: ArraySlice<UInt8>

  static let headerByteCount = 16
  /// Of nfnetlink: family, version, resource.
  static let familyByteCount = 4

  var family: UInt8? { payload.first }
  var attributes: NetlinkAttributes {
    NetlinkAttributes(bytes: payload.dropFirst(Self.familyByteCount))
  }

  var isDone: Bool { type == UInt16(NLMSG_DONE) }

  /// The message of nf_tables alone, without the subsystem's number.
  var tablesType: UInt16? {
    type >> 8 == UInt16(NFNL_SUBSYS_NFTABLES) ? type & 0xff : nil
  }

  /// Of an NLMSG_ERROR or the end of a dump: zero is an acknowledgement, else the errno.
  var errorNumber: Int32? {
    guard type == UInt16(NLMSG_ERROR) || isDone, payload.count >= 4 else { return nil }
    return 0 &- Int32(bitPattern: payload.hostInteger(byteCount: 4))
  }

  /// Every message of a datagram; one that was cut off ends short.
  static func all(in datagram: ArraySlice<UInt8>) -> [NetlinkMessage] {
    var messages: [NetlinkMessage] = []
    var rest = datagram
    while rest.count >= headerByteCount {
      let byteCount = Int(rest.hostInteger(byteCount: 4))
      guard byteCount >= headerByteCount else { break }
      let message = rest.prefix(byteCount)
      messages.append(
        NetlinkMessage(
          type: UInt16(message.dropFirst(4).hostInteger(byteCount: 2)),
          flags: UInt16(message.dropFirst(6).hostInteger(byteCount: 2)),
          sequence: message.dropFirst(8).hostInteger(byteCount: 4),
          payload: message.dropFirst(headerByteCount)))
      rest = rest.dropFirst(byteCount.alignedUp)
    }
    return messages
  }
}

/// A run of type-length-value attributes; what does not fit its frame ends the run.
struct NetlinkAttributes: Sequence, IteratorProtocol {
  fileprivate var bytes: ArraySlice<UInt8>

  init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  mutating func next() -> (type: UInt16, body: ArraySlice<UInt8>)? {
    guard bytes.count >= 4 else { return nil }
    let byteCount = Int(bytes.hostInteger(byteCount: 2))
    guard byteCount >= 4, byteCount <= bytes.count else { return nil }
    let type = UInt16(bytes.dropFirst(2).hostInteger(byteCount: 2)) & 0x3fff
    let body = bytes.prefix(byteCount).dropFirst(4)
    bytes = bytes.dropFirst(byteCount.alignedUp)
    return (type, body)
  }

  /// The body of the first attribute of this type.
  func first(_ type: UInt32) -> ArraySlice<UInt8>? {
    for attribute in self where attribute.type == type { return attribute.body }
    return nil
  }

  func nested(_ type: UInt32) -> NetlinkAttributes? { first(type).map(NetlinkAttributes.init) }

  func string(_ type: UInt32) -> String? {
    first(type).map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  func integer(_ type: UInt32) -> UInt64? {
    first(type).flatMap { UInt64(exactly: $0.networkInteger) }
  }
}

extension ArraySlice<UInt8> {
  /// Up to four bytes in the machine's order; missing ones count as zero.
  func hostInteger(byteCount: Int) -> UInt32 {
    var value: UInt32 = 0
    for index in 0..<Swift.min(byteCount, count) {
      let place = 1.bigEndian == 1 ? byteCount - 1 - index : index
      value |= UInt32(self[startIndex + index]) << UInt32(8 * place)
    }
    return value
  }

  /// Up to sixteen bytes in the order of the network.
  var networkInteger: UInt128 {
    var value: UInt128 = 0
    for index in indices.prefix(16) { value = value << 8 | UInt128(self[index]) }
    return value
  }
}

extension Int {
  /// Netlink pads everything to four bytes.
  var alignedUp: Int { (self + 3) & ~3 }
}

// MARK: Writing

extension [UInt8] {
  /// A netlink and an nfnetlink header; `closeMessage` fills in the length.
  mutating func openMessage(
    type: UInt16, flags: Int32, sequence: UInt32, family: UInt8, resource: UInt16 = 0
  ) -> Int {
    let start = openMessage(type: type, flags: flags, sequence: sequence)
    append(family)
    append(UInt8(NFNETLINK_V0))
    append(resource, byteCount: 2, order: .network)
    return start
  }

  /// A netlink header alone.
  mutating func openMessage(type: UInt16, flags: Int32, sequence: UInt32) -> Int {
    let start = count
    append(0, byteCount: 4, order: .host)
    append(type, byteCount: 2, order: .host)
    append(flags, byteCount: 2, order: .host)
    append(sequence, byteCount: 4, order: .host)
    append(0, byteCount: 4, order: .host)
    return start
  }

  mutating func closeMessage(_ start: Int) {
    setHost(UInt32(count - start), byteCount: 4, at: start)
  }

  mutating func appendAttribute(_ type: UInt32, _ body: some Collection<UInt8>) {
    append(UInt16(body.count + 4), byteCount: 2, order: .host)
    append(type, byteCount: 2, order: .host)
    append(contentsOf: body)
    while count % 4 != 0 { append(0) }
  }

  mutating func appendAttribute(_ type: UInt32, text: String) {
    appendAttribute(type, Array(text.utf8) + [0])
  }

  mutating func appendAttribute(_ type: UInt32, number: UInt32) {
    append(8, byteCount: 2, order: .host)
    append(type, byteCount: 2, order: .host)
    append(number, byteCount: 4, order: .network)
  }

  mutating func appendNested(_ type: UInt32, _ body: (inout [UInt8]) -> Void) {
    let start = count
    append(0, byteCount: 2, order: .host)
    append(type | UInt32(NLA_F_NESTED), byteCount: 2, order: .host)
    body(&self)
    setHost(UInt32(count - start), byteCount: 2, at: start)
  }

  mutating func setHost(_ value: UInt32, byteCount: Int, at offset: Int) {
    for index in 0..<byteCount {
      let shift = 8 * (1.bigEndian == 1 ? byteCount - 1 - index : index)
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(shift))
    }
  }
}
