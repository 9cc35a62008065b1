/// When an exchange reached each of its stations, in microseconds of the worker's clock; 0 where it did
/// not.
struct ExchangeTimes {
  /// The first byte of its head came.
  var began: Int64 = 0
  /// Its head was whole.
  var started: Int64 = 0
  /// A server was chosen for good; before that it may have waited for one.
  var placed: Int64 = 0
  /// A connection to that server was ready.
  var connected: Int64 = 0
  /// The response's head came.
  var answered: Int64 = 0

  /// A new choice of server: what was reached with the one before does not count.
  mutating func placeAnew(at now: Int64) {
    placed = now
    connected = 0
  }
}
