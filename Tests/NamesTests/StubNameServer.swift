import Foundation

@testable import Names

/// A name server on loopback that answers each packet with what a test tells it to.
final class StubNameServer: Sendable {
  struct Packet {
    var bytes: [UInt8]
    /// Sent from another port than the one that was asked.
    var isForeign = false
  }

  let peer: DNSPeer
  private let number: Int32

  /// `answers` gets each question as it came.
  init(_ answers: @escaping @Sendable ([UInt8]) -> [Packet]) {
    let (number, port) = Self.open()
    self.number = number
    peer = DNSPeer([127, 0, 0, 1], port: port)
    Thread.detachNewThread {
      let foreign = Self.open().number
      defer {
        close(number)
        close(foreign)
      }
      while true {
        var buffer = [UInt8](repeating: 0, count: 512)
        var client = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = unsafe withUnsafeMutableBytes(of: &client) {
          unsafe recvfrom(
            number, &buffer, buffer.count, 0,
            $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
        }
        // Shut down, it gets an empty packet from nobody.
        guard count > 0 else { return }
        for packet in answers(Array(buffer.prefix(count))) {
          _ = unsafe withUnsafeBytes(of: &client) {
            unsafe sendto(
              packet.isForeign ? foreign : number, packet.bytes, packet.bytes.count, 0,
              $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), size)
          }
        }
      }
    }
  }

  deinit { shutdown(number, Int32(SHUT_RDWR)) }

  private static func open() -> (number: Int32, port: UInt16) {
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutableBytes(of: &address) {
      let place = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      guard let place = unsafe place else { return }
      _ = unsafe bind(number, place, size)
      _ = unsafe getsockname(number, place, &size)
    }
    return (number, UInt16(bigEndian: address.sin_port))
  }
}

/// An answer to a question, byte by byte.
struct StubAnswer {
  let question: [UInt8]
  var code: UInt8 = 0
  var isTruncated = false
  var records: [[UInt8]] = []

  var isForIPv4: Bool { question.suffix(4).first == 0 && question.suffix(3).first == 1 }

  var bytes: [UInt8] {
    let flags: [UInt8] = [isTruncated ? 0x83 : 0x81, 0x80 | code]
    let counts: [UInt8] = [0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
    let start = Array(question.prefix(2)) + flags + counts
    return start + Array(question.dropFirst(12)) + Array(records.joined())
  }

  /// Of the name that was asked for, unless told otherwise.
  static func address(_ bytes: [UInt8], ttl: UInt8 = 60) -> [UInt8] {
    [0xc0, 12, 0, bytes.count == 4 ? 1 : 28, 0, 1, 0, 0, 0, ttl, 0, UInt8(bytes.count)] + bytes
  }

  static func alias(to name: String, ttl: UInt8 = 60) -> [UInt8] {
    var labels: [UInt8] = []
    for label in name.split(separator: ".") { labels += [UInt8(label.utf8.count)] + label.utf8 }
    labels.append(0)
    return [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, ttl, 0, UInt8(labels.count)] + labels
  }
}
