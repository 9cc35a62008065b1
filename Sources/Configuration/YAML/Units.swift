/// `16KiB`, `1MiB`.
enum ByteSize {
  static let units: [(name: String, factor: Int)] = [
    ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
  ]

  static func parse(_ text: String) -> Int? { Quantity.parse(text, units: units) }

  static func text(_ bytes: Int) -> String {
    for unit in units where bytes >= unit.factor && bytes % unit.factor == 0 {
      return "\(bytes / unit.factor)\(unit.name)"
    }
    return "\(bytes)"
  }
}

/// `500ms`, `10s`, `5m`, `1h`, `7d`.
enum TimeSpan {
  static let units: [(name: String, factor: Int)] = [
    ("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
  ]

  static func parse(_ text: String) -> Duration? {
    guard let milliseconds = Quantity.parse(text, units: units) else { return nil }
    // Far beyond any setting's range, and within what a Duration holds.
    return .milliseconds(min(milliseconds, 1 << 50))
  }

  static func text(_ span: Duration) -> String {
    let (seconds, attoseconds) = span.components
    let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
    if milliseconds == 0 { return "0s" }
    if milliseconds % 86_400_000 == 0, milliseconds > 86_400_000 {
      return "\(milliseconds / 86_400_000)d"
    }
    for (name, factor) in [("h", Int64(3_600_000)), ("m", 60_000), ("s", 1000)] {
      if milliseconds % factor == 0 { return "\(milliseconds / factor)\(name)" }
    }
    return "\(milliseconds)ms"
  }
}

enum Quantity {
  /// A whole number directly followed by one of the units; 0 needs none.
  static func parse(_ text: String, units: [(name: String, factor: Int)]) -> Int? {
    if text == "0" { return 0 }
    for unit in units where text.hasSuffix(unit.name) {
      guard let number = whole(text.dropLast(unit.name.count)) else { continue }
      let (product, overflow) = number.multipliedReportingOverflow(by: unit.factor)
      return overflow ? .max : product
    }
    return nil
  }

  /// Only digits; one that does not fit counts as the largest there is.
  static func whole(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text) ?? .max
  }
}
