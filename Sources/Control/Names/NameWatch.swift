internal import Configuration
internal import Foundation
internal import Logging
internal import Names
internal import Proxy
internal import Synchronization

/// Asks for the names of servers again when their TTL has passed; one that is gone keeps its last
/// addresses.
final class NameWatch: Sendable {
  /// For one name.
  static let askLimit = Duration.seconds(10)
  /// Names that are asked for at a time, so that one nobody answers for does not delay them all.
  static let laneCount = 8
  /// Between attempts for a name that fails.
  static let longestPause = Duration.seconds(60)

  private struct Entry {
    var known: ResolvedName
    var next: ContinuousClock.Instant
    /// In a row, and all that there were.
    var failuresInARow = 0
    var failures = 0
  }

  private struct State {
    var resolver = NameResolver()
    var entries: [String: Entry] = [:]
    /// Counts configurations, so that an answer for one before is dropped.
    var round = 0
  }

  private let logger: Logger
  private let state = Mutex(State())

  init(_ logger: Logger) { self.logger = logger }

  /// Begins with what a file's names meant when it was read.
  func adopt(_ loaded: LoadedConfiguration) {
    state.withLock { state in
      state.resolver = loaded.resolver
      state.round += 1
      state.entries = loaded.names.mapValues { known in
        let before = state.entries[known.name]
        let hasFailed = known.failure != nil
        return Entry(
          known: known, next: .now + known.life, failuresInARow: hasFailed ? 1 : 0,
          failures: (before?.failures ?? 0) + (hasFailed ? 1 : 0))
      }
    }
  }

  var addresses: [String: [IPAddress]] {
    state.withLock { $0.entries.mapValues { $0.known.addresses } }
  }

  var report: [Status.Name] {
    state.withLock { state in
      state.entries.values.sorted { $0.known.name < $1.known.name }.map {
        Status.Name(
          name: $0.known.name, addresses: $0.known.addresses.map { "\($0)" },
          failure: $0.known.failure, failures: $0.failures)
      }
    }
  }

  /// To be done every second or so; `move` puts new addresses to work, and says whether it could.
  func work(_ move: @escaping @Sendable (ResolvedName, _ before: ResolvedName) -> Bool) {
    let (due, resolver, round) = state.withLock { state in
      (
        state.entries.values.filter { $0.next <= .now }.map(\.known), state.resolver, state.round
      )
    }
    let lanes = min(due.count, Self.laneCount)
    let all = DispatchGroup()
    for lane in 0..<lanes {
      all.enter()
      Thread.detachNewThread { [self] in
        for index in stride(from: lane, to: due.count, by: lanes) {
          ask(due[index], resolver, round, move)
        }
        all.leave()
      }
    }
    // Each ends by its limit.
    all.wait()
  }

  private func ask(
    _ before: ResolvedName, _ resolver: NameResolver, _ round: Int,
    _ move: (ResolvedName, ResolvedName) -> Bool
  ) {
    do throws(NameResolver.Failure) {
      let found = try before.again(resolver, within: Self.askLimit)
      guard isCurrent(round) else { return }
      settle(before, found, move)
    } catch {
      guard isCurrent(round) else { return }
      keep(before, error.text)
    }
  }

  private func isCurrent(_ round: Int) -> Bool { state.withLock { $0.round == round } }

  private func settle(
    _ before: ResolvedName, _ found: ResolvedName, _ move: (ResolvedName, ResolvedName) -> Bool
  ) {
    if before.failure != nil {
      logger.notice("\(before.name) can be resolved again", metadata: .about(before.name))
    }
    let isMoved = found.addresses == before.addresses || move(found, before)
    state.withLock { state in
      guard var entry = state.entries[before.name] else { return }
      entry.known = found
      // What could not be put to work is tried again the next time.
      if !isMoved { entry.known.addresses = before.addresses }
      entry.failuresInARow = 0
      entry.next = .now + found.life
      state.entries[before.name] = entry
    }
  }

  private func keep(_ before: ResolvedName, _ why: String) {
    if before.failure == nil {
      logger.warning(
        "cannot resolve \(before.name): \(why); it stays at \(before.text)",
        metadata: .about(before.name))
    }
    state.withLock { state in
      guard var entry = state.entries[before.name] else { return }
      let pause = Duration.seconds(1 << min(entry.failuresInARow, 6))
      entry.known.failure = why
      entry.failuresInARow += 1
      entry.failures += 1
      entry.next = .now + min(max(pause, state.resolver.minimumLife), Self.longestPause)
      state.entries[before.name] = entry
    }
  }
}

extension Status {
  /// A name that servers are written with.
  public struct Name: Codable, Sendable {
    public let name: String
    public let addresses: [String]
    /// Why these are the last addresses that were known; nil where they are those of now.
    public let failure: String?
    /// Attempts to resolve it that came to nothing, since the start.
    public let failures: Int
  }
}
