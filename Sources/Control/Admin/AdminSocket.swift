internal import Foundation
internal import Proxy

/// The admin socket: one more proxy, whose routes are answered by this process.
enum AdminSocket {
  /// Clients at a time; one user has `CallerLimits.connections` of them at most.
  static let connectionLimit = 1024

  struct Failure: Error, CustomStringConvertible { var description: String }

  /// For its owner and group alone, from its first moment on.
  static func open(
    _ path: String, group: UInt32?, _ api: AdminAPI, log: @escaping EventLog
  ) throws -> ProxyServer {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.limits.connections = connectionLimit
    configuration.callers = CallerLimits()
    configuration.listeners = [.init(name: "admin", addresses: [.unix(path: path)])]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    let before = umask(0o177)
    defer { umask(before) }
    let server = try ProxyServer(configuration, responder: { api.answer($0) }, log: log)
    if let group, unsafe chown(path, uid_t.max, group) != 0 {
      let reason = PolicyStore.reason
      server.stop()
      throw Failure(
        description: "can't give \(path) to group \(group): \(reason); "
          + "run as root, or as a member of `admin.group`")
    }
    guard unsafe chmod(path, 0o660) == 0 else {
      throw Failure(description: "can't open \(path) for its group: \(PolicyStore.reason)")
    }
    return server
  }
}
