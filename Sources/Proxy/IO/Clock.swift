internal import Glibc

/// Time in milliseconds that never runs backwards; read once a turn.
enum Clock {
  static func milliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// For latencies; about ten times as dear as the coarse clock.
  static func microseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// Since 1970.
  static func unixMicroseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
  }

  /// Seconds since 1970, for what the file names by date.
  static func unixSeconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec)
  }
}

extension Duration {
  /// Whole milliseconds, at least 1 and at most a year.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    let bounded = min(max(seconds, 0), 31_536_000)
    return max(1, bounded * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
