import Foundation
import Glibc

/// A blocking TCP connection, for bytes that no well-behaved client would send.
final class RawSocket: @unchecked Sendable {
  let number: Int32

  init(number: Int32) {
    self.number = number
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    _ = unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
    _ = unsafe setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
    var on: Int32 = 1
    _ = unsafe setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
  }

  convenience init(port: UInt16, from source: String? = nil) throws {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if let source {
      var local = RawSocket.address(source, 0)
      _ = unsafe withUnsafeBytes(of: &local) {
        unsafe bind(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
      }
    }
    var address = RawSocket.address("127.0.0.1", port)
    let answer = unsafe withUnsafeBytes(of: &address) {
      unsafe connect(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
    }
    guard answer == 0 else { throw POSIXError(.ECONNREFUSED) }
    self.init(number: number)
  }

  deinit { close(number) }

  func send(_ text: String) { send(Data(text.utf8)) }

  func send(_ data: Data) {
    var rest = data[...]
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }

  /// What comes next, at most `count` bytes; empty at the end, or when nothing came for 10 s.
  func receive(atMost count: Int = 65536) -> Data {
    var buffer = [UInt8](repeating: 0, count: count)
    let received = unsafe buffer.withUnsafeMutableBytes {
      unsafe recv(number, $0.baseAddress, $0.count, 0)
    }
    return Data(buffer.prefix(max(0, received)))
  }

  func receiveAll() -> Data {
    var all = Data()
    while true {
      let piece = receive()
      if piece.isEmpty { return all }
      all += piece
    }
  }

  /// Reads until `end` has come; what came after it is in the answer too.
  func receive(until end: String) -> String {
    var all = Data()
    while !all.contains(Data(end.utf8)) {
      let piece = receive()
      if piece.isEmpty { break }
      all += piece
    }
    return String(decoding: all, as: UTF8.self)
  }

  /// The other side has ended it, and all that it said was read.
  var isAtEnd: Bool {
    var byte: UInt8 = 0
    let count = unsafe recv(number, &byte, 1, Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno == ECONNRESET)
  }

  func finishSending() { shutdown(number, Int32(SHUT_WR)) }

  /// Ends with a reset.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    _ = unsafe setsockopt(
      number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    shutdown(number, Int32(SHUT_RD))
  }

  static func address(_ text: String, _ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = unsafe inet_addr(text)
    return address
  }

  /// A listening socket on a port that the kernel chose.
  static func listen() -> (number: Int32, port: UInt16) {
    let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = RawSocket.address("127.0.0.1", 0)
    _ = unsafe withUnsafeBytes(of: &address) {
      unsafe bind(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
    }
    Glibc.listen(number, 128)
    var length = socklen_t(16)
    _ = unsafe withUnsafeMutableBytes(of: &address) {
      unsafe getsockname(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    }
    return (number, UInt16(bigEndian: address.sin_port))
  }

  /// A port that was free a moment ago.
  /// One that stays free for a while: clients get theirs from above 32767.
  static func quietPort() -> UInt16 {
    for _ in 0..<200 {
      let port = UInt16.random(in: 15_000...30_000)
      let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(number) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      let bound = unsafe withUnsafeMutableBytes(of: &address) {
        unsafe bind(
          number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
      if bound == 0 { return port }
    }
    return freePort()
  }

  static func freePort() -> UInt16 {
    let (number, port) = listen()
    close(number)
    return port
  }
}
