internal import Firewall
internal import Yams

/// A value of a file: typed reads that tell the place, what was found and what is allowed.
struct YAMLValue {
  let node: Node
  let file: String
  let problems: Problems

  var place: SourcePlace { node.place(in: file) }

  func error(_ text: String) { problems.error(place, text) }

  /// A plain text; nil, and told, when it is a list or a map.
  func text(_ what: String) -> String? {
    guard let scalar = node.scalar else {
      error("\(what) is expected here, found \(kind)\(hint)")
      return nil
    }
    guard !isNull else {
      error("\(what) is expected here, found nothing")
      return nil
    }
    return scalar.string
  }

  /// Nothing after the colon.
  var isNull: Bool {
    guard let scalar = node.scalar else { return false }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
  }

  var isMap: Bool { node.mapping != nil }

  /// One value, or a list of them.
  func list() -> [YAMLValue] {
    guard let items = node.sequence else { return isNull ? [] : [self] }
    return items.map(child)
  }

  /// The keys and values of a map whose keys are names that the user chose.
  func named(_ what: String) -> [(key: YAMLValue, name: String, value: YAMLValue)] {
    guard let pairs = node.mapping else {
      if !isNull { error("\(what) is expected here, found \(kind)") }
      return []
    }
    return pairs.compactMap { key, value in
      let key = child(key)
      guard let name = key.text("a name") else { return nil }
      guard Self.isName(name) else {
        key.error("\"\(name)\" is no name; a name has letters, digits, - _ . and begins with one")
        return nil
      }
      return (key, name, child(value))
    }
  }

  /// The map as one of the sections; unknown keys are told.
  func map(_ section: Section) -> YAMLMap? {
    guard let pairs = node.mapping else {
      error("\(section.path.isEmpty ? "a map" : section.path) must be a map, found \(kind)")
      return nil
    }
    var values: [String: YAMLValue] = [:]
    for (key, value) in pairs {
      let key = child(key)
      guard let name = key.text("a key") else { continue }
      let place = section.path.isEmpty ? "" : " in \(section.path)"
      if section.field(name) != nil {
        values[name] = child(value)
      } else if section.later.contains(name) {
        key.error(
          "\"\(name)\"\(place) is not supported yet; take it out: it would not be in force")
      } else {
        let names = section.fields.map(\.name)
        key.error("unknown key \"\(name)\"\(place)\(Suggestion.text(for: name, among: names))")
      }
    }
    return YAMLMap(value: self, section: section, values: values)
  }

  func child(_ node: Node) -> YAMLValue { YAMLValue(node: node, file: file, problems: problems) }

  private var kind: String {
    switch node {
    case .scalar: isNull ? "nothing" : "a value"
    case .mapping: "a map"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  /// `fe80::` is a map to YAML.
  private var hint: String {
    guard let mapping = node.mapping, mapping.count == 1, let key = mapping.first?.key.scalar else {
      return ""
    }
    return key.string.hasSuffix(":") || key.string.allSatisfy(\.isHexDigit)
      ? "; an IPv6 address must be quoted: \"\(key.string)::\"" : ""
  }

  private static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
    func isWord(_ byte: UInt8) -> Bool {
      byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a
    }
    return isWord(first)
      && name.utf8.allSatisfy { isWord($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f }
  }
}

/// A map whose keys are known; each read is by the field's declaration.
struct YAMLMap {
  let value: YAMLValue
  let section: Section
  private let values: [String: YAMLValue]

  init(value: YAMLValue, section: Section, values: [String: YAMLValue]) {
    self.value = value
    self.section = section
    self.values = values
  }

  subscript(_ name: String) -> YAMLValue? {
    guard let value = values[name], !value.isNull else { return nil }
    return value
  }

  func text(_ name: String) -> String? {
    self[name].flatMap { $0.text(section.field(name)?.allowed ?? name) }
  }

  func choice(_ name: String) -> String? {
    guard let field = section.field(name), case .choice(let words) = field.kind,
      let value = self[name], let text = value.text(field.allowed)
    else { return nil }
    guard words.contains(text) else {
      value.error("\(name) is \"\(text)\"\(Suggestion.text(for: text, among: words))")
      return nil
    }
    return text
  }

  func flag(_ name: String) -> Bool? {
    guard let value = self[name], let text = value.text("true or false") else { return nil }
    guard text == "true" || text == "false" else {
      value.error("\(name) is \"\(text)\"; allowed: true, false")
      return nil
    }
    return text == "true"
  }

  func integer(_ name: String) -> Int? {
    guard let field = section.field(name), case .integer(let range) = field.kind,
      let value = self[name], let text = value.text("a number")
    else { return nil }
    guard let number = Int(text), range.contains(number) else {
      value.error("\(name) is \"\(text)\"; allowed: a whole number in \(field.allowed)")
      return nil
    }
    return number
  }

  func duration(_ name: String) -> Duration? {
    guard let field = section.field(name), case .duration(let range) = field.kind,
      let value = self[name], let text = value.text("a time")
    else { return nil }
    guard let time = Quantity.milliseconds(text), range.contains(time) else {
      let unit = Int(text) == nil ? "" : "; write the unit: \(text)s, or ms, m, h, d"
      value.error("\(name) is \"\(text)\"; allowed: a time in \(field.allowed)\(unit)")
      return nil
    }
    return .milliseconds(time)
  }

  func size(_ name: String) -> Int? {
    guard let field = section.field(name), case .size(let range) = field.kind,
      let value = self[name], let text = value.text("a size")
    else { return nil }
    guard let size = Quantity.bytes(text).flatMap({ Int(exactly: $0) }), range.contains(size) else {
      let unit = Int(text) == nil ? "" : "; write the unit: \(text)KiB, or B, MiB, GiB"
      value.error("\(name) is \"\(text)\"; allowed: a size in \(field.allowed)\(unit)")
      return nil
    }
    return size
  }
}
