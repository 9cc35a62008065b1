internal import CLinux
internal import Glibc

enum ReceiveOutcome: Equatable {
  case bytes(Int)
  case wouldBlock, endOfStream
  case failed(errno: Int32)
}

enum SendOutcome: Equatable {
  case bytes(Int)
  case wouldBlock
  case failed(errno: Int32)
}

enum AcceptOutcome: ~Copyable {
  case connection(Socket, from: IPAddress, port: UInt16)
  case wouldBlock
  /// The client left before it was accepted, or a resource is short for the moment.
  case failed(errno: Int32)
}

/// What was attempted on an address, and the kernel's answer.
public struct SocketError: Error, Sendable, Equatable {
  public let attempted: String
  public let errno: Int32

  public var reason: String { unsafe String(cString: strerror(errno)) }

  /// The lack is this machine's: descriptors, memory, or ports of its own.
  var isExhaustion: Bool { Self.isExhaustion(errno) }

  static func isExhaustion(_ code: Int32) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL].contains(code)
  }
}

/// A non-blocking stream socket.
struct Socket: ~Copyable {
  private let descriptor: FileDescriptor

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  var number: Int32 { descriptor.number }

  /// Gives the descriptor up to another owner.
  consuming func release() -> Int32 { descriptor.release() }

  func accept() -> AcceptOutcome {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let accepted = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe gatehouse_accept4(
        descriptor.number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length, flags
      )
    }
    guard accepted >= 0 else {
      return errno == EAGAIN ? .wouldBlock : .failed(errno: errno)
    }
    let (address, port) = storage.ipAddressAndPort
    return .connection(Socket(FileDescriptor(owning: accepted)), from: address, port: port)
  }

  func receive(into buffer: ByteBuffer, at offset: Int, atMost count: Int) -> ReceiveOutcome {
    var outcome = ReceiveOutcome.wouldBlock
    _ = unsafe buffer.fill(at: offset, atMost: count) { region in
      outcome = unsafe receive(into: region)
      if case .bytes(let count) = outcome { return count }
      return 0
    }
    return outcome
  }

  /// What could be received, left where it is.
  func peek(into buffer: ByteBuffer, atMost count: Int) -> ReceiveOutcome {
    var outcome = ReceiveOutcome.wouldBlock
    _ = unsafe buffer.fill(at: 0, atMost: count) { region in
      outcome = unsafe receive(into: region, Int32(MSG_PEEK))
      if case .bytes(let count) = outcome { return count }
      return 0
    }
    return outcome
  }

  func receive(
    into region: UnsafeMutableRawBufferPointer, _ flags: Int32 = 0
  ) -> ReceiveOutcome {
    let received = unsafe gatehouse_recv(
      descriptor.number, region.baseAddress, region.count, flags)
    guard received <= 0 else { return .bytes(received) }
    guard received < 0 else { return .endOfStream }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno: errno)
  }

  func send(_ bytes: Span<UInt8>) -> SendOutcome {
    let sent = unsafe bytes.withUnsafeBufferPointer { region in
      unsafe gatehouse_send(
        descriptor.number, region.baseAddress, region.count, Int32(MSG_NOSIGNAL))
    }
    guard sent < 0 else { return .bytes(sent) }
    return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno: errno)
  }

  /// No more bytes from us; the other side may still send.
  func finishSending() { shutdown(descriptor.number, Int32(SHUT_WR)) }

  /// The answer to a connect that was under way; 0 when it succeeded.
  func connectError() -> Int32 {
    var failure: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    let answer = unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &failure, &length)
    return answer == 0 ? failure : errno
  }

  /// The address asked for, with the port that the kernel chose in place of 0.
  func boundAddress(_ wanted: SocketAddress) -> SocketAddress {
    guard !wanted.isUnix, wanted.port == 0 else { return wanted }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe getsockname(
        descriptor.number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    let port = storage.ipAddressAndPort.1
    return switch wanted {
    case .ipv4(let bits, _): .ipv4(bits, port: port)
    case .ipv6(let bits, _): .ipv6(bits, port: port)
    case .unix: wanted
    }
  }

  /// The address a client reached us at; read only where no server name was sent.
  static func localAddress(of number: Int32) -> IPAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let answer = unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe getsockname(
        number, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return answer == 0 ? storage.ipAddressAndPort.0 : nil
  }
}

