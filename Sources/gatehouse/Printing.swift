import Foundation

/// Columns as wide as their widest cell, two spaces apart; no space ends a line. An empty header
/// prints none. Cells hold names of files and words of others: what would steer a terminal is shown as `?`.
func table(_ header: [String], _ rows: [[String]]) -> String {
  let all = (header.isEmpty ? rows : [header] + rows).map { $0.map(AuditText.visible) }
  let columns = all.map(\.count).max() ?? 0
  let widths = (0..<columns).map { column in
    all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
  }
  return all.map { row in
    guard let last = row.lastIndex(where: { !$0.isEmpty }) else { return "" }
    return row[...last].enumerated().map { column, cell in
      column == last ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}

/// A moment as RFC 3339, in UTC.
func certTime(_ date: Date) -> String { date.formatted(.iso8601) }
