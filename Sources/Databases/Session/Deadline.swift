/// The moment a wait must end.
struct Deadline: Sendable {
  private let end: ContinuousClock.Instant

  init(after time: Duration) { end = .now + time }

  var isPassed: Bool { end <= .now }

  /// For `poll`, rounded up, so that a wait never ends just before its deadline.
  var milliseconds: Int32 {
    let (seconds, fraction) = max(.zero, end - .now).components
    return Int32(
      clamping: seconds * 1_000 + (fraction + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
