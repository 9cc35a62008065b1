import Firewall
import Foundation

extension PolicyReader {
  func schedule(_ map: MapReader) -> Schedule? {
    let dayItems = map.items(ScheduleFields.days)
    let days = dayItems.map { Set($0.flatMap { self.days($0, map) }) } ?? Set(0..<7)
    let hours = map.text(ScheduleFields.hours) ?? "00:00-24:00"
    guard let (opens, closes) = Self.minutes(hours) else {
      guard let value = map[ScheduleFields.hours] else { return nil }
      return map.refuse(value, ScheduleFields.hours, "is no span of hours")
    }
    guard !days.isEmpty else {
      guard let value = map[ScheduleFields.days], dayItems?.isEmpty ?? false else { return nil }
      return map.refuse(value, ScheduleFields.days, "names no day")
    }
    let names = Self.dayNames.indices.filter(days.contains).map { Self.dayNames[$0] }
    let text = "\(names.joined(separator: ",")) \(hours) \(zone.identifier)"
    return Schedule(
      text: text, hours: .init(days: days, opens: opens, closes: closes, zone: zone.identifier)
    ).workedOut(from: now)
  }

  private static let dayNames = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

  /// `mon` or `fri-mon`, Monday being 0.
  private func days(_ item: YAMLValue, _ map: MapReader) -> [Int] {
    guard let text = item.text("\"days\"\(map.inLabel)", problems) else { return [] }
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map {
      Self.dayNames.firstIndex(of: String($0))
    }
    guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1] else {
      let _: Void? = map.refuse(item, ScheduleFields.days, "is no day")
      return []
    }
    return (0...((last - first + 7) % 7)).map { (first + $0) % 7 }
  }

  /// Minutes of the day; the end is beyond 24:00 where it is not later than the beginning.
  private static func minutes(_ text: String) -> (opens: Int, closes: Int)? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end -> Int? in
      let parts = end.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.map(\.count) == [2, 2], let hour = Quantity.whole(parts[0]),
        let minute = Quantity.whole(parts[1]), minute < 60, hour * 60 + minute <= 24 * 60
      else { return nil }
      return hour * 60 + minute
    }
    guard ends.count == 2, let opens = ends[0], let closes = ends[1], opens < 24 * 60
    else { return nil }
    return (opens, closes > opens ? closes : closes + 24 * 60)
  }
}
