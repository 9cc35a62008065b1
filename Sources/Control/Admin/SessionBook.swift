internal import Configuration
internal import Synchronization

/// Who has logged in with a token, so that a browser need not keep it: 12 hours at most, in memory alone.
final class SessionBook: Sendable {
  /// The oldest makes room for a new one.
  static let sessionLimit = 64
  static let life = Duration.seconds(12 * 3600)

  private struct Session {
    /// SHA-256 of what the cookie holds.
    var digest: [UInt8]
    var token: [UInt8]
    var began: ContinuousClock.Instant
  }

  /// Oldest first.
  private let sessions = Mutex<[Session]>([])

  /// What the cookie is to hold.
  func begin(_ token: [UInt8], at now: ContinuousClock.Instant = .now) -> String {
    let name = Credentials.random()
    sessions.withLock { all in
      all.removeAll { now - $0.began >= Self.life }
      // One who logs in again and again drives out his own sessions, not those of others.
      if all.count >= Self.sessionLimit {
        all.remove(at: all.firstIndex { Credentials.isSame($0.token, token) } ?? 0)
      }
      all.append(Session(digest: Credentials.digest(name), token: token, began: now))
    }
    return name
  }

  /// The digest of the token that it was begun with, and how long it still lasts.
  func token(
    of cookie: String, at now: ContinuousClock.Instant = .now
  ) -> (digest: [UInt8], left: Duration)? {
    let digest = Credentials.digest(cookie)
    return sessions.withLock { all in
      all.first { Credentials.isSame($0.digest, digest) && now - $0.began < Self.life }
        .map { ($0.token, Self.life - (now - $0.began)) }
    }
  }

  func end(_ cookie: String) {
    let digest = Credentials.digest(cookie)
    sessions.withLock { $0.removeAll { Credentials.isSame($0.digest, digest) } }
  }

  /// A token that is changed ends all that was begun with it.
  func keep(only tokens: [[UInt8]]) {
    sessions.withLock { $0.removeAll { !tokens.contains($0.token) } }
  }

  var count: Int { sessions.withLock { $0.count } }
}
