internal import CLinux
internal import Foundation
internal import Synchronization

/// A Unix socket that speaks HAProxy's line protocol, for tools that know nothing else: it only shows.
///
/// One command and the connection ends; after `prompt` it goes on, and each answer ends with "> ".
final class HAProxySocket: Sendable {
  struct Failure: Error, CustomStringConvertible { let description: String }

  static let connectionLimit = 16
  static let lineLimit = 1024
  /// Without a command; hatop asks every few seconds.
  static let idleSeconds = 60
  static let sendSeconds = 5

  private let listener: Int32
  private let path: String
  private let commands: HAProxyCommands
  private let open = Mutex(0)

  /// For its owner and group alone, from its first moment on.
  init(_ path: String, group: UInt32?, _ commands: HAProxyCommands) throws(Failure) {
    self.path = path
    self.commands = commands
    let before = umask(0o117)
    defer { umask(before) }
    listener = try Self.listen(path)
    if let group, unsafe chown(path, uid_t.max, group) != 0 {
      let reason = PolicyStore.reason
      stop()
      throw Failure(description: "can't give \(path) to group \(group): \(reason)")
    }
    Thread.detachNewThread { [self] in serve() }
  }

  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    unsafe unlink(path)
  }

  private func serve() {
    while true {
      let client = accept(listener, nil, nil)
      guard client >= 0 else {
        guard [EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) else { break }
        usleep(100_000)
        continue
      }
      let isRoom = open.withLock { count in
        guard count < Self.connectionLimit else { return false }
        count += 1
        return true
      }
      guard isRoom else {
        close(client)
        continue
      }
      Thread.detachNewThread { [self] in
        speak(with: client)
        close(client)
        open.withLock { $0 -= 1 }
      }
    }
    close(listener)
  }

  private func speak(with client: Int32) {
    Self.limit(client, SO_RCVTIMEO, Self.idleSeconds)
    Self.limit(client, SO_SNDTIMEO, Self.sendSeconds)
    var lines = HAProxyLines()
    var isInteractive = false
    while let line = lines.next(from: client) {
      // Several commands may stand on one line.
      for command in line.split(separator: ";", omittingEmptySubsequences: false) {
        let command = command.trimmingCharacters(in: .whitespaces)
        guard command != "quit" else { return }
        var answer = ""
        if command == "prompt" { isInteractive.toggle() } else { answer = commands.answer(command) }
        guard Self.send(answer + (isInteractive ? "\n> " : "\n"), to: client) else { return }
      }
      guard isInteractive else { return }
    }
  }

  private static func send(_ text: String, to client: Int32) -> Bool {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
      // MSG_NOSIGNAL: who has gone is no reason to end.
      let count = unsafe bytes[sent...].withUnsafeBytes {
        unsafe CLinux.send(client, $0.baseAddress, $0.count, UnixSocket.withoutSignal)
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  private static func limit(_ socket: Int32, _ option: Int32, _ seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    unsafe setsockopt(
      socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  private static func listen(_ path: String) throws(Failure) -> Int32 {
    func failed(_ what: String) -> Failure {
      Failure(description: "can't \(what) \(path): \(PolicyStore.reason)")
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < 108 else { throw Failure(description: "\(path): longer than 107 bytes") }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let socket = try stream()
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    func with(_ call: (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32, _ number: Int32)
      -> Int32
    {
      unsafe withUnsafeBytes(of: &address) {
        unsafe call(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), size)
      }
    }
    // One that nobody serves is left over from a process that was killed.
    let probe = try stream()
    defer { close(probe) }
    guard unsafe with(CLinux.connect, probe) != 0 else {
      close(socket)
      throw Failure(description: "\(path): another process serves it")
    }
    var kind = stat()
    if unsafe lstat(path, &kind) == 0, kind.st_mode & S_IFMT == S_IFSOCK { unsafe unlink(path) }
    guard unsafe with(CLinux.bind, socket) == 0, CLinux.listen(socket, 16) == 0 else {
      defer { close(socket) }
      throw failed("listen on")
    }
    return socket
  }

  private static func stream() throws(Failure) -> Int32 {
    let number = CLinux.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw Failure(description: "no socket: \(PolicyStore.reason)") }
    return number
  }
}

/// Lines of one connection; nil when it ends, waits too long, or sends a line without an end.
struct HAProxyLines {
  private var buffer: [UInt8] = []

  mutating func next(from client: Int32) -> String? {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 1)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
      }
      guard buffer.count < HAProxySocket.lineLimit else { return nil }
      var piece = [UInt8](repeating: 0, count: HAProxySocket.lineLimit)
      let count = unsafe recv(client, &piece, piece.count, 0)
      guard count > 0 else { return nil }
      buffer += piece[..<count]
    }
  }
}
