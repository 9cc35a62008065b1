internal import Firewall

/// Why a configuration was refused: `file:line:column: what was found; what is allowed`, a line each.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
  public let lines: [String]

  public init(lines: [String]) { self.lines = lines }

  public var description: String { lines.joined(separator: "\n") }
}

/// Collects what is wrong with a configuration, so that all of it is told at once.
final class Problems {
  /// More would bury the first.
  private static let limit = 50

  private var errors: [(place: SourcePlace, text: String)] = []
  private(set) var warnings: [String] = []

  var hasErrors: Bool { !errors.isEmpty }

  func error(_ place: SourcePlace, _ text: String) {
    guard errors.count < Self.limit else { return }
    errors.append((place, text))
  }

  func warn(_ text: String) { warnings.append(text) }

  func add(_ findings: [Finding]) {
    for finding in findings {
      switch finding.severity {
      case .error:
        let suggestion = finding.suggestion.map { "; \($0)" } ?? ""
        error(finding.place, finding.message + suggestion)
      case .warning: warn("\(finding)")
      }
    }
  }

  /// By file and line.
  var sorted: ConfigurationErrors {
    let ordered = errors.sorted {
      ($0.place.file, $0.place.line, $0.place.column)
        < ($1.place.file, $1.place.line, $1.place.column)
    }
    return ConfigurationErrors(
      lines: ordered.map { item in
        item.place.line > 0 ? "\(item.place): \(item.text)" : "\(item.place.file): \(item.text)"
      })
  }
}

/// The nearest of some names, for "did you mean".
enum Suggestion {
  static func text(for word: String, among names: [String]) -> String {
    let near = names.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
    if let near, near.1 <= max(1, word.count / 3) { return "; did you mean \"\(near.0)\"?" }
    guard !names.isEmpty else { return "" }
    return "; allowed: \(names.joined(separator: ", "))"
  }

  /// Insertions, deletions, substitutions and neighbours swapped.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.prefix(64))
    let b = Array(b.prefix(64))
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      before = last
      last = row
    }
    return last[b.count]
  }
}
