internal import Glibc

/// A name server that is asked over UDP, and over TCP what does not fit a packet.
public struct DNSPeer: Equatable, Sendable {
  /// 4 or 16 bytes.
  public let address: [UInt8]
  public let port: UInt16

  public init(_ address: [UInt8], port: UInt16 = 53) {
    self.address = address
    self.port = port
  }

  /// The answer; nil where there is none in time, or none that can be read.
  public func ask(
    _ name: String, _ kind: DNSMessage.Kind, wantsRecursion: Bool, within limit: Duration
  ) -> DNSMessage? {
    let question = Question(name, kind, wantsRecursion)
    guard let question else { return nil }
    let end = ContinuousClock.now + limit
    guard let answer = overUDP(question, until: end) else { return nil }
    return answer.isTruncated ? overTCP(question, until: end) ?? answer : answer
  }

  private struct Question {
    let name: String
    let kind: UInt16
    let id = UInt16.random(in: 0...UInt16.max)
    let bytes: [UInt8]

    init?(_ name: String, _ kind: DNSMessage.Kind, _ wantsRecursion: Bool) {
      let bytes = DNSMessage.question(name, kind, id: id, wantsRecursion: wantsRecursion)
      guard let bytes else { return nil }
      self.name = name.hasSuffix(".") ? String(name.dropLast()).lowercased() : name.lowercased()
      self.kind = kind.rawValue
      self.bytes = bytes
    }

    /// One without a question can only be a refusal.
    func isAnswered(by message: DNSMessage) -> Bool {
      guard message.id == id else { return false }
      guard let asked = message.question else { return message.code != 0 }
      return asked == name && message.questionKind == kind
    }
  }

  private func overUDP(_ question: Question, until end: ContinuousClock.Instant) -> DNSMessage? {
    // Connected, so that only this server's packets come in, from an own random port.
    guard let socket = PeerSocket(to: self, Int32(SOCK_DGRAM.rawValue), until: end),
      socket.send(question.bytes, until: end)
    else { return nil }
    // An empty packet is nobody's answer, nor an end.
    while let bytes = socket.receive(DNSMessage.byteLimit, until: end) {
      if let answer = DNSMessage(bytes), question.isAnswered(by: answer) { return answer }
    }
    return nil
  }

  private func overTCP(_ question: Question, until end: ContinuousClock.Instant) -> DNSMessage? {
    let length = question.bytes.count
    guard let socket = PeerSocket(to: self, Int32(SOCK_STREAM.rawValue), until: end),
      socket.send([UInt8(length >> 8), UInt8(length & 0xff)] + question.bytes, until: end),
      let size = socket.receiveAll(2, until: end)
    else { return nil }
    let count = Int(size[0]) << 8 | Int(size[1])
    guard let bytes = socket.receiveAll(count, until: end), let answer = DNSMessage(bytes),
      question.isAnswered(by: answer)
    else { return nil }
    return answer
  }

  /// A `sockaddr_in` or `sockaddr_in6`; nil where the address is neither.
  var socketAddress: [UInt8]? {
    if address.count == 4 {
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &place.sin_addr) { unsafe $0.copyBytes(from: address) }
      return unsafe withUnsafeBytes(of: &place) { unsafe Array($0) }
    }
    guard address.count == 16 else { return nil }
    var place = sockaddr_in6()
    place.sin6_family = sa_family_t(AF_INET6)
    place.sin6_port = port.bigEndian
    unsafe withUnsafeMutableBytes(of: &place.sin6_addr) { unsafe $0.copyBytes(from: address) }
    return unsafe withUnsafeBytes(of: &place) { unsafe Array($0) }
  }
}
