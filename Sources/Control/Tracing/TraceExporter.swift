internal import Certificates
internal import Configuration
internal import Foundation
internal import Logging
internal import Proxy
internal import Synchronization

/// Sends what was followed to a collector, in batches; traffic never waits for it, and what finds no
/// room is counted and dropped.
final class TraceExporter: Sendable {
  /// Requests that wait to be sent.
  static let queueLimit = 4096
  static let batchLimit = 512
  static let retryLimit = 5
  static let longestWait = 30.0

  private struct State {
    var target: TracingTarget?
    var queue: [FinishedTrace] = []
    /// Taken out to be sent, and not yet accepted.
    var batch: [FinishedTrace] = []
    var tries = 0
    var notBefore = Date.distantPast
    var exported: UInt64 = 0
    var dropped: UInt64 = 0
    var failure: String?
  }
  private let state = Mutex(State())
  private let logger: Logger
  private let host = ProcessInfo.processInfo.hostName

  init(_ logger: Logger) { self.logger = logger }

  /// Of a new generation; what waits goes where it says.
  func adopt(_ target: TracingTarget?) {
    state.withLock { state in
      state.target = target
      state.notBefore = .distantPast
      guard target == nil else { return }
      state.dropped &+= UInt64(state.queue.count + state.batch.count)
      state.queue = []
      state.batch = []
    }
  }

  func add(_ trace: FinishedTrace) {
    state.withLock { state in
      guard state.target != nil else { return }
      guard state.queue.count < Self.queueLimit else {
        state.dropped &+= 1
        return
      }
      state.queue.append(trace)
    }
  }

  var report: Status.Tracing? {
    state.withLock { state in
      state.target.map {
        Status.Tracing(
          collector: $0.url, exported: state.exported, dropped: state.dropped,
          waiting: state.queue.count + state.batch.count, failure: state.failure)
      }
    }
  }

  /// Sends all that waits, as long as the collector takes it; to be called each second, by one thread.
  func work(at now: Date = Date()) {
    while let (target, batch) = next(now) {
      let body = OTLPSpans(batch, service: target.service, host: host).json
      guard settle(Self.send(body, to: target), batch.count, now) else { return }
    }
  }

  private func next(_ now: Date) -> (TracingTarget, [FinishedTrace])? {
    state.withLock { state in
      guard let target = state.target, now >= state.notBefore else { return nil }
      if state.batch.isEmpty {
        state.batch = Array(state.queue.prefix(Self.batchLimit))
        state.queue.removeFirst(state.batch.count)
      }
      return state.batch.isEmpty ? nil : (target, state.batch)
    }
  }

  private enum Outcome {
    case accepted
    /// Of no use to anybody.
    case refused(String)
    case later(String, seconds: Int?)
  }

  private static func send(_ body: [UInt8], to target: TracingTarget) -> Outcome {
    do throws(CollectorClient.Failure) {
      let answer = try target.collector.post(body, type: "application/json")
      switch answer.status {
      case 200..<300: return .accepted
      // OTLP/HTTP: these may be tried again.
      case 429, 502, 503, 504: return .later("status \(answer.status)", seconds: answer.retryAfter)
      default: return .refused("status \(answer.status)")
      }
    } catch { return .later(error.description, seconds: nil) }
  }

  /// Whether the next batch may be sent at once.
  private func settle(_ outcome: Outcome, _ count: Int, _ now: Date) -> Bool {
    let (news, goesOn) = state.withLock { state -> (String?, Bool) in
      let before = state.failure
      switch outcome {
      case .accepted:
        state.exported &+= UInt64(count)
        state.batch = []
        state.tries = 0
        state.failure = nil
        return (before == nil ? nil : "takes spans again", true)
      case .refused(let why):
        drop(&state)
        state.failure = why
        return (before == why ? nil : "refuses spans: \(why)", true)
      case .later(let why, let seconds):
        state.tries += 1
        if state.tries > Self.retryLimit { drop(&state) }
        let wait = Double(max(0, seconds ?? 0))
        let backOff = min(Self.longestWait, Double(1 << min(state.tries, 5)))
        state.notBefore = now + min(Self.longestWait, max(wait, backOff))
        state.failure = why
        return (before == why ? nil : "does not take spans: \(why); trying again", false)
      }
    }
    if let news { logger.warning("the collector of traces \(news)") }
    return goesOn
  }

  private func drop(_ state: inout State) {
    state.dropped &+= UInt64(state.batch.count)
    state.batch = []
    state.tries = 0
  }
}

extension Status {
  /// Where spans go; counts are of requests.
  public struct Tracing: Codable, Sendable {
    public let collector: String
    public let exported: UInt64
    public let dropped: UInt64
    public let waiting: Int
    /// Why the last batch was not taken.
    public let failure: String?
  }
}
