import Firewall

/// A text by its lines, counted from 1 as places are.
struct TextLines {
  private var lines: [[String]]

  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { [String($0)] }
  }

  var text: String { lines.joined().joined(separator: "\n") }

  /// The lines in place of one.
  subscript(_ number: Int) -> [String] {
    get { lines.indices.contains(number - 1) ? lines[number - 1] : [] }
    set { if lines.indices.contains(number - 1) { lines[number - 1] = newValue } }
  }

  /// What stands before a place in its line, and from there on.
  func split(at place: SourcePlace) -> (String, String)? {
    guard let line = self[place.line].first else { return nil }
    let scalars = line.unicodeScalars
    guard place.column >= 1,
      let index = scalars.index(
        scalars.startIndex, offsetBy: place.column - 1, limitedBy: scalars.endIndex)
    else { return nil }
    return (String(line[..<index]), String(line[index...]))
  }

  /// A scalar as it is written, its quotes with it; nil where it is written over several lines, or
  /// with escapes.
  func scalar(_ value: YAMLValue) -> String? {
    guard let plain = value.plain, let (_, rest) = split(at: value.place) else { return nil }
    return [plain, "\"\(plain)\"", "'\(plain)'"].first { rest.hasPrefix($0) }
  }

  mutating func replace(_ word: String, at place: SourcePlace, with other: String) {
    guard let (start, rest) = split(at: place), rest.hasPrefix(word) else { return }
    self[place.line] = [start + other + rest.dropFirst(word.count)]
  }
}

extension YAMLValue {
  /// Of a map.
  subscript(_ key: String) -> YAMLValue? {
    if case .map(let pairs) = content { return pairs.first { $0.key == key }?.value }
    return nil
  }

  /// Of a scalar.
  var plain: String? {
    if case .scalar(let text) = content { return text }
    return nil
  }
}
