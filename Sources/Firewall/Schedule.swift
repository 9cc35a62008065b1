/// When a service is open: windows of Unix time in seconds, worked out from days and hours.
///
/// The kernel gets the windows themselves, so days, hours and daylight saving are right with our
/// program dead; beyond the last window the service is closed.
public struct Schedule: Sendable, Equatable, Codable {
  /// From `opens`, up to but not including `closes`.
  public struct Window: Sendable, Equatable, Codable {
    public var opens: Int64
    public var closes: Int64

    public init(opens: Int64, closes: Int64) {
      self.opens = opens
      self.closes = closes
    }
  }
  /// What the windows are worked out from: days of the week and minutes of the day, by the clock on
  /// the wall of a time zone.
  public struct Hours: Sendable, Equatable, Codable {
    /// Monday is 0.
    public var days: Set<Int>
    public var opens: Int
    /// More than a day's 1440 where it closes on the day after.
    public var closes: Int
    /// Such as Europe/Berlin.
    public var zone: String

    public init(days: Set<Int>, opens: Int, closes: Int, zone: String) {
      self.days = days
      self.opens = opens
      self.closes = closes
      self.zone = zone
    }
  }
  /// As it is written, for explanations.
  public var text: String
  /// Nil where the windows were given, as in tests.
  public var hours: Hours?
  /// Disjoint and ascending.
  public var windows: [Window]

  public init(text: String, hours: Hours? = nil, windows: [Window] = []) {
    self.text = text
    self.hours = hours
    self.windows = windows
  }

  public func isOpen(at time: Int64) -> Bool {
    windows.contains { $0.opens <= time && time < $0.closes }
  }
}
