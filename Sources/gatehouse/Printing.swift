import Foundation

/// Columns as wide as their widest cell, two spaces apart; no space ends a line.
func table(_ header: [String], _ rows: [[String]]) -> String {
  let all = [header] + rows
  let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
  return all.map { row in
    let last = row.lastIndex { !$0.isEmpty } ?? 0
    return row[...last].enumerated().map { column, cell in
      column == last ? cell : cell.padding(toLength: widths[column], withPad: " ", startingAt: 0)
    }.joined(separator: "  ")
  }.joined(separator: "\n")
}
