internal import Foundation

/// Columns that line up, without spaces at the end of a line.
func certTable(_ header: [String], _ rows: [[String]]) -> String {
  let lines = header.isEmpty ? rows : [header] + rows
  let columns = lines.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in
    lines.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  return lines.map { line in
    line.enumerated().map { column, text in
      let isLast = column == line.count - 1
      return isLast ? text : text + String(repeating: " ", count: widths[column] - text.count)
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}

/// A value as indented JSON, keys in order.
func certJSON(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// A moment as RFC 3339, in UTC.
func certTime(_ date: Date) -> String { date.formatted(.iso8601) }
