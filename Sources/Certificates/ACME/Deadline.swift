internal import Glibc

/// The moment a wait must end.
struct Deadline: Sendable {
  private let end: ContinuousClock.Instant

  init(after time: Duration) { end = .now + time }

  private init(_ end: ContinuousClock.Instant) { self.end = end }

  var left: Duration { max(.zero, end - .now) }

  var isPassed: Bool { end <= .now }

  /// For `poll`, rounded up, so that a wait never ends just before its deadline.
  var milliseconds: Int32 {
    let (seconds, fraction) = left.components
    return Int32(
      clamping: seconds * 1_000 + (fraction + 999_999_999_999_999) / 1_000_000_000_000_000)
  }

  /// The sooner of this one and one that much from now.
  func sooner(_ time: Duration) -> Deadline { Deadline(min(end, .now + time)) }

  /// Sleeps that long, or until the deadline if that is sooner.
  func sleep(_ time: Duration) {
    let (seconds, fraction) = min(time, left).components
    var rest = timespec(tv_sec: Int(seconds), tv_nsec: Int(fraction / 1_000_000_000))
    var unslept = timespec()
    while unsafe nanosleep(&rest, &unslept) != 0, errno == EINTR { rest = unslept }
  }
}
