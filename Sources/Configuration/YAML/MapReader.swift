import Firewall

/// A map of a file, read setting by setting; what does not fit is told to the problems.
struct MapReader {
  /// What a message calls it, such as `backend "api"`; empty for the file itself.
  let label: String
  let place: SourcePlace
  let problems: Problems
  private let pairs: [YAMLValue.Pair]

  init?(_ value: YAMLValue, _ section: Section, label: String, _ problems: Problems) {
    let what = label.isEmpty ? "the file" : label
    guard let pairs = value.pairs(what, keys: section.keys, problems) else { return nil }
    self.label = label
    self.place = value.place
    self.problems = problems
    self.pairs = pairs
    for pair in pairs { check(pair, section) }
    // A misspelt key has been told of already.
    let meant = pairs.compactMap { Suggestion.nearest(to: $0.key, among: section.keys) }
    for field in section.fields where field.isRequired && !meant.contains(field.name) {
      problems.error(place, "\"\(field.name)\" is missing\(inLabel); write \(field.allowed)")
    }
  }

  /// ` in backend "api"`.
  var inLabel: String { label.isEmpty ? "" : " in \(label)" }

  subscript(_ field: Field) -> YAMLValue? { pairs.first { $0.key == field.name }?.value }

  func keyPlace(_ field: Field) -> SourcePlace? { pairs.first { $0.key == field.name }?.place }

  func text(_ field: Field) -> String? { self[field]?.text(name(field), problems) }

  func path(_ field: Field) -> String? {
    guard let value = self[field], let text = value.text(name(field), problems) else { return nil }
    guard !text.isEmpty, text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
    else { return refuse(value, field, "is no path") }
    return FilePath.resolve(text, from: value.place.file)
  }

  func boolean(_ field: Field) -> Bool? {
    guard let value = self[field], let text = value.text(name(field), problems) else { return nil }
    switch text {
    case "true": return true
    case "false": return false
    default: return refuse(value, field, "is neither true nor false")
    }
  }

  func integer(_ field: Field) -> Int? {
    guard case .integer(let range) = field.kind, let value = self[field],
      let text = value.text(name(field), problems)
    else { return nil }
    guard let number = Quantity.whole(text[...]) else {
      return refuse(value, field, "is not a whole number")
    }
    guard range.contains(number) else { return refuse(value, field, "is out of range") }
    return number
  }

  func percent(_ field: Field) -> Int? {
    guard case .percent(let range) = field.kind, let value = self[field],
      let text = value.text(name(field), problems)
    else { return nil }
    guard text.hasSuffix("%"), let number = Quantity.whole(text.dropLast()) else {
      return refuse(value, field, "is no percentage")
    }
    guard range.contains(number) else { return refuse(value, field, "is out of range") }
    return number
  }

  func size(_ field: Field) -> Int? {
    guard case .size(let range) = field.kind, let value = self[field],
      let text = value.text(name(field), problems)
    else { return nil }
    guard let bytes = ByteSize.parse(text) else {
      return refuseUnit(value, field, text, "B, KiB, MiB, GiB", example: "16KiB")
    }
    guard range.contains(bytes) else { return refuse(value, field, "is out of range") }
    return bytes
  }

  func duration(_ field: Field) -> Duration? {
    guard case .duration(let range) = field.kind, let value = self[field],
      let text = value.text(name(field), problems)
    else { return nil }
    guard let span = TimeSpan.parse(text) else {
      return refuseUnit(value, field, text, "ms, s, m, h, d", example: "10s")
    }
    guard range.contains(span) else { return refuse(value, field, "is out of range") }
    return span
  }

  func choice(_ field: Field) -> String? {
    guard case .choice(let words, let later) = field.kind, let value = self[field],
      let text = value.text(name(field), problems)
    else { return nil }
    if words.contains(text) { return text }
    guard !later.contains(text) else {
      problems.error(
        value.place,
        "\(field.name)\(inLabel): \"\(text)\" is not supported yet; allowed: \(field.allowed)")
      return nil
    }
    return refuse(value, field, "is unknown")
  }

