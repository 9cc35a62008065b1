internal import Glibc

/// A connection to a server that never blocks longer than it is told; closed with its owner.
struct DatabaseSocket: ~Copyable {
  private let number: Int32

  private static let pieceSize = 16_384

  init(to address: DatabaseAddress, by deadline: Deadline) throws(DatabaseError) {
    number = try Self.connected(to: address, by: deadline)
  }

  deinit { close(number) }

  /// What came, never empty.
  func receive(_ step: DatabaseError.Step, by deadline: Deadline) throws(DatabaseError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: Self.pieceSize)
    while true {
      let count = unsafe recv(number, &buffer, buffer.count, 0)
      if count > 0 { return Array(buffer.prefix(count)) }
      guard count < 0 else { throw DatabaseError(step, .closed) }
      try waitUnlessReady(POLLIN, step, by: deadline)
    }
  }

  func send(
    _ bytes: [UInt8], _ step: DatabaseError.Step, by deadline: Deadline
  ) throws(DatabaseError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else {
        try waitUnlessReady(POLLOUT, step, by: deadline)
      }
    }
  }

  private func waitUnlessReady(
    _ event: Int32, _ step: DatabaseError.Step, by deadline: Deadline
  ) throws(DatabaseError) {
    let problem = errno
    if problem == EINTR { return }
    // Broken or reset: the other side is gone, as where it ends in order.
    if problem == EPIPE || problem == ECONNRESET { throw DatabaseError(step, .closed) }
    guard problem == EAGAIN else { throw DatabaseError(step, .network(Self.words(problem))) }
    guard Self.wait(number, event, by: deadline) else { throw DatabaseError(step, .silence) }
  }

  private static func connected(
    to address: DatabaseAddress, by deadline: Deadline
  ) throws(DatabaseError) -> Int32 {
    guard let target = address.socketAddress else {
      throw DatabaseError(.connect, .unsupported("the path of its socket is too long"))
    }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let number = socket(target.family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw DatabaseError(.connect, .network(words(errno))) }
    let answer = unsafe target.bytes.withUnsafeBytes { raw in
      unsafe Glibc.connect(
        number, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
    }
    if answer == 0 { return number }
    var problem = errno
    var isSilent = false
    if problem == EINPROGRESS {
      isSilent = !wait(number, POLLOUT, by: deadline)
      var size = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &problem, &size)
    }
    if problem == 0, !isSilent { return number }
    close(number)
    throw DatabaseError(.connect, isSilent ? .silence : .network(words(problem)))
  }

  private static func wait(_ number: Int32, _ event: Int32, by deadline: Deadline) -> Bool {
    while !deadline.isPassed {
      var watched = pollfd(fd: number, events: Int16(event), revents: 0)
      if unsafe poll(&watched, 1, deadline.milliseconds) > 0 { return true }
    }
    return false
  }

  private static func words(_ number: Int32) -> String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
  }
}
