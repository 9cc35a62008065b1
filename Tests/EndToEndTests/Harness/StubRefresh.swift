import Foundation
import Glibc
import Synchronization

/// An admin socket that answers certificate refreshes as a test tells it, and notes the questions.
final class StubRefresh: Sendable {
  let path: String
  private let listener: Int32
  private let log = Mutex<[String]>([])

  /// `answer` gets the request's path and says status and body.
  init(_ answer: @escaping @Sendable (String) -> (Int, String)) {
    // Short: a Unix socket's path has room for 107 bytes.
    path = NSTemporaryDirectory() + "g-\(UUID().uuidString.prefix(8))"
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    listener = number
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
    _ = unsafe withUnsafeBytes(of: &address) {
      unsafe bind(
        number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    listen(number, 8)
    let owner = Weak(self)
    Thread.detachNewThread {
      while true {
        let accepted = accept(number, nil, nil)
        guard accepted >= 0 else { return }
        let connection = RawSocket(number: accepted)
        let head = connection.receive(until: "\r\n\r\n")
        let words = head.split(separator: " ")
        let asked = words.prefix(2).joined(separator: " ")
        owner.stub?.log.withLock { $0.append(asked) }
        let (status, body) = answer(String(words.dropFirst().first ?? ""))
        connection.send(
          "HTTP/1.1 \(status) x\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)")
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    try? FileManager.default.removeItem(atPath: path)
  }

  var requests: [String] { log.withLock { $0 } }

  /// An answer of two workers about one certificate of one listener.
  static func answer(
    _ name: String, _ outcome: String, of folder: String, leaf: String?, probed: Int = 2,
    problems: [String] = []
  ) -> String {
    let leaf = leaf.map { "\"\($0)\"" } ?? "null"
    let lines = problems.map { "\"\($0)\"" }.joined(separator: ",")
    return """
      {"entries":[{"listener":"https","folder":"\(folder)","name":"\(name)","outcome":"\(outcome)",\
      "leaf_sha256":\(leaf),"problems":[\(lines)],"workers_probed":\(probed)}],"workers":2}
      """
  }

  private final class Weak: @unchecked Sendable {
    weak var stub: StubRefresh?
    init(_ stub: StubRefresh) { self.stub = stub }
  }
}
