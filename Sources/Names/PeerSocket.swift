internal import Glibc

/// A connected socket that never waits past a moment; closed with its owner.
struct PeerSocket: ~Copyable {
  private let number: Int32

  init?(to peer: DNSPeer, _ kind: Int32, until end: ContinuousClock.Instant) {
    guard let number = Self.connected(to: peer, kind, until: end) else { return nil }
    self.number = number
  }

  deinit { close(number) }

  private static func connected(
    to peer: DNSPeer, _ kind: Int32, until end: ContinuousClock.Instant
  ) -> Int32? {
    guard let place = peer.socketAddress else { return nil }
    let family = peer.address.count == 4 ? AF_INET : AF_INET6
    let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let number = socket(family, kind | flags, 0)
    guard number >= 0 else { return nil }
    let answer = unsafe place.withUnsafeBytes {
      unsafe connect(
        number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    if answer == 0 { return number }
    var problem = errno
    if problem == EINPROGRESS, wait(number, POLLOUT, until: end) {
      var size = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &problem, &size)
    }
    if problem == 0 { return number }
    close(number)
    return nil
  }

  func send(_ bytes: [UInt8], until end: ContinuousClock.Instant) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        guard errno == EAGAIN, Self.wait(number, POLLOUT, until: end) else { return false }
      }
    }
    return true
  }

  /// What came, empty at the end; nil when nothing comes in time.
  func receive(_ limit: Int, until end: ContinuousClock.Instant) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: limit)
    while Self.wait(number, POLLIN, until: end) {
      let count = unsafe recv(number, &buffer, buffer.count, 0)
      if count >= 0 { return Array(buffer.prefix(count)) }
      guard errno == EINTR || errno == EAGAIN else { return nil }
    }
    return nil
  }

  func receiveAll(_ count: Int, until end: ContinuousClock.Instant) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let piece = receive(count - bytes.count, until: end), !piece.isEmpty
      else { return nil }
      bytes += piece
    }
    return bytes
  }

  private static func wait(
    _ number: Int32, _ event: Int32, until end: ContinuousClock.Instant
  ) -> Bool {
    while true {
      let left = end - .now
      guard left > .zero else { return false }
      // Rounded up, so that a wait never ends just before its moment.
      let milliseconds = Int32(clamping: Int64(left / .milliseconds(1)) + 1)
      var watched = pollfd(fd: number, events: Int16(event), revents: 0)
      if unsafe poll(&watched, 1, milliseconds) > 0 { return true }
    }
  }
}
