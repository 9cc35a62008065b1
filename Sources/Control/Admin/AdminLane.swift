internal import Foundation
internal import Proxy
internal import Synchronization

/// Where what takes time is done, apart from the thread that answers all others: an apply waits for
/// disks, names and workers, and nobody else's status should.
final class AdminLane: Sendable {
  /// Done at a time.
  static let threadLimit = 4
  /// Under way or waiting, of all callers and of one.
  static let workLimit = 64
  static let callerLimit = 16

  private let queue: OperationQueue
  /// By caller.
  private let working = Mutex<[String: Int]>([:])

  init(_ name: String) {
    queue = OperationQueue()
    queue.name = name
    queue.maxConcurrentOperationCount = Self.threadLimit
  }

  /// An answer that comes when the work is done; a refusal at once where too much is to be done already.
  func answer(
    _ caller: String, _ work: @escaping @Sendable () -> LocalResponse
  ) -> LocalResponse {
    if let refusal = enter(caller) { return refusal }
    var response = LocalResponse(status: 503, contentType: "application/json", body: [])
    response.later = { [self] answer in
      queue.addOperation { [self] in
        let done = work()
        leave(caller)
        answer(done)
      }
    }
    return response
  }

  private func enter(_ caller: String) -> LocalResponse? {
    working.withLock { working in
      guard working[caller, default: 0] < Self.callerLimit else {
        return Self.refusal(
          429, "\(Self.callerLimit) of your requests are worked on already; wait for them")
      }
      guard working.values.reduce(0, +) < Self.workLimit else {
        return Self.refusal(
          503, "\(Self.workLimit) requests are worked on already; try again soon")
      }
      working[caller, default: 0] += 1
      return nil
    }
  }

  private func leave(_ caller: String) {
    working.withLock { working in
      working[caller, default: 1] -= 1
      if working[caller] == 0 { working[caller] = nil }
    }
  }

  private static func refusal(_ status: UInt16, _ message: String) -> LocalResponse {
    var refusal = AdminAPI.failure(status, message)
    refusal.fields = [LocalField("Retry-After", "1")]
    return refusal
  }
}
