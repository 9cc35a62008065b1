import Control
import Foundation
import Proxy
import Synchronization

/// Asks the running process on threads of its own, so that the screen answers while it does not.
final class TopFeed: Sendable {
  struct Moment {
    var status: Status?
    var before: Status?
    /// Between the two.
    var seconds = 0.0
    var history: [TrafficMoment] = []
    var events: [Event] = []
    var trouble: String?
    /// What came of the last change that was asked for.
    var answer = ""
    var serial = 0
  }

  private let client: AdminClient
  private let state = Mutex(Moment())
  private let isOver = Mutex(false)
  private let lastAt = Mutex(Date())

  init(_ client: AdminClient) { self.client = client }

  var moment: Moment { state.withLock { $0 } }

  /// Once; throws what went wrong.
  func look() throws {
    let status = try client.status()
    let history = try client.history()
    let events = try client.events(last: 20)
    let seconds = lastAt.withLock { last in
      defer { last = Date() }
      return Date().timeIntervalSince(last)
    }
    state.withLock { state in
      state.before = state.status
      state.status = status
      state.seconds = seconds
      state.history = history
      state.events = events
      state.trouble = nil
      state.serial += 1
    }
  }

  func begin(every seconds: Double) {
    Thread.detachNewThread { [self] in
      while !isOver.withLock({ $0 }) {
        Thread.sleep(forTimeInterval: seconds)
        lookAgain()
      }
    }
  }

  func change(_ id: ServerID, _ change: ServerChange) {
    Thread.detachNewThread { [self] in
      let answer: String
      do { answer = ServerText.line(try client.set(id, change)) } catch {
        answer = "REFUSED: \(error)"
      }
      state.withLock {
        $0.answer = answer
        $0.serial += 1
      }
      lookAgain()
    }
  }

  func stop() { isOver.withLock { $0 = true } }

  private func lookAgain() {
    do { try look() } catch {
      state.withLock {
        $0.trouble = "\(error)".split(separator: "\n").first.map(String.init) ?? "no answer"
        $0.serial += 1
      }
    }
  }
}
