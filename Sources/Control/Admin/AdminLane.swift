internal import Foundation
internal import Proxy
internal import Synchronization

/// Where what takes time is done, apart from the thread that answers all others: an apply waits for
/// disks, names and workers, and nobody else's status should.
final class AdminLane: Sendable {
  /// Done at a time, of all callers and of one: there is always a thread for somebody else.
  static let threadLimit = 4
  static let callerThreadLimit = 3
  /// Under way or waiting, of all callers and of one.
  static let workLimit = 64
  static let callerLimit = 16

  private struct Job: Sendable {
    var caller: String
    var run: @Sendable () -> Void
  }

  private struct State {
    /// The oldest first.
    var waiting: [Job] = []
    /// By caller.
    var running: [String: Int] = [:]

    func count(of caller: String) -> Int {
      running[caller, default: 0] + waiting.count { $0.caller == caller }
    }

    var count: Int { running.values.reduce(waiting.count, +) }

    /// The next that there is a thread for, now counted as running.
    mutating func next() -> Job? {
      guard running.values.reduce(0, +) < threadLimit,
        let place = waiting.firstIndex(where: {
          running[$0.caller, default: 0] < callerThreadLimit
        })
      else { return nil }
      let job = waiting.remove(at: place)
      running[job.caller, default: 0] += 1
      return job
    }

    mutating func end(_ caller: String) {
      running[caller, default: 1] -= 1
      if running[caller] == 0 { running[caller] = nil }
    }
  }

  private let queue: OperationQueue
  private let state = Mutex(State())

  init(_ name: String) {
    queue = OperationQueue()
    queue.name = name
    queue.maxConcurrentOperationCount = Self.threadLimit
  }

  /// An answer that comes when the work is done, or a refusal where too much is to be done already.
  func answer(
    _ caller: String, _ work: @escaping @Sendable () -> LocalResponse
  ) -> LocalResponse {
    var response = LocalResponse(status: 503, contentType: "application/json", body: [])
    response.later = { [self] answer in
      if let refusal = enter(Job(caller: caller) { answer(work()) }) { return answer(refusal) }
      begin()
    }
    return response
  }

  private func enter(_ job: Job) -> LocalResponse? {
    state.withLock { state in
      guard state.count(of: job.caller) < Self.callerLimit else {
        return Self.refusal(
          429, "\(Self.callerLimit) of your requests are worked on already; wait for them")
      }
      guard state.count < Self.workLimit else {
        return Self.refusal(
          503, "\(Self.workLimit) requests are worked on already; try again soon")
      }
      state.waiting.append(job)
      return nil
    }
  }

  /// Begins all that there is a thread for.
  private func begin() {
    while let job = state.withLock({ $0.next() }) {
      queue.addOperation { [self] in
        job.run()
        state.withLock { $0.end(job.caller) }
        begin()
      }
    }
  }

  private static func refusal(_ status: UInt16, _ message: String) -> LocalResponse {
    var refusal = AdminAPI.failure(status, message)
    refusal.fields = [LocalField("Retry-After", "1")]
    return refusal
  }
}
