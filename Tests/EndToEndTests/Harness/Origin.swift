import Foundation
import Glibc
import Synchronization

/// A server behind the proxy that does what a test tells it, one thread per connection.
final class Origin: Sendable {
  let port: UInt16
  private let listener: Int32
  private let log = Mutex<[String]>([])

  /// `serve` gets each connection, and the origin to note what it saw.
  init(_ serve: @escaping @Sendable (RawSocket, Origin) -> Void) {
    let (number, port) = RawSocket.listen()
    listener = number
    self.port = port
    let owner = Weak(self)
    Thread.detachNewThread {
      while true {
        let accepted = accept(number, nil, nil)
        // A client that went at once, or a signal, is not the end: what came after it would wait for
        // nobody, in a queue that the kernel still fills.
        guard accepted >= 0 else {
          guard errno != EBADF, errno != EINVAL else { return }
          usleep(1_000)
          continue
        }
        Thread.detachNewThread {
          guard let origin = owner.origin else { return }
          serve(RawSocket(number: accepted), origin)
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private final class Weak: @unchecked Sendable {
    weak var origin: Origin?
    init(_ origin: Origin) { self.origin = origin }
  }

  func note(_ text: String) { log.withLock { $0.append(text) } }
  var notes: [String] { log.withLock { $0 } }

  /// Answers every request on keep-alive connections with its name and what it was asked.
  static func named(_ name: String) -> Origin {
    Origin { connection, origin in
      var buffer = Data()
      while true {
        while !buffer.contains(Data("\r\n\r\n".utf8)) {
          let piece = connection.receive()
          if piece.isEmpty { return }
          buffer += piece
        }
        guard let end = buffer.range(of: Data("\r\n\r\n".utf8)) else { return }
        let head = String(decoding: buffer[..<end.upperBound], as: UTF8.self)
        buffer = Data(buffer[end.upperBound...])
        origin.note(head)
        let length = head.split(separator: "\r\n")
          .first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        var body = Data()
        if let length {
          while buffer.count < length {
            let piece = connection.receive()
            if piece.isEmpty { return }
            buffer += piece
          }
          body = Data(buffer.prefix(length))
          buffer = Data(buffer.dropFirst(length))
        }
        let answer = Data("\(name)\n".utf8) + body
        let isHead = head.hasPrefix("HEAD ")
        connection.send(
          Data(
            "HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\nX-Server: \(name)\r\n\r\n".utf8)
            + (isHead ? Data() : answer))
      }
    }
  }

  /// Answers the first request of each connection with these bytes, then closes.
  static func scripted(_ answer: String) -> Origin {
    Origin { connection, origin in
      origin.note(connection.receive(until: "\r\n\r\n"))
      connection.send(answer)
    }
  }
}
