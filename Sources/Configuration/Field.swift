/// A setting, declared once: it feeds the parser, its messages, and the reference.
struct Field: Sendable {
  enum Kind: Sendable {
    case text(String)
    case integer(ClosedRange<Int>)
    /// In milliseconds.
    case duration(ClosedRange<Int64>)
    /// In bytes.
    case size(ClosedRange<Int>)
    case choice([String])
    case flag
    /// Anything that has a section or a shape of its own, told in words.
    case other(String)
  }

  let name: String
  let kind: Kind
  let fallback: String
  let help: String

  init(_ name: String, _ kind: Kind, default fallback: String = "", _ help: String) {
    self.name = name
    self.kind = kind
    self.fallback = fallback
    self.help = help
  }

  /// What may stand here, for messages and the reference.
  var allowed: String {
    switch kind {
    case .text(let what), .other(let what): what
    case .integer(let range): "\(range.lowerBound)...\(range.upperBound)"
    case .duration(let range):
      "\(Quantity.text(milliseconds: range.lowerBound))...\(Quantity.text(milliseconds: range.upperBound))"
    case .size(let range):
      "\(Quantity.text(bytes: range.lowerBound))...\(Quantity.text(bytes: range.upperBound))"
    case .choice(let words): words.joined(separator: " | ")
    case .flag: "true | false"
    }
  }
}

/// A map of the file and the keys that it may have.
struct Section: Sendable {
  /// Where it stands, as `listeners.NAME`; empty for the file itself.
  let path: String
  let help: String
  let fields: [Field]
  /// Keys of a later version, refused by name: a setting must never seem to be in force.
  let later: [String]

  init(_ path: String, _ help: String, _ fields: [Field], later: [String] = []) {
    self.path = path
    self.help = help
    self.fields = fields
    self.later = later
  }

  func field(_ name: String) -> Field? { fields.first { $0.name == name } }
}

/// Durations and sizes as they are written: a number and its unit.
enum Quantity {
  static func milliseconds(_ text: String) -> Int64? {
    value(text, [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)])
  }

  static func bytes(_ text: String) -> Int64? {
    value(text, [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)])
  }

  static func text(milliseconds: Int64) -> String {
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
    where milliseconds >= size && milliseconds % size == 0 && !(unit == "m" && milliseconds == size)
    {
      return "\(milliseconds / size)\(unit)"
    }
    return "\(milliseconds)ms"
  }

  static func text(bytes: Int) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    where bytes >= size && bytes % size == 0 {
      return "\(bytes / size)\(unit)"
    }
    return "\(bytes)B"
  }

  private static func value(_ text: String, _ units: [(String, Int64)]) -> Int64? {
    for (unit, size) in units where text.hasSuffix(unit) {
      guard let number = Int64(text.dropLast(unit.count)), number >= 0 else { continue }
      let (product, overflow) = number.multipliedReportingOverflow(by: size)
      return overflow ? nil : product
    }
    return nil
  }
}
