internal import Configuration
internal import Foundation
internal import Proxy
internal import Synchronization

/// The admin API over TCP, off unless the file opens it: one more proxy, apart from the one that serves
/// clients and from the admin socket.
final class AdminDoor: Sendable {
  static let listener = "admin"
  /// Clients at a time.
  static let connectionLimit = 256
  static let bodyLimit = 1 << 20

  private struct State {
    var terms: AdminListen?
    var server: ProxyServer?
    var watch: FolderWatch?
  }

  private let sessions = SessionBook()
  private let failures = FailureBook()
  private let state = Mutex(State())
  /// One change at a time.
  private let changing = Mutex<Void>(())

  /// All that can be known of it without binding its addresses.
  static func check(_ terms: AdminListen) throws { try ProxyServer.check(configuration(terms)) }

  /// Opens it, changes it or closes it, as the file says; when it throws, all is as it was.
  func adopt(_ terms: AdminListen?, _ api: AdminAPI, log: @escaping EventLog) throws {
    try changing.withLock { _ in
      guard let terms else { return close() }
      let configuration = Self.configuration(terms)
      let running = state.withLock { $0.server }
      if let running {
        try running.adopt(configuration)
      } else {
        let server = try ProxyServer(
          configuration, responder: { [self] in answer($0, api) }, log: log)
        state.withLock { $0.server = server }
      }
      state.withLock {
        $0.terms = terms
        $0.watch = terms.certificateFolder.map { FolderWatch(folders: [$0]) }
      }
      sessions.keep(only: Array(terms.tokens.values))
      // Who listens may no longer be one who may: he comes again, and is asked.
      running?.endEventStreams()
    }
  }

  var addresses: [SocketAddress] { state.withLock { $0.server }?.addresses ?? [] }

  /// Lets time pass: certificates that change, keys that age. What is wrong with a certificate is
  /// returned.
  func follow() -> String? {
    let (server, watch, folder) = state.withLock {
      ($0.server, $0.watch, $0.terms?.certificateFolder)
    }
    guard let server, let watch, let folder else { return nil }
    server.renewTicketKeys()
    guard watch.hasChanged([folder]) else { return nil }
    do {
      let found = try CertificateFolder(path: folder).read().compactMap(\.certificate)
      guard !found.isEmpty else { return "no certificate in \(folder) can be served" }
      try server.adopt(certificates: [Self.listener: found])
      return nil
    } catch { return "\(error)" }
  }

  var audience: Int { state.withLock { $0.server }?.audience ?? 0 }

  func publish(_ bytes: [UInt8]) { state.withLock { $0.server }?.publish(bytes) }

  func endEventStreams() { state.withLock { $0.server }?.endEventStreams() }

  func stop() { state.withLock { $0.server }?.stop() }

  private func answer(_ request: LocalRequest, _ api: AdminAPI) -> LocalResponse {
    guard let terms = state.withLock({ $0.terms }) else {
      return AdminAPI.failure(503, "not yet; ask again")
    }
    return api.answer(
      request, by: DoorKeeper(terms: terms, sessions: sessions, failures: failures))
  }

  private func close() {
    let server = state.withLock { state in
      defer { state = State() }
      return state.server
    }
    sessions.keep(only: [])
    server?.drain()
  }

  private static func configuration(_ terms: AdminListen) -> ProxyConfiguration {
    var listener = ProxyConfiguration.Listener(name: Self.listener, addresses: terms.addresses)
    if terms.isTLS {
      var tls = ProxyConfiguration.TLS()
      tls.certificates = terms.certificates
      // Which hosts are answered, `names` says.
      tls.defaultCertificate = terms.certificates.first?.name
      tls.clientAuth = terms.clientAuth
      listener.tls = tls
    }
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.callers = CallerLimits()
    configuration.limits.connections = connectionLimit
    configuration.limits.bodyBytes = bodyLimit
    configuration.listeners = [listener]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    return configuration
  }
}