  /// The items of a list; a scalar or map alone is a list of one.
  func items(_ field: Field) -> [YAMLValue]? {
    guard let value = self[field], let items = value.items(name(field), problems)
    else { return nil }
    if items.isEmpty, field.isRequired {
      problems.error(value.place, "\(name(field)) is empty; allowed: \(field.allowed)")
    }
    return items
  }

  func section(_ field: Field, _ section: Section) -> MapReader? {
    self[field].flatMap {
      MapReader($0, section, label: field.name + (label.isEmpty ? "" : " of \(label)"), problems)
    }
  }

  /// The pairs of a map from names to values; bad names are told.
  func names(_ field: Field) -> [YAMLValue.Pair] {
    guard let pairs = self[field]?.pairs(name(field), problems) else { return [] }
    return pairs.filter { pair in
      if pair.key.isName { return true }
      problems.error(
        pair.place,
        "\"\(pair.key.shortened)\" is no name; allowed: 1 to 64 of a-z, A-Z, 0-9, - and _")
      return false
    }
  }

  /// Says that a value does not fit, with what does.
  func refuse<Value>(_ value: YAMLValue, _ field: Field, _ why: String) -> Value? {
    problems.error(
      value.place, "\(field.name)\(inLabel): \(value.kind) \(why); allowed: \(field.allowed)")
    return nil
  }

  private func refuseUnit<Value>(
    _ value: YAMLValue, _ field: Field, _ text: String, _ units: String, example: String
  ) -> Value? {
    let why = Quantity.whole(text[...]) == nil ? "is no number with a unit" : "has no unit"
    problems.error(
      value.place,
      "\(field.name)\(inLabel): \(value.kind) \(why); units: \(units), as in \(example)")
    return nil
  }

  private func name(_ field: Field) -> String { "\"\(field.name)\"\(inLabel)" }

  private func check(_ pair: YAMLValue.Pair, _ section: Section) {
    guard !section.keys.contains(pair.key) else { return }
    let key = "\"\(pair.key.shortened)\""
    guard !section.later.contains(pair.key) else {
      return problems.error(pair.place, "\(key)\(inLabel) is not supported yet; remove it")
    }
    let suggestion = Suggestion.text(for: pair.key, among: section.keys)
    problems.error(pair.place, "unknown key \(key)\(inLabel)\(suggestion)")
  }
}

extension YAMLValue {
  func text(_ what: String, _ problems: Problems) -> String? {
    if case .scalar(let text) = content { return text }
    if let address = unquotedAddress { return problems.unquoted(address, place) }
    problems.error(place, "\(what) must be one value, not \(kind)")
    return nil
  }

  /// `keys`: those that the map may have, where they are known.
  func pairs(_ what: String, keys: [String] = [], _ problems: Problems) -> [Pair]? {
    if case .map(let pairs) = content { return pairs }
    problems.error(place, "\(what) must be a map, not \(kind)\(Suggestion.allowed(keys))")
    return nil
  }

  func items(_ what: String, _ problems: Problems) -> [YAMLValue]? {
    switch content {
    case .list(let items): return items
    case .scalar, .map: return [self]
    case .nothing:
      problems.error(place, "\(what) must be a list, not nothing")
      return nil
    }
  }
}

extension Problems {
  func unquoted<Value>(_ address: String, _ place: SourcePlace) -> Value? {
    error(place, "YAML takes \(address.shortened) for a map; quote it: \"\(address.shortened)\"")
    return nil
  }
}

extension String {
  /// Fit to name a listener, a backend, a group.
  var isName: Bool {
    (1...64).contains(utf8.count)
      && utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || (0x30...0x39).contains($0) || $0 == 0x2d
          || $0 == 0x5f
      }
  }
}
