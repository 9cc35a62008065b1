public import Firewall
import Foundation

/// Works the windows of schedules out: the kernel knows neither weeks nor summer time.
extension Schedule {
  /// Beyond this many days they have to be worked out anew: by an apply, or by the agent.
  public static let horizonDays = 400

  /// With the windows from the day before a Unix time on: that day's may reach over midnight.
  public func workedOut(from time: Int64, days: Int = horizonDays) -> Schedule {
    guard let hours, let zone = TimeZone(identifier: hours.zone) else { return self }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let today = calendar.startOfDay(for: Date(timeIntervalSince1970: Double(time)))
    var schedule = self
    schedule.windows = []
    for offset in -1..<days {
      guard let day = calendar.date(byAdding: .day, value: offset, to: today),
        // Sunday is 1 to the calendar.
        hours.days.contains((calendar.component(.weekday, from: day) + 5) % 7),
        let opens = Self.moment(calendar, day, hours.opens),
        let closes = Self.moment(calendar, day, hours.closes), opens < closes
      else { continue }
      if let last = schedule.windows.last, opens <= last.closes {
        schedule.windows[schedule.windows.count - 1].closes = max(last.closes, closes)
      } else {
        schedule.windows.append(Window(opens: opens, closes: closes))
      }
    }
    return schedule
  }

  /// By the clock on the wall, so that hours stay what they are when summer time begins.
  private static func moment(_ calendar: Calendar, _ day: Date, _ minute: Int) -> Int64? {
    guard let date = calendar.date(byAdding: .day, value: minute / (24 * 60), to: day),
      // An hour that the clock leaves out is the one after it.
      let moment = calendar.date(
        bySettingHour: minute / 60 % 24, minute: minute % 60, second: 0, of: date,
        matchingPolicy: .nextTime)
    else { return nil }
    return Int64(moment.timeIntervalSince1970)
  }
}

extension FirewallPolicy {
  /// With the windows of every schedule worked out from a Unix time on.
  public func scheduled(from time: Int64) -> FirewallPolicy {
    var policy = self
    for index in services.indices {
      policy.services[index].schedule = services[index].schedule?.workedOut(from: time)
    }
    return policy
  }
}

extension PolicyVerdict {
  /// The same policy at any one time, also one that lies behind.
  func scheduled(at time: Int64) -> PolicyVerdict {
    var policy = policy
    for index in policy.services.indices {
      policy.services[index].schedule = policy.services[index].schedule?.workedOut(
        from: time, days: 1)
    }
    return PolicyVerdict(policy)
  }
}
