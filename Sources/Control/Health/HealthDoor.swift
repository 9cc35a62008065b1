internal import Foundation
internal import Proxy
internal import Synchronization

/// Answers `/livez`, `/readyz` and `/startupz` on addresses of their own, and nothing else; whoever asks
/// often gets the answer of a moment ago.
final class HealthDoor: Sendable {
  enum Question: String { case livez, readyz, startupz }

  /// How long an answer is good.
  static let life = Duration.milliseconds(200)
  static let connectionLimit = 128

  private struct State {
    var server: ProxyServer?
    var known: [Question: (at: ContinuousClock.Instant, verdict: HealthVerdict)] = [:]
  }

  private let state = Mutex(State())
  private let changing = Mutex<Void>(())

  /// Opens it, changes it or closes it, as the file says; when it throws, all is as it was.
  func adopt(
    _ addresses: [SocketAddress], log: @escaping EventLog,
    _ judge: @escaping @Sendable (Question) -> HealthVerdict
  ) throws {
    try changing.withLock { _ in
      let running = state.withLock { $0.server }
      if addresses.isEmpty {
        state.withLock { $0.server = nil }
        running?.drain()
      } else if let running {
        try running.adopt(Self.configuration(addresses))
      } else {
        let server = try ProxyServer(
          Self.configuration(addresses), responder: { [self] in answer($0, judge) }, log: log)
        state.withLock { $0.server = server }
      }
    }
  }

  /// What was known is asked anew.
  func forget() { state.withLock { $0.known = [:] } }

  func stop() { state.withLock { $0.server }?.stop() }

  private func answer(
    _ request: LocalRequest, _ judge: @Sendable (Question) -> HealthVerdict
  ) -> LocalResponse {
    guard request.method == "GET" || request.method == "HEAD",
      let question = Question(rawValue: String(request.path.dropFirst()))
    else {
      return LocalResponse(
        status: 404, contentType: "text/plain; charset=utf-8",
        body: Array("here are GET /livez, /readyz and /startupz only\n".utf8))
    }
    let asJSON = request.values(of: "accept").contains { $0.lowercased().contains("json") }
    return verdict(question, judge).response(asJSON: asJSON)
  }

  /// One thread answers, so nobody else asks in the meantime.
  private func verdict(
    _ question: Question, _ judge: (Question) -> HealthVerdict
  ) -> HealthVerdict {
    let now = ContinuousClock.now
    if let known = state.withLock({ $0.known[question] }), now - known.at < Self.life {
      return known.verdict
    }
    let verdict = judge(question)
    state.withLock { $0.known[question] = (now, verdict) }
    return verdict
  }

  private static func configuration(_ addresses: [SocketAddress]) -> ProxyConfiguration {
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    // Nobody says who he is here, and nobody's idle connections keep others out.
    var callers = CallerLimits()
    callers.unknown = connectionLimit / 2
    callers.unknownFor = configuration.timeouts.connectionAge
    configuration.callers = callers
    configuration.limits.connections = connectionLimit
    configuration.limits.bodyBytes = 1
    configuration.timeouts.idle = .seconds(15)
    configuration.timeouts.body = .seconds(5)
    configuration.listeners = [.init(name: "health", addresses: addresses)]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    return configuration
  }
}