extension Socket {
  /// Bound and listening; several may share the address, one per worker.
  ///
  /// The first of them is bound before it may be shared, so that a second process on the same
  /// address is refused instead of taking half of the connections.
  static func listen(on address: SocketAddress, isFirst: Bool) throws(SocketError) -> Socket {
    let socket = try open(address, "listen on")
    let number = socket.number
    set(number, SOL_SOCKET, SO_REUSEADDR)
    if !isFirst { set(number, SOL_SOCKET, SO_REUSEPORT) }
    switch address {
    case .ipv4: break
    case .ipv6: set(number, Int32(IPPROTO_IPV6), IPV6_V6ONLY)
    case .unix(let path): try removeStale(path, address)
    }
    // Accepted sockets inherit it: one system call less for each connection.
    if !address.isUnix { set(number, Int32(IPPROTO_TCP), TCP_NODELAY) }
    let bound = unsafe address.withSockaddr { unsafe bind(number, $0, $1) }
    if isFirst, !address.isUnix { set(number, SOL_SOCKET, SO_REUSEPORT) }
    guard bound == 0, Glibc.listen(number, 4096) == 0 else {
      throw SocketError(attempted: "listen on \(address)", errno: errno)
    }
    return socket
  }

  /// Removes a socket that nobody answers on any more; anything else at its path stays.
  private static func removeStale(
    _ path: String, _ address: SocketAddress
  ) throws(SocketError) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw SocketError(attempted: "listen on \(address)", errno: EEXIST)
    }
    let probe = try open(address, "listen on")
    let answer = unsafe address.withSockaddr { unsafe Glibc.connect(probe.number, $0, $1) }
    guard answer != 0, errno == ECONNREFUSED else {
      throw SocketError(attempted: "listen on \(address)", errno: EADDRINUSE)
    }
    unsafe unlink(path)
  }

  /// Connecting, or connected at once.
  static func connect(to address: SocketAddress) throws(SocketError) -> Socket {
    let socket = try open(address, "connect to")
    if !address.isUnix { set(socket.number, Int32(IPPROTO_TCP), TCP_NODELAY) }
    let answer = unsafe address.withSockaddr { unsafe Glibc.connect(socket.number, $0, $1) }
    guard answer == 0 || errno == EINPROGRESS else {
      throw SocketError(attempted: "connect to \(address)", errno: errno)
    }
    return socket
  }

  private static func open(
    _ address: SocketAddress, _ purpose: String
  ) throws(SocketError) -> Socket {
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let number = socket(address.family, flags, 0)
    guard number >= 0 else {
      throw SocketError(attempted: "\(purpose) \(address)", errno: errno)
    }
    return Socket(FileDescriptor(owning: number))
  }

  private static func set(_ number: Int32, _ level: Int32, _ option: Int32) {
    var on: Int32 = 1
    unsafe setsockopt(number, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }
}

extension SocketAddress {
  var isUnix: Bool {
    if case .unix = self { true } else { false }
  }

  var family: Int32 {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// Lends the kernel's form of the address.
  func withSockaddr(_ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32) -> Int32 {
    switch self {
    case .ipv4(let bits, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = bits.bigEndian
      return unsafe lend(&address, body)
    case .ipv6(let bits, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) {
        unsafe $0.storeBytes(of: bits.bigEndian, as: UInt128.self)
      }
      return unsafe lend(&address, body)
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      // The reader of the file bounds the length; a longer path is cut, and bind then fails.
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
        for (index, byte) in path.utf8.prefix(room.count - 1).enumerated() {
          unsafe room[index] = byte
        }
      }
      return unsafe lend(&address, body)
    }
  }

  private func lend<Address>(
    _ address: inout Address, _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Int32
  ) -> Int32 {
    unsafe withUnsafeBytes(of: &address) { bytes in
      unsafe body(
        bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
    }
  }
}

extension sockaddr_storage {
  /// IPv4-mapped IPv6 is folded into IPv4, so that no rule is missed (Go CVE-2024-24790).
  fileprivate var ipAddressAndPort: (IPAddress, UInt16) {
    unsafe withUnsafeBytes(of: self) { bytes in
      switch Int32(ss_family) {
      case AF_INET:
        let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
        return (
          .ipv4(UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port)
        )
      case AF_INET6:
        let port = unsafe bytes.loadUnaligned(as: sockaddr_in6.self).sin6_port
        let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
        let bits = unsafe UInt128(
          bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt128.self))
        let address = IPAddress(ipv6: bits)
        return (address, UInt16(bigEndian: port))
      default:
        return (.ipv4(0), 0)  // a Unix socket has no address
      }
    }
  }
}
