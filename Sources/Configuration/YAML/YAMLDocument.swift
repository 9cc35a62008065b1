import Firewall
import Yams

/// Reads one YAML file into values that know their places; whatever the bytes, it never traps.
struct YAMLDocument {
  static let byteLimit = 1 << 20

  let file: String
  let problems: Problems

  /// Nil when the file cannot be used; why is then among the problems.
  static func read(_ file: String, namedAt place: SourcePlace? = nil, _ problems: Problems)
    -> YAMLValue?
  {
    let document = YAMLDocument(file: file, problems: problems)
    problems.begin(file)
    do throws(FileReader.Failure) {
      return document.parse(try FileReader.read(file, limit: byteLimit).bytes)
    } catch {
      let place = place ?? document.place(1, 1)
      problems.error(place, "cannot read \"\(file.shortened)\": \(error.text)")
      return nil
    }
  }

  func parse(_ bytes: [UInt8]) -> YAMLValue? {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    // Some editors begin a file with it; libYAML takes it for a document of its own.
    let bytes = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
    guard let text = String(validating: bytes, as: UTF8.self) else {
      problems.error(place(firstBadLine(bytes), 1), "not UTF-8; save the file as UTF-8")
      return nil
    }
    // libYAML asserts that there is text.
    guard !text.allSatisfy(\.isWhitespace) else { return empty }
    if let finding = YAMLScan.finding(in: bytes) {
      problems.error(place(finding.line, finding.column), Self.text(of: finding.fault))
      return nil
    }
    do {
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      guard let root = try parser.singleRoot() else { return empty }
      return value(root, depth: 0)
    } catch {
      report(error, text)
      return nil
    }
  }

  /// What the basic resolver gives to what bears no tag of its own.
  private static let tags = [Tag.Name.str, .map, .seq].map(\.rawValue)

  private static let tagText = "tags (!) are refused; write the value alone, or quote it"

  private var empty: YAMLValue { YAMLValue(content: .nothing, place: place(1, 1)) }

  private func place(_ line: Int, _ column: Int) -> SourcePlace {
    SourcePlace(file: file, line: max(1, line), column: max(1, column))
  }

  private func firstBadLine(_ bytes: [UInt8]) -> Int {
    var line = 1
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      guard String(validating: part, as: UTF8.self) != nil else { return line }
      line += 1
    }
    return line
  }

  private static func text(of fault: YAMLScan.Fault) -> String {
    switch fault {
    case .reference:
      "anchors and aliases (& and *) are refused; write the value out, or quote it"
    case .depth: "nested too deep; at most \(YAMLScan.depthLimit) levels"
    case .key: "a key must be a word, not a list or a map; quote it"
    }
  }

  private func report(_ error: any Error, _ text: String) {
    guard let error = error as? YamlError else {
      return problems.error(place(1, 1), "not YAML")
    }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      problems.error(place(mark.line, mark.column), "not YAML: \(problem)\(hint(problem))")
    case .duplicatedKeysInMapping(let keys, let context):
      let key = (keys.first ?? "").shortened
      problems.error(
        place(context.mark.line, context.mark.column),
        "\"\(key)\" stands twice in this map; keep one of them")
    case .reader(let problem, let offset, _, _):
      let line = 1 + text.prefix(offset ?? 0).count { $0 == "\n" || $0 == "\r\n" }
      problems.error(place(line, 1), "not YAML: \(problem)")
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      problems.error(place(1, 1), "not YAML")
    @unknown default: problems.error(place(1, 1), "not YAML")
    }
  }

  private func hint(_ problem: String) -> String {
    if problem.contains("cannot start any token") { return "; indent with spaces, or quote it" }
    if problem.contains("alphabetic or numeric") { return "; quote what begins with * or &" }
    if problem.contains("mapping values are not allowed") {
      return "; quote what holds a colon, such as \"fe80::\""
    }
    if problem.contains("unexpected ':'") || problem.contains("expected node content") {
      return "; quote addresses such as \"fe80::\" and \"[::1]:443\""
    }
    if problem.contains("another document") { return "; a file is one document, without ---" }
    return ""
  }

  private func value(_ node: Node, depth: Int) -> YAMLValue? {
    let place = place(node.mark?.line ?? 1, node.mark?.column ?? 1)
    guard depth <= YAMLScan.depthLimit else {
      problems.error(place, Self.text(of: .depth))
      return nil
    }
    guard node.anchor == nil else {
      problems.error(place, Self.text(of: .reference))
      return nil
    }
    guard Self.tags.contains(node.tag.description) else {
      problems.error(place, Self.tagText)
      return nil
    }
    switch node {
    case .scalar(let scalar):
      let isNull = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
      return YAMLValue(content: isNull ? .nothing : .scalar(scalar.string), place: place)
    case .sequence(let items):
      let values = items.compactMap { value($0, depth: depth + 1) }
      return values.count == items.count ? YAMLValue(content: .list(values), place: place) : nil
    case .mapping(let mapping):
      return map(mapping, depth).map { YAMLValue(content: .map($0), place: place) }
    case .alias:
      problems.error(place, Self.text(of: .reference))
      return nil
    }
  }

  private func map(_ mapping: Node.Mapping, _ depth: Int) -> [YAMLValue.Pair]? {
    var pairs: [YAMLValue.Pair] = []
    var names: Set<String> = []
    for (key, node) in mapping {
      let place = place(key.mark?.line ?? 1, key.mark?.column ?? 1)
      guard let name = key.scalar?.string else {
        problems.error(place, Self.text(of: .key))
        return nil
      }
      guard Self.tags.contains(key.tag.description) else {
        problems.error(place, Self.tagText)
        return nil
      }
      guard names.insert(name).inserted else {
        problems.error(place, "\"\(name.shortened)\" stands twice in this map; keep one of them")
        return nil
      }
      guard let value = value(node, depth: depth + 1) else { return nil }
      pairs.append(YAMLValue.Pair(key: name, place: place, value: value))
    }
    return pairs
  }
}
