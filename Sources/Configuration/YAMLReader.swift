internal import Firewall
internal import Foundation
internal import Yams

/// Reads a file into a value whose every error names its place.
enum YAMLReader {
  static let byteLimit = 1 << 20
  static let depthLimit = 20

  /// The root of the file, or nil with the reason among the problems.
  static func read(_ path: String, _ problems: Problems) -> YAMLValue? {
    let whole = SourcePlace(file: path, line: 0, column: 0)
    guard let data = FileBytes.read(path, limit: byteLimit, problems) else { return nil }
    guard let text = String(validating: data, as: UTF8.self) else {
      problems.error(whole, "is not UTF-8 text")
      return nil
    }
    do {
      guard let node = try Yams.compose(yaml: text) else {
        problems.error(whole, "is empty; see `gatehouse config reference` for what it may say")
        return nil
      }
      if let (place, what) = forbidden(node, path, depth: 0) {
        problems.error(place, what)
        return nil
      }
      return YAMLValue(node: node, file: path, problems: problems)
    } catch let error as YamlError {
      report(error, path, problems)
    } catch {
      problems.error(whole, "can't be read: \(error)")
    }
    return nil
  }

  /// An anchor, or maps within maps without end. The first anchor stands before any alias to it,
  /// so this ends before a bomb unfolds.
  private static func forbidden(
    _ node: Node, _ file: String, depth: Int
  ) -> (SourcePlace, String)? {
    let place = node.place(in: file)
    guard node.anchor == nil else { return (place, "anchors (&) are not allowed: write it out") }
    guard depth < depthLimit else { return (place, "is nested more than \(depthLimit) deep") }
    switch node {
    case .scalar: return nil
    case .alias: return (place, "aliases (*) are not allowed: write it out")
    case .sequence(let items):
      for item in items {
        if let found = forbidden(item, file, depth: depth + 1) { return found }
      }
    case .mapping(let pairs):
      for (key, value) in pairs {
        if let found = forbidden(key, file, depth: depth + 1) { return found }
        if let found = forbidden(value, file, depth: depth + 1) { return found }
      }
    }
    return nil
  }

  private static func report(_ error: YamlError, _ path: String, _ problems: Problems) {
    var place = SourcePlace(file: path, line: 0, column: 0)
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      place.line = mark.line
      place.column = mark.column
      problems.error(place, "is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      place.line = context.mark.line
      place.column = context.mark.column
      let names = duplicates.map { "\"\($0)\"" }.joined(separator: ", ")
      problems.error(place, "the key \(names) is there twice; keep one")
    default: problems.error(place, "is not YAML: \(error)")
    }
  }
}

extension Node {
  func place(in file: String) -> SourcePlace {
    SourcePlace(file: file, line: mark?.line ?? 0, column: mark?.column ?? 0)
  }
}

/// Whole files, bounded.
enum FileBytes {
  static func read(_ path: String, limit: Int, _ problems: Problems) -> [UInt8]? {
    let place = SourcePlace(file: path, line: 0, column: 0)
    var isFolder: ObjCBool = false
    guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      problems.error(place, "there is no such file")
      return nil
    }
    guard !isFolder.boolValue, let handle = FileHandle(forReadingAtPath: path) else {
      problems.error(
        place, isFolder.boolValue ? "is a folder, not a file" : "can't be read: no permission")
      return nil
    }
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: limit + 1) else { return [] }
    guard data.count <= limit else {
      problems.error(place, "is larger than \(Quantity.text(bytes: limit))")
      return nil
    }
    return [UInt8](data)
  }
}
