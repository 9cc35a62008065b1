internal import Glibc

/// A TCP connection that never blocks longer than it is told; closed with its owner.
struct Socket: ~Copyable {
  private let number: Int32

  /// How many of a host's addresses are tried.
  private static let addressLimit = 8

  /// Connects to one of the host's addresses, in the resolver's order.
  init(to url: SecureURL, by deadline: Deadline) throws(ACMEError) {
    let addresses = try Self.addresses(of: url)
    var why = "it has no address"
    for (index, address) in addresses.enumerated() {
      // Each gets its share of the time that is left, so that a silent one leaves some for the next.
      let share = deadline.left / (addresses.count - index)
      switch Self.connect(address, by: deadline.sooner(share)) {
      case .connected(let number):
        self.number = number
        return
      case .failed(let problem): why = problem
      }
    }
    throw ACMEError(
      url.description, "cannot connect to \(url.hostField): \(why); is this machine online?")
  }

  deinit { close(number) }

  /// What came, at most 16 KiB; empty at the end.
  func receive(by deadline: Deadline) throws(ReadProblem) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = unsafe recv(number, &buffer, buffer.count, 0)
      if count >= 0 { return Array(buffer.prefix(count)) }
      try waitUnlessReady(POLLIN, by: deadline)
    }
  }

  func send(_ bytes: [UInt8], by deadline: Deadline) throws(ReadProblem) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else {
        try waitUnlessReady(POLLOUT, by: deadline)
      }
    }
  }

  /// What is wrong with a connection, in the kernel's words.
  struct ReadProblem: Error { let text: String }

  private func waitUnlessReady(_ event: Int32, by deadline: Deadline) throws(ReadProblem) {
    let problem = errno
    if problem == EINTR { return }
    guard problem == EAGAIN else { throw ReadProblem(text: Self.words(problem)) }
    guard Self.wait(number, event, by: deadline) else { throw ReadProblem(text: Self.silence) }
  }

  static let silence = "no answer in time"

  private static func wait(_ number: Int32, _ event: Int32, by deadline: Deadline) -> Bool {
    while !deadline.isPassed {
      var watched = pollfd(fd: number, events: Int16(event), revents: 0)
      if unsafe poll(&watched, 1, deadline.milliseconds) > 0 { return true }
    }
    return false
  }

  static func words(_ number: Int32) -> String {
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
  }

  private struct Address {
    let family: Int32
    let bytes: [UInt8]
  }

  private enum Attempt {
    case connected(Int32)
    case failed(String)
  }

  private static func connect(_ address: Address, by deadline: Deadline) -> Attempt {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let number = socket(address.family, kind | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { return .failed(words(errno)) }
    let answer = unsafe address.bytes.withUnsafeBytes { raw in
      unsafe Glibc.connect(
        number, raw.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
    }
    if answer == 0 { return .connected(number) }
    var problem = errno
    if problem == EINPROGRESS {
      guard wait(number, POLLOUT, by: deadline) else {
        close(number)
        return .failed(silence)
      }
      var size = socklen_t(MemoryLayout<Int32>.size)
      unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &problem, &size)
    }
    guard problem == 0 else {
      close(number)
      return .failed(words(problem))
    }
    return .connected(number)
  }

  // The resolver's own limits (resolv.conf: 5 s, twice) bound this one; it takes no deadline.
  private static func addresses(of url: SecureURL) throws(ACMEError) -> [Address] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    unsafe hints.ai_flags = AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo("\(url.host)", "\(url.port)", &hints, &list)
    guard code == 0 else {
      let why = unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
      throw ACMEError(url.description, "cannot find the address of \(url.host): \(why)")
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [Address] = []
    var next = unsafe list
    while let entry = unsafe next?.pointee, found.count < addressLimit {
      if let address = unsafe entry.ai_addr {
        let raw = unsafe UnsafeRawBufferPointer(start: address, count: Int(entry.ai_addrlen))
        unsafe found.append(Address(family: entry.ai_family, bytes: Array(raw)))
      }
      unsafe next = unsafe entry.ai_next
    }
    return found
  }
}
