internal import CLinux
internal import Foundation

/// One connection to an admin socket. A process that is stopped still takes connections and bytes, as
/// many as the kernel holds for it: so all of it together has one deadline.
final class AdminConnection {
  /// More than any answer holds: a status of 10,000 certificates takes 10 MB.
  static let byteLimit = 256 << 20

  private let number: Int32
  private let socket: String
  private let seconds: Int
  private let deadline: ContinuousClock.Instant

  init(to socket: String, within seconds: Int) throws {
    self.socket = socket
    self.seconds = seconds
    deadline = .now + .seconds(seconds)
    let path = Array(socket.utf8)
    guard path.count < 108 else {
      throw AdminClient.Failure.broken("the socket's path is longer than 107 bytes")
    }
    number = CLinux.socket(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw AdminClient.Failure.broken("no socket") }
    // Connecting waits, too, where the queue of one that takes nothing is full (unix(7)).
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    unsafe setsockopt(
      number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
    let number = number
    let answer = unsafe withUnsafeBytes(of: &address) {
      unsafe CLinux.connect(
        number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard answer != 0 else { return }
    switch errno {
    case EACCES: throw AdminClient.Failure.notAllowed(socket: socket)
    case EAGAIN, EINPROGRESS, ETIMEDOUT: throw silent
    default: throw AdminClient.Failure.notRunning(socket: socket)
    }
  }

  deinit { close(number) }

  private var silent: AdminClient.Failure { .silent(socket: socket, seconds: seconds) }

  func send(_ bytes: Data) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      try wait(for: POLLOUT)
      let sent = unsafe rest.withUnsafeBytes {
        unsafe CLinux.send(
          number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      if sent < 0, errno == EAGAIN || errno == EINTR { continue }
      // It hung up; what it said before may tell why.
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }

  /// All that comes until the other side closes.
  func receiveAll() throws -> Data {
    var all = Data()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      try wait(for: POLLIN)
      let count = unsafe recv(number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { return all }
      guard all.count + count <= Self.byteLimit else {
        throw AdminClient.Failure.broken("more than \(Self.byteLimit >> 20) MiB")
      }
      all += buffer.prefix(count)
    }
  }

  private func wait(for events: Int32) throws {
    while true {
      let left = ContinuousClock.now.duration(to: deadline).components
      let milliseconds = left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000
      guard milliseconds > 0 else { throw silent }
      var item = pollfd(fd: number, events: Int16(events), revents: 0)
      let count = unsafe poll(&item, 1, Int32(clamping: milliseconds))
      if count > 0 { return }
      guard count == 0 || errno == EINTR else {
        throw AdminClient.Failure.broken("cannot wait for it: error \(errno)")
      }
    }
  }
}
