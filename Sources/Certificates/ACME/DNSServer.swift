internal import Glibc

/// One name server that can be asked over UDP.
struct DNSServer: Equatable, Sendable {
  static let answerLimit = Duration.seconds(2)
  static let attempts = 2

  let address: String
  var port: UInt16 = 53

  /// The answer; nil where there is none in time, or none that can be read.
  func ask(_ name: String, _ kind: DNSMessage.Kind, wantsRecursion: Bool) -> DNSMessage? {
    let id = UInt16.random(in: 0...UInt16.max)
    guard let question = DNSMessage.question(name, kind, id: id, wantsRecursion: wantsRecursion)
    else { return nil }
    for _ in 0..<Self.attempts {
      if let answer = exchange(question, id: id) { return answer }
    }
    return nil
  }

  private func exchange(_ question: [UInt8], id: UInt16) -> DNSMessage? {
    guard let place = socketAddress else { return nil }
    let family = place.count == MemoryLayout<sockaddr_in>.size ? AF_INET : AF_INET6
    let number = socket(
      family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return nil }
    defer { close(number) }
    // Connected, so that only this server's packets come in, from an own random port.
    let isConnected = unsafe place.withUnsafeBytes {
      unsafe connect(
        number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count)) == 0
    }
    guard isConnected, unsafe send(number, question, question.count, 0) == question.count else {
      return nil
    }
    let deadline = Deadline(after: Self.answerLimit)
    while !deadline.isPassed {
      var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&watched, 1, deadline.milliseconds) > 0 else { continue }
      var buffer = [UInt8](repeating: 0, count: DNSMessage.byteLimit)
      let count = unsafe recv(number, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      if let answer = DNSMessage(Array(buffer.prefix(count))), answer.id == id { return answer }
    }
    return nil
  }

  private var socketAddress: [UInt8]? {
    guard case .address(let bytes)? = ServerName(address) else { return nil }
    if bytes.count == 4 {
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &place.sin_addr) { unsafe $0.copyBytes(from: bytes) }
      return unsafe withUnsafeBytes(of: &place) { unsafe Array($0) }
    }
    var place = sockaddr_in6()
    place.sin6_family = sa_family_t(AF_INET6)
    place.sin6_port = port.bigEndian
    unsafe withUnsafeMutableBytes(of: &place.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
    return unsafe withUnsafeBytes(of: &place) { unsafe Array($0) }
  }
}
