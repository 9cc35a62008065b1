public import Foundation

/// When a certificate is renewed, and how long to wait after a failure; pure.
public enum RenewalSchedule {
  /// Certificates that live this long or less are renewed at half their lifetime, not at two thirds.
  static let shortLifetime: TimeInterval = 10 * 86_400
  /// How much earlier than computed a renewal may come, of the lifetime, so that many do not come
  /// at once.
  static let jitterShare = 1.0 / 50
  /// A window of the authority's counts up to here, of the lifetime left: after it we renew anyway.
  static let latestShare = 1.0 / 6
  /// A certificate this young, or younger than a quarter of its lifetime, is not replaced because its
  /// authority says so: one that says so of every certificate would have us order without end.
  static let youth: TimeInterval = 6 * 3_600
  static let backOff: [TimeInterval] = [1, 2, 5, 10, 30, 60, 120, 240, 360].map { $0 * 60 }
  /// No authority is left alone for longer, whatever it asks for.
  static let pauseLimit: TimeInterval = 86_400

  /// When the lifetime alone says so; `jitter` is from 0 to 1.
  public static func renewal(notBefore: Date, notAfter: Date, jitter: Double) -> Date {
    let lifetime = max(0, notAfter.timeIntervalSince(notBefore))
    let left = lifetime <= shortLifetime ? lifetime / 2 : lifetime / 3
    return notAfter - left - lifetime * jitterShare * min(max(jitter, 0), 1)
  }

  /// When the authority has named a time: that one, but not at once after the last time, and not so
  /// late that a failure would end it.
  public static func renewal(selected: Date, notBefore: Date, notAfter: Date) -> Date {
    let lifetime = max(0, notAfter.timeIntervalSince(notBefore))
    let earliest = notBefore + min(youth, lifetime / 4)
    return min(max(selected, earliest), notAfter - lifetime * latestShare)
  }

  /// How long after the `failures`-th failure in a row the next attempt comes.
  public static func pause(after failures: Int) -> TimeInterval {
    backOff[min(max(failures, 1), backOff.count) - 1]
  }

  /// The same fraction for the same certificate, so that nothing has to be kept; from 0 to 1.
  static func jitter(of fingerprint: String) -> Double {
    Double(UInt32(fingerprint.prefix(8), radix: 16) ?? 0) / Double(UInt32.max)
  }
}
