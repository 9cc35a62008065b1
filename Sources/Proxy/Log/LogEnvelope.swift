internal import Glibc

/// What goes around a line on its way to syslog or the journal.
struct LogEnvelope {
  private enum Kind { case none, syslog, journal }

  /// Between the fields of a record for the journal; no escaped byte is one.
  static let fieldEnd: UInt8 = 0x1f

  private let kind: Kind
  private let before: [UInt8]
  private let after: [UInt8]

  init(_ plan: ProxyConfiguration.AccessLog) {
    let host = LogText.hostName
    switch plan.target {
    case .file, .standardError: (kind, before, after) = (.none, [], [])
    case .syslogDatagrams, .syslogStream:
      kind = .syslog
      // Severity 6 is informational.
      before = Array("<\(Int(plan.facility) * 8 + 6)>1 ".utf8)
      after = Array(" \(host.isEmpty ? "-" : host) gatehouse \(getpid()) access - ".utf8)
    case .journald:
      kind = .journal
      before = Array(
        "SYSLOG_IDENTIFIER=gatehouse\nSYSLOG_FACILITY=\(plan.facility)\nSYSLOG_PID=\(getpid())\n"
          .utf8)
      after = []
    }
  }

  /// `isCounted`: with its length before it (RFC 6587, section 3.4.1).
  func wrap(_ line: ArraySlice<UInt8>, isCounted: Bool, into frame: inout [UInt8]) {
    frame.removeAll(keepingCapacity: true)
    switch kind {
    case .none: frame += line
    case .syslog:
      let time = CivilTime(unixMilliseconds: LogText.unixMilliseconds()).rfc3339
      let count = before.count + time.count + after.count + line.count
      if isCounted { frame += Array("\(count) ".utf8) }
      frame += before
      frame += time
      frame += after
      frame += line
    case .journal:
      frame += before
      for byte in line { frame.append(byte == Self.fieldEnd ? LogLine.end : byte) }
      frame.append(LogLine.end)
    }
  }
}

/// A time by the calendar, in UTC.
struct CivilTime {
  let year, month, day, hour, minute, second, millisecond: Int

  init(unixMilliseconds time: Int64) {
    // From 1970 to 9999, so that no date can be odd.
    let time = Int(min(max(time, 0), 253_402_300_799_999))
    let days = time / 86_400_000
    let rest = time % 86_400_000
    (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60)
    (second, millisecond) = (rest / 1000 % 60, rest % 1000)
    // Years that begin in March, so that the leap day is the last one; 400 of them have 146,097 days.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// As 2026-11-27T08:06:53.123Z.
  var rfc3339: [UInt8] {
    [UInt8](capacity: 24) { write(into: &$0) }
  }

  func write(into output: inout OutputSpan<UInt8>) {
    output.put(year, digits: 4)
    output.put("-")
    output.put(month, digits: 2)
    output.put("-")
    output.put(day, digits: 2)
    output.put("T")
    writeTime(into: &output)
    output.put(".")
    output.put(millisecond, digits: 3)
    output.put("Z")
  }

  /// As 27/Nov/2026:08:06:53.
  func writeCommon(into output: inout OutputSpan<UInt8>) {
    output.put(day, digits: 2)
    output.put("/")
    output.put(monthName)
    output.put("/")
    output.put(year, digits: 4)
    output.put(":")
    writeTime(into: &output)
  }

  /// As Nov 27 08:06:53.
  func writeSyslog(into output: inout OutputSpan<UInt8>) {
    output.put(monthName)
    output.put(day < 10 ? "  " : " ")
    output.put(decimal: day)
    output.put(" ")
    writeTime(into: &output)
  }

  private func writeTime(into output: inout OutputSpan<UInt8>) {
    output.put(hour, digits: 2)
    output.put(":")
    output.put(minute, digits: 2)
    output.put(":")
    output.put(second, digits: 2)
  }

  private var monthName: StaticString {
    switch month {
    case 1: "Jan"
    case 2: "Feb"
    case 3: "Mar"
    case 4: "Apr"
    case 5: "May"
    case 6: "Jun"
    case 7: "Jul"
    case 8: "Aug"
    case 9: "Sep"
    case 10: "Oct"
    case 11: "Nov"
    default: "Dec"
    }
  }
}
