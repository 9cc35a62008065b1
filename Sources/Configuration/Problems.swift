import Firewall

/// Why a file cannot be used: every line is `file:line:column: what; allowed; suggestion`.
public struct ConfigurationErrors: Error, Sendable, Equatable {
  public let lines: [String]

  public init(lines: [String]) { self.lines = lines }
}

/// Collects what is wrong with the files of one load, so that all of it is said at once.
final class Problems {
  /// More than anybody reads at once.
  static let limit = 50

  private var errors: [Problem] = []
  private(set) var warnings: [String] = []
  private var fileOrder: [String] = []

  struct Problem {
    var place: SourcePlace
    var text: String
  }

  var isEmpty: Bool { errors.isEmpty }
  var firstLine: String? { errors.first.map { "\($0.place): \($0.text)" } }

  /// Gives a file its turn among the errors: as it was opened.
  func begin(_ file: String) {
    if !fileOrder.contains(file) { fileOrder.append(file) }
  }

  func error(_ place: SourcePlace, _ text: String) {
    begin(place.file)
    errors.append(Problem(place: place, text: text))
  }

  func warning(_ place: SourcePlace, _ text: String) {
    warnings.append("\(place): warning: \(text)")
  }

  func add(_ finding: Finding) {
    switch finding.severity {
    case .error:
      let suggestion = finding.suggestion.map { "; \($0)" } ?? ""
      error(finding.place, finding.message + suggestion)
    case .warning: warnings.append(finding.description)
    }
  }

  /// Takes over all that another one collected.
  func add(_ other: Problems) {
    for file in other.fileOrder { begin(file) }
    for problem in other.errors { error(problem.place, problem.text) }
    warnings += other.warnings
  }

  /// Throws all errors so far, by file and line; returns when there are none.
  func throwIfAny() throws(ConfigurationErrors) {
    if !errors.isEmpty { throw ConfigurationErrors(lines: lines()) }
  }

  private func lines() -> [String] {
    let sorted = errors.enumerated().sorted { order($0) < order($1) }
    var lines = sorted.prefix(Self.limit).map { "\($0.element.place): \($0.element.text)" }
    if sorted.count > Self.limit {
      lines.append("and \(sorted.count - Self.limit) more; correct these first")
    }
    return lines
  }

  private func order(_ item: (offset: Int, element: Problem)) -> (Int, Int, Int, Int) {
    let place = item.element.place
    let file = fileOrder.firstIndex(of: place.file) ?? 0
    return (file, place.line, place.column, item.offset)
  }
}
