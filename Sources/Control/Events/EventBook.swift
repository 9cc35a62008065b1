internal import Foundation
internal import Logging
internal import Synchronization

/// What happened last: a ring in memory, and where there is a state folder a file beside it.
///
/// Whoever notes something waits for no disk and for no reader: both are served from a queue.
final class EventBook: Sendable {
  /// Older ones are forgotten.
  static let limit = 1000
  static let textLimit = 500

  private struct State {
    /// Oldest first.
    var events: [Event] = []
    var lastID: UInt64 = 0
    /// Up to here they are on disk, and told.
    var settledID: UInt64 = 0
    var isSettling = false
    var hear: (@Sendable (Event) -> Void)?
  }

  private let state: Mutex<State>
  private let file: EventFile?
  private let queue = DispatchQueue(label: "gatehouse.events")

  /// Goes on from what the file has, if there is one.
  init(_ path: String? = nil) {
    file = path.map(EventFile.init)
    var state = State()
    state.events = file?.read(EventBook.limit) ?? []
    state.lastID = state.events.last?.id ?? 0
    state.settledID = state.lastID
    self.state = Mutex(state)
  }

  func note(
    _ kind: Event.Kind, _ subject: String, _ text: String, _ severity: Event.Severity = .info,
    by: String? = nil, at: Date = Date()
  ) {
    let isFirst = state.withLock { state in
      state.lastID &+= 1
      state.events.append(
        Event(
          id: state.lastID, at: at, kind: kind, severity: severity, subject: Self.shown(subject),
          text: Self.shown(text), by: by.map(Self.shown)))
      if state.events.count > Self.limit { state.events.removeFirst() }
      defer { state.isSettling = true }
      return !state.isSettling
    }
    // One job at a time: it finds all that came meanwhile.
    if isFirst { queue.async { [self] in settle() } }
  }

  /// Those after an ID, then the last so many of them; oldest first.
  func last(_ count: Int, after id: UInt64 = 0) -> [Event] {
    state.withLock { state in
      let start = state.events.lastIndex { $0.id <= id }.map { $0 + 1 } ?? 0
      return Array(state.events[start...].suffix(max(0, count)))
    }
  }

  var lastID: UInt64 { state.withLock { $0.lastID } }

  /// From now on `hear` is told of each, one after the other, on a thread that may be kept waiting.
  func tell(_ hear: @escaping @Sendable (Event) -> Void) { state.withLock { $0.hear = hear } }

  /// Returns when what was noted before is on disk.
  func flush() { queue.sync {} }

  private func settle() {
    while true {
      let (events, hear) = state.withLock { state in
        let events = state.events.filter { $0.id > state.settledID }
        state.settledID = state.lastID
        if events.isEmpty { state.isSettling = false }
        return (events, state.hear)
      }
      guard !events.isEmpty else { return }
      file?.append(events) { last(Self.limit) }
      if let hear { for event in events { hear(event) } }
    }
  }

  private static func shown(_ text: String) -> String {
    String(AuditLog.visible(String(text.prefix(textLimit))).prefix(textLimit))
  }
}
