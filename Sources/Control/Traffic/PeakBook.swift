internal import Foundation
internal import Proxy
internal import Synchronization

/// The most that was seen since the start, and how much came in the last second, for tools that ask for
/// maxima; as seen once a second, so what came and went between two looks is not in it.
final class PeakBook: Sendable {
  enum Key: Hashable {
    case listener(String)
    case backend(String)
    case server(ServerID)
  }

  /// Connections of a listener, exchanges of a backend or a server.
  struct Peaks: Equatable {
    var active = 0
    var queued = 0
    /// Connections of a listener, requests of others; in the last second, and the most in one.
    var rate = 0
    var highestRate = 0
    /// Of a listener.
    var requestRate = 0
    var highestRequestRate = 0
  }

  private struct Seen {
    var active = 0
    var queued = 0
    var begun: UInt64 = 0
    var requests: UInt64 = 0
  }

  private struct State {
    var at: Date?
    var seen: [Key: Seen] = [:]
    var peaks: [Key: Peaks] = [:]
  }

  private let state = Mutex(State())

  var peaks: [Key: Peaks] { state.withLock { $0.peaks } }

  /// To be called each second; what is no longer told of is forgotten.
  func add(_ reports: [WorkerReport], at time: Date = Date()) {
    let seen = Self.seen(reports)
    state.withLock { state in
      let seconds = state.at.map { time.timeIntervalSince($0) } ?? 0
      var peaks: [Key: Peaks] = [:]
      for (key, now) in seen {
        var peak = state.peaks[key] ?? Peaks()
        peak.active = max(peak.active, now.active)
        peak.queued = max(peak.queued, now.queued)
        if seconds > 0, let then = state.seen[key] {
          peak.rate = Self.rate(then.begun, now.begun, seconds)
          peak.requestRate = Self.rate(then.requests, now.requests, seconds)
        }
        peak.highestRate = max(peak.highestRate, peak.rate)
        peak.highestRequestRate = max(peak.highestRequestRate, peak.requestRate)
        peaks[key] = peak
      }
      state = State(at: time, seen: seen, peaks: peaks)
    }
  }

  private static func seen(_ reports: [WorkerReport]) -> [Key: Seen] {
    var seen: [Key: Seen] = [:]
    for report in reports {
      for (name, meter) in report.traffic.listeners {
        seen[.listener(name), default: Seen()].active += Int(clamping: meter.connections)
        seen[.listener(name), default: Seen()].begun &+= meter.accepted
        seen[.listener(name), default: Seen()].requests &+= meter.responses.total
      }
      for (name, count) in report.queued { seen[.backend(name), default: Seen()].queued += count }
      for server in report.servers {
        let id = ServerID(backend: server.backend, server: server.name)
        for key in [Key.backend(server.backend), .server(id)] {
          seen[key, default: Seen()].active += server.active
          seen[key, default: Seen()].begun &+= server.requests
        }
      }
    }
    return seen
  }

  /// Counters fall where something was replaced.
  private static func rate(_ then: UInt64, _ now: UInt64, _ seconds: Double) -> Int {
    now > then ? Int(min((Double(now - then) / seconds).rounded(), 1e12)) : 0
  }
}
