internal import CLinux
internal import Foundation

/// Unix sockets that keep messages apart.
enum UnixSocket {
  /// MSG_NOSIGNAL of <sys/socket.h>.
  static let withoutSignal: Int32 = 0x4000
  /// MSG_DONTWAIT of <sys/socket.h>.
  static let withoutWaiting: Int32 = 0x40

  /// On one processor each would hold up the other: to yield helps only within the scheduler's group.
  static let mayStayAwake = ProcessInfo.processInfo.activeProcessorCount > 1

  static func listen(_ path: String) throws -> Int32 {
    try? FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let descriptor = try make()
    if connect(descriptor, path) {
      close(descriptor)
      throw PolicyStore.Failure("an agent serves at \(path) already")
    }
    var facts = stat()
    if unsafe lstat(path, &facts) == 0 {
      guard facts.st_mode & S_IFMT == S_IFSOCK else {
        close(descriptor)
        throw PolicyStore.Failure("\(path) is there already, and is no socket; name another path")
      }
      unsafe unlink(path)
    }
    let bound = try unsafe withAddress(path) { unsafe bind(descriptor, $0, $1) }
    guard bound == 0, Foundation.listen(descriptor, 1024) == 0,
      fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0
    else {
      let reason = PolicyStore.reason
      close(descriptor)
      throw PolicyStore.Failure("cannot listen at \(path): \(reason)")
    }
    return descriptor
  }

  /// A connection whose waits end after a second.
  static func connected(_ path: String) throws -> Int32 {
    let descriptor = try make()
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
    guard connect(descriptor, path) else {
      let reason = PolicyStore.reason
      close(descriptor)
      throw PolicyStore.Failure(
        "no agent answers at \(path): \(reason); start one with: gatehouse agent")
    }
    return descriptor
  }

  /// Whose process is at the other end.
  static func user(of descriptor: Int32) -> uid_t? {
    // `struct ucred` of <sys/socket.h>: process, user, group.
    var credentials: [UInt32] = [0, 0, 0]
    var size: socklen_t = 12
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0,
      size == 12
    else { return nil }
    return credentials[1]
  }

  private static func make() throws -> Int32 {
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else {
      throw PolicyStore.Failure("cannot make a socket: \(PolicyStore.reason)")
    }
    return descriptor
  }

  private static func connect(_ descriptor: Int32, _ path: String) -> Bool {
    let status = try? unsafe withAddress(path) { unsafe Foundation.connect(descriptor, $0, $1) }
    return status == 0
  }

  @unsafe private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard bytes.count < capacity else {
      throw PolicyStore.Failure("the path \(path) is too long for a socket; at most 107 bytes")
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    return unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
