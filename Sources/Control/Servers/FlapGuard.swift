/// Holds a server out that comes and goes too often, whatever takes it out: its checks, or failures under
/// the workers' eyes. Pure: times are milliseconds of a clock that never runs backwards.
///
/// A server that goes out is held there for a minute when one more return would be more changes than
/// `changes_per_minute` within the last minute; so it changes no more often than that.
struct FlapGuard {
  /// Whether it takes part, as far as it is not an administrator's or a tier's matter.
  enum Condition: Equatable { case well, down, setAside }

  struct Hold: Equatable {
    /// What it was when it was held: it stays that.
    var condition: Condition
    var until: Int64
    var changes: Int
  }

  enum Change: Equatable {
    case none, released
    case held(Hold)
  }

  static let minute: Int64 = 60_000

  private(set) var hold: Hold?
  private var last: Condition?
  private var changes: [Int64] = []

  /// Of what it is now; `limit` 0 holds nobody.
  mutating func note(_ condition: Condition, limit: Int, at now: Int64) -> Change {
    var change = Change.none
    if let hold {
      guard now >= hold.until || limit == 0 else { return .none }
      self.hold = nil
      change = .released
    }
    guard let before = last, before != condition else {
      last = condition
      return change
    }
    last = condition
    changes.removeAll { now - $0 >= Self.minute }
    changes.append(now)
    guard limit > 0, condition != .well, changes.count + 2 > limit else {
      if limit == 0 { changes = [] }
      return change
    }
    let hold = Hold(condition: condition, until: now + Self.minute, changes: changes.count)
    self.hold = hold
    return .held(hold)
  }
}
