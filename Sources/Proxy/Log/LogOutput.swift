internal import CLinux
internal import Glibc

/// An open target of the access log, and how lines are put there.
struct LogOutput: ~Copyable {
  enum Sent {
    case sent
    /// No room just now.
    case blocked
    /// The line at the position is more than a datagram may hold.
    case tooLong
    case failed(String)
  }

  struct Failure: Error { let text: String }

  /// An output on its way to its owner.
  final class Opened {
    private var output: LogOutput?
    init(_ output: consuming LogOutput) { self.output = consume output }
    func take() -> LogOutput? { output.take() }
  }

  private enum Framing { case bytes, shared, datagrams, lengths }

  /// A pipe that is ready takes so much without waiting (PIPE_BUF).
  private static let pieceLimit = 4096
  /// Lines sent in one go.
  private static let linesPerTurn = 64

  private let descriptor: FileDescriptor
  private let framing: Framing
  private let envelope: LogEnvelope
  /// A line with its envelope, and how much of it a stream has taken.
  private var frame: [UInt8] = []
  private var frameSent = 0

  static func open(_ plan: ProxyConfiguration.AccessLog) -> Result<Opened, Failure> {
    let (number, framing): (Int32, Framing) =
      switch plan.target {
      case .file(let path): (openFile(path), .bytes)
      // Others write there, too: it stays as blocking as it is.
      case .standardError: (fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), .shared)
      case .syslogDatagrams(let address): (connect(address, SOCK_DGRAM), .datagrams)
      case .syslogStream(let address): (connect(address, SOCK_STREAM), .lengths)
      case .journald(let path): (connect(.unix(path: path), SOCK_DGRAM), .datagrams)
      }
    guard number >= 0 else {
      // A FIFO without a reader.
      if errno == ENXIO { return .failure(Failure(text: "nobody reads it")) }
      return .failure(Failure(text: reason(errno)))
    }
    return .success(
      Opened(
        LogOutput(
          descriptor: FileDescriptor(owning: number), framing: framing,
          envelope: LogEnvelope(plan))))
  }

  /// Puts what follows `position` as far as there is room, and moves it behind what was put.
  mutating func send(_ batch: [UInt8], from position: inout Int) -> Sent {
    switch framing {
    case .bytes: return write(batch, &position, atMost: batch.count)
    case .shared:
      guard isWritable(milliseconds: 0) else { return .blocked }
      return write(batch, &position, atMost: Self.piece(batch, from: position))
    case .datagrams, .lengths:
      if framing == .lengths, isClosedByPeer { return .failed("the other side closed it") }
      for count in 0..<Self.linesPerTurn where position < batch.count {
        let outcome = sendLine(batch, &position)
        guard case .sent = outcome else { return count > 0 && isBlocked(outcome) ? .sent : outcome }
      }
      return .sent
    }
  }

  /// Whole lines, as many as a pipe takes at once; of a longer one all: others must not write in its middle.
  private static func piece(_ batch: [UInt8], from position: Int) -> Int {
    let end = min(batch.count, position + pieceLimit)
    if let last = batch[position..<end].lastIndex(of: LogLine.end) { return last + 1 - position }
    return (batch[end...].firstIndex(of: LogLine.end) ?? batch.count - 1) + 1 - position
  }

  /// Until something may be written, or the time is over.
  func waitForRoom(milliseconds: Int32) { _ = isWritable(milliseconds: milliseconds) }

  private func isBlocked(_ outcome: Sent) -> Bool {
    if case .blocked = outcome { true } else { false }
  }

  private func isWritable(milliseconds: Int32) -> Bool {
    var poll = pollfd(fd: descriptor.number, events: Int16(POLLOUT), revents: 0)
    // With an error, too: the write tells which.
    return unsafe Glibc.poll(&poll, 1, milliseconds) > 0
  }

  private func write(_ batch: [UInt8], _ position: inout Int, atMost limit: Int) -> Sent {
    let count = min(batch.count - position, limit)
    let from = position
    let written = unsafe batch.withUnsafeBytes {
      unsafe Glibc.write(
        descriptor.number,
        UnsafeRawBufferPointer(rebasing: $0[from..<from + count]).baseAddress, count)
    }
    guard written >= 0 else { return Self.failure(errno) }
    position += written
    return .sent
  }

  private mutating func sendLine(_ batch: [UInt8], _ position: inout Int) -> Sent {
    let end = batch[position...].firstIndex(of: LogLine.end) ?? batch.count
    if frame.isEmpty {
      envelope.wrap(batch[position..<end], isCounted: framing == .lengths, into: &frame)
      frameSent = 0
    }
    let from = frameSent
    let sent = unsafe frame.withUnsafeBytes {
      unsafe Glibc.send(
        descriptor.number, UnsafeRawBufferPointer(rebasing: $0[from...]).baseAddress,
        $0.count - from, Int32(MSG_NOSIGNAL))
    }
    guard sent >= 0 else {
      let code = errno
      if framing == .datagrams { frame.removeAll(keepingCapacity: true) }
      return Self.failure(code)
    }
    frameSent += sent
    guard framing == .datagrams || frameSent == frame.count else { return .blocked }
    frame.removeAll(keepingCapacity: true)
    position = min(end + 1, batch.count)
    return .sent
  }

  /// Nothing is ever said by the other side: what can be read is its end.
  private var isClosedByPeer: Bool {
    var byte: UInt8 = 0
    let count = unsafe recv(
      descriptor.number, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
  }

  private static func failure(_ code: Int32) -> Sent {
    switch code {
    // A datagram socket without room, and a stream's.
    case EAGAIN, EINTR, ENOBUFS: .blocked
    case EMSGSIZE: .tooLong
    default: .failed(reason(code))
    }
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

  private static func openFile(_ path: String) -> Int32 {
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    return unsafe Glibc.open(path, flags, 0o640)
  }

  /// Connected, within a bound.
  private static func connect(_ address: SocketAddress, _ kind: __socket_type) -> Int32 {
    let flags = Int32(kind.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let number = socket(address.family, flags, 0)
    guard number >= 0 else { return -1 }
    let answer = unsafe address.withSockaddr { unsafe Glibc.connect(number, $0, $1) }
    if answer == 0 { return number }
    var code = errno
    if code == EINPROGRESS {
      var poll = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
      code = ETIMEDOUT
      if unsafe Glibc.poll(&poll, 1, connectTimeout) > 0 {
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
        if code == 0 { return number }
      }
    }
    close(number)
    errno = code
    return -1
  }

  private static let connectTimeout: Int32 = 2000
}
