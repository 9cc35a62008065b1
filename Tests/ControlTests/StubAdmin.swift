import Foundation
import Proxy
import Synchronization

/// An admin socket whose answers a test tells it, and which notes what it was asked.
final class StubAdmin {
  let path: String
  private let server: ProxyServer
  private let log: Log

  private final class Log: Sendable {
    let lines = Mutex<[String]>([])
  }

  init(status: UInt16 = 200, body: String) throws {
    // Short: a Unix socket's path has room for 107 bytes.
    path = FileManager.default.temporaryDirectory.path + "/g-\(UUID().uuidString.prefix(8))"
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.listeners = [.init(name: "admin", addresses: [.unix(path: path)])]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    let log = Log()
    self.log = log
    server = try ProxyServer(
      configuration,
      responder: { request in
        let content = String(decoding: request.body, as: UTF8.self)
        log.lines.withLock { $0.append("\(request.method) \(request.path) \(content)") }
        return LocalResponse(
          status: status, contentType: "application/json", body: Array(body.utf8))
      }, log: { _ in })
  }

  deinit {
    server.stop()
    try? FileManager.default.removeItem(atPath: path)
  }

  var requests: [String] { log.lines.withLock { $0 } }
}
