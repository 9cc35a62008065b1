import Foundation

/// Reads `until`: a day ends when the next one begins, a minute when it begins.
enum EndOfDay {
  static func parse(_ text: String, in zone: TimeZone) -> Int64? {
    let halves = text.split(separator: "T", omittingEmptySubsequences: false)
    guard halves.count <= 2, let day = numbers(halves[0], "-", widths: [4, 2, 2]) else {
      return nil
    }
    var minute = [0, 0]
    if halves.count == 2 {
      guard let time = numbers(halves[1], ":", widths: [2, 2]), time[0] < 24, time[1] < 60
      else { return nil }
      minute = time
    }
    guard day[0] >= 1970, (1...12).contains(day[1]), (1...days(day[1], day[0])).contains(day[2])
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = zone
    let parts = DateComponents(
      year: day[0], month: day[1], day: day[2], hour: minute[0], minute: minute[1])
    guard let date = calendar.date(from: parts) else { return nil }
    if halves.count == 2 { return Int64(date.timeIntervalSince1970) }
    guard let next = calendar.date(byAdding: .day, value: 1, to: date) else { return nil }
    return Int64(calendar.startOfDay(for: next).timeIntervalSince1970)
  }

  private static func numbers(_ text: Substring, _ separator: Character, widths: [Int]) -> [Int]? {
    let parts = text.split(separator: separator, omittingEmptySubsequences: false)
    guard parts.map(\.count) == widths else { return nil }
    let numbers = parts.compactMap { Quantity.whole($0) }
    return numbers.count == parts.count ? numbers : nil
  }

  private static func days(_ month: Int, _ year: Int) -> Int {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    switch month {
    case 2: return isLeap ? 29 : 28
    case 4, 6, 9, 11: return 30
    default: return 31
    }
  }
}
