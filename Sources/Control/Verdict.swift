public import Foundation
internal import Synchronization

/// How the whole process does, in one sentence, and all that keeps it from being well.
public struct Verdict: Codable, Sendable, Equatable {
  public enum Severity: String, Codable, Sendable, CaseIterable, Comparable {
    case ok
    /// Something is wrong, and clients are served.
    case degraded
    /// Some of what clients ask for cannot be served.
    case down

    public static func < (one: Severity, other: Severity) -> Bool {
      (allCases.firstIndex(of: one) ?? 0) < (allCases.firstIndex(of: other) ?? 0)
    }
  }

  public struct Cause: Codable, Sendable, Equatable {
    public let severity: Severity
    /// "web", "web/s1", a certificate's name.
    public let subject: String
    /// Short enough for the sentence.
    public let text: String
    /// What more is known of it; empty where that is all.
    public let detail: String
    /// What to type to see more of it, or to mend it.
    public let next: String

    init(
      _ severity: Severity, _ subject: String, _ text: String, detail: String = "", next: String
    ) {
      self.severity = severity
      self.subject = subject
      self.text = text
      self.detail = detail
      self.next = next
    }
  }

  public let severity: Severity
  /// When the severity last changed, as this process knows it.
  public let since: Date
  /// "DEGRADED since 14:02 – backend api 1/2 up"
  public let sentence: String
  /// The worst first.
  public let causes: [Cause]
}

extension Verdict {
  /// Causes named in the sentence; there may be more.
  static let namedLimit = 3

  init(_ status: Status, _ causes: [Cause], since: Date, now: Date = Date()) {
    self.causes = causes
    self.since = since
    severity = causes.map(\.severity).max() ?? .ok
    var named = causes.prefix(Self.namedLimit).map(\.text)
    if causes.count > Self.namedLimit { named.append("\(causes.count - Self.namedLimit) more") }
    let what = causes.isEmpty ? Self.well(status) : named.joined(separator: "; ")
    sentence = "\(severity.rawValue.uppercased()) since \(Self.clock(since, now)) – \(what)"
  }

  private static func well(_ status: Status) -> String {
    let servers = status.backends.flatMap(\.servers)
    let up = servers.count { $0.takesRequests || $0.state == "standby" }
    let backends = status.backends.count == 1 ? "1 backend" : "\(status.backends.count) backends"
    return "\(backends), \(up)/\(servers.count) servers up"
  }

  /// In UTC, as the log has it: "14:02", with its day when that was another.
  static func clock(_ time: Date, _ now: Date) -> String {
    let text = time.formatted(.iso8601)
    let day = text.prefix(10)
    let minute = text.dropFirst(11).prefix(5)
    return day == now.formatted(.iso8601).prefix(10) ? "\(minute)" : "\(day) \(minute)"
  }
}

/// Remembers when the severity last changed.
final class VerdictKeeper: Sendable {
  private struct State {
    var severity: Verdict.Severity?
    var since: Date
    var event: UInt64 = 0
    var looks = 0
  }

  /// Without an event, one look of so many is taken.
  private static let idleLooks = 10

  private let state: Mutex<State>

  init(startedAt: Date) { state = Mutex(State(since: startedAt)) }

  /// Whether it is time to look: something happened since, or nothing for long.
  func isDue(_ event: UInt64) -> Bool {
    state.withLock { state in
      state.looks += 1
      guard event != state.event || state.looks >= Self.idleLooks else { return false }
      state.event = event
      state.looks = 0
      return true
    }
  }

  /// Since when it is so; the first that is said holds since the start.
  func since(_ severity: Verdict.Severity, now: Date = Date()) -> Date {
    state.withLock { state in
      if let before = state.severity, before != severity { state.since = now }
      state.severity = severity
      return state.since
    }
  }
}
