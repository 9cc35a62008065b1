/// One setting, declared once: the parser, the messages and the reference all read it here.
struct Field: Sendable {
  enum Kind: Sendable {
    case text
    case path
    case boolean
    case integer(ClosedRange<Int>)
    /// `50%`.
    case percent(ClosedRange<Int>)
    case size(ClosedRange<Int>)
    case duration(ClosedRange<Duration>)
    case choice([String], later: [String] = [])
    /// One, or a list of what is described.
    case list(String)
    /// A map with the settings of the section.
    case section(String)
    /// What it is in words, where no other kind fits.
    case described(String)
  }

  var name: String
  var kind: Kind
  /// What holds when it is left out.
  var standard: String?
  var isRequired = false
  var help: String

  init(
    _ name: String, _ kind: Kind, standard: String? = nil, isRequired: Bool = false,
    _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.standard = standard
    self.isRequired = isRequired
    self.help = help
  }

  /// What may be written, as a message and the reference say it.
  var allowed: String {
    switch kind {
    case .text: "text"
    case .path: "a path"
    case .boolean: "true or false"
    case .integer(let range) where range.count == 1: "\(range.lowerBound)"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .percent(let range): "\(range.lowerBound)% to \(range.upperBound)%"
    case .size(let range):
      "\(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound))"
    case .duration(let range):
      "\(TimeSpan.text(range.lowerBound)) to \(TimeSpan.text(range.upperBound))"
    case .choice(let words, _): words.joined(separator: ", ")
    case .list(let what): "\(what), or a list of them"
    case .section(let name): "a map, see `\(name)`"
    case .described(let what): what
    }
  }
}

/// A map in a file: the settings that may stand in it.
struct Section: Sendable {
  /// As a path in the file, such as `listeners.NAME`.
  var name: String
  var help: String
  var fields: [Field]
  /// Keys that a later version will know.
  var later: [String]

  init(_ name: String, _ help: String, _ fields: [Field], later: [String] = []) {
    self.name = name
    self.help = help
    self.fields = fields
    self.later = later
  }

  var keys: [String] { fields.map(\.name) }
}
