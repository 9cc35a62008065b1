/// When a listener takes new connections from others than those who administer it.
public struct OpeningHours: Sendable, Equatable {
  /// Unix time in seconds: from `opens`, up to but not including `closes`.
  public struct Window: Sendable, Equatable {
    public var opens: Int64
    public var closes: Int64

    public init(opens: Int64, closes: Int64) {
      self.opens = opens
      self.closes = closes
    }
  }
  /// Disjoint and ascending; beyond the last one it is closed.
  public var windows: [Window]
  public var managers: AccessRules

  public init(windows: [Window], managers: AccessRules) {
    self.windows = windows
    self.managers = managers
  }

  func admits(_ address: IPAddress, at time: Int64) -> Bool {
    windows.contains { $0.opens <= time && time < $0.closes } || managers.allows(address, at: time)
  }
}
