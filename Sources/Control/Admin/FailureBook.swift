internal import Proxy
internal import Synchronization

/// Logins that failed, by address (of IPv6, by /64): who fails too often is not asked for a while.
final class FailureBook: Sendable {
  /// Failures in `span`.
  static let failureLimit = 10
  static let span = Duration.seconds(60)
  /// Addresses that are remembered; then the oldest are forgotten.
  static let addressLimit = 4096

  private struct Failures {
    var count: Int
    var since: ContinuousClock.Instant
  }

  private let book = Mutex<[IPAddress: Failures]>([:])

  /// How long the address has to wait; nil while it may try.
  func wait(of address: IPAddress, at now: ContinuousClock.Instant = .now) -> Duration? {
    book.withLock { book in
      guard let failures = book[Self.network(of: address)], failures.count >= Self.failureLimit,
        now - failures.since < Self.span
      else { return nil }
      return Self.span - (now - failures.since)
    }
  }

  func note(_ address: IPAddress, at now: ContinuousClock.Instant = .now) {
    let key = Self.network(of: address)
    book.withLock { book in
      if var failures = book[key], now - failures.since < Self.span {
        failures.count += 1
        book[key] = failures
        return
      }
      if book.count >= Self.addressLimit {
        book = book.filter { now - $0.value.since < Self.span }
        if book.count >= Self.addressLimit { book.removeAll() }
      }
      book[key] = Failures(count: 1, since: now)
    }
  }

  var addressCount: Int { book.withLock { $0.count } }

  private static func network(of address: IPAddress) -> IPAddress {
    switch address {
    case .ipv4: address
    case .ipv6(let bits): .ipv6((bits >> 64) << 64)
    }
  }
}
