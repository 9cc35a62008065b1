import Firewall
public import Foundation
public import Proxy

/// Changes of servers as edits of a file's text: comments, order and spaces stay. Each is read back,
/// and taken only if it says what it should and nothing else has changed.
public struct ServerEdits {
  public enum Wish: Sendable, Equatable {
    case weight(Int)
    case added(address: String, weight: Int, tier: Int, role: ServerRole?)
    case removed
  }

  public struct Undone: Sendable {
    public let server: ServerID
    public let why: String
  }

  public let path: String
  public let before: String
  public private(set) var text: String
  public private(set) var done: [ServerID] = []
  /// What has to be written by hand.
  public private(set) var undone: [Undone] = []

  public init(
    path: String, _ wishes: [(server: ServerID, wish: Wish)]
  ) throws(ConfigurationErrors) {
    let problems = Problems()
    self.path = path
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: YAMLDocument.byteLimit).bytes
      before = String(decoding: bytes, as: UTF8.self)
    } catch { throw ConfigurationErrors(lines: ["\(path): cannot read it: \(error.text)"]) }
    text = before
    guard YAMLDocument(file: path, problems: problems).parse(Array(text.utf8)) != nil else {
      try problems.throwIfAny()
      throw ConfigurationErrors(lines: ["\(path): not YAML"])
    }
    for (server, wish) in wishes {
      if let why = apply(wish, to: server) {
        undone.append(Undone(server: server, why: why))
      } else {
        done.append(server)
      }
    }
  }

  /// The lines that change: with `-` and the old number, with `+` and the new one.
  public var changes: [String] {
    let old = before.components(separatedBy: "\n")
    let new = text.components(separatedBy: "\n")
    var lines: [(number: Int, isNew: Bool, text: String)] = []
    for change in new.difference(from: old) {
      switch change {
      case .remove(let offset, let element, _): lines.append((offset + 1, false, element))
      case .insert(let offset, let element, _): lines.append((offset + 1, true, element))
      }
    }
    return lines.sorted { ($0.number, $0.isNew ? 1 : 0) < ($1.number, $1.isNew ? 1 : 0) }
      .map { "\($0.isNew ? "+" : "-")\($0.number): \($0.text)" }
  }

  /// Writes the file, and the file as it was beside it; returns where that is. Nothing is written
  /// unless the new file can be applied.
  public func write(at now: Date) throws -> String {
    let stamp = now.formatted(.iso8601).replacing(":", with: "").replacing("-", with: "")
    let backup = "\(path).\(stamp)"
    let draft = "\(path).draft"
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    try Data(text.utf8).write(to: URL(fileURLWithPath: draft))
    defer { try? FileManager.default.removeItem(atPath: draft) }
    do { _ = try ConfigurationFile.load(draft) } catch {
      let lines = error.lines.map { $0.replacing(draft, with: path) }
      throw ConfigurationErrors(lines: ["the file would not be right any more:"] + lines)
    }
    let now = try String(contentsOfFile: path, encoding: .utf8)
    guard now == before else {
      throw ConfigurationErrors(lines: ["\(path) was changed in between; try again"])
    }
    try FileManager.default.copyItem(atPath: path, toPath: backup)
    let kept = attributes.filter {
      [.posixPermissions, .ownerAccountID, .groupOwnerAccountID].contains($0.key)
    }
    try FileManager.default.setAttributes(kept, ofItemAtPath: draft)
    guard unsafe rename(draft, path) == 0 else {
      throw ConfigurationErrors(lines: [
        "cannot write \(path): \(unsafe String(cString: strerror(errno)))"
      ])
    }
    return backup
  }

  // MARK: One edit

  /// Why it can't be done, if so.
  private mutating func apply(_ wish: Wish, to id: ServerID) -> String? {
    guard let servers = Self.servers(of: id.backend, in: text, path) else {
      return "the file has no backend \(id.backend) whose servers are a map or a list"
    }
    var wanted = Self.words(servers)
    let draft: String?
    switch wish {
    case .weight(let weight):
      guard let value = Self.value(of: id.server, servers) else {
        return "the file has no such server"
      }
      wanted[id.server]?.weight = "\(weight)"
      draft = Self.weighed(value, weight, text)
    case .added(let address, let weight, let tier, let role):
      guard case .map = servers.content else {
        return "its servers are a list, named by their place; write them as a map, with "
          + "\(id.server): \(Self.entry(address, weight, tier, role))"
      }
      let entry = Self.entry(address, weight, tier, role)
      wanted[id.server] = Words(address: address, weight: "\(weight)")
      draft = Self.inserted("\(id.server): \(entry)", into: servers, text)
    case .removed:
      guard let pair = Self.pair(of: id.server, servers) else {
        return "its servers are a list; take it out by hand"
      }
      wanted[id.server] = nil
      draft = Self.withoutLine(pair.place.line, text)
    }
    guard let draft, let after = Self.servers(of: id.backend, in: draft, path),
      Self.words(after) == wanted
    else {
      let line = Self.value(of: id.server, servers)?.place.line ?? servers.place.line
      return "line \(line) is written in a way that is not edited here; change it by hand"
    }
    text = draft
    return nil
  }

  /// What is compared of a server.
  private struct Words: Equatable {
    var address: String
    var weight: String
  }

  private static func entry(
    _ address: String, _ weight: Int, _ tier: Int, _ role: ServerRole?
  ) -> String {
    var parts = ["address: \"\(address)\""]
    if weight != 1 { parts.append("weight: \(weight)") }
    if tier != 0 { parts.append("tier: \(tier)") }
    if let role { parts.append("role: \(role.rawValue)") }
    return "{ \(parts.joined(separator: ", ")) }"
  }

  private static func servers(of backend: String, in text: String, _ path: String) -> YAMLValue? {
    let document = YAMLDocument(file: path, problems: Problems())
    return document.parse(Array(text.utf8))?["backends"]?[backend]?["servers"]
  }

  private static func pair(of server: String, _ servers: YAMLValue) -> YAMLValue.Pair? {
    if case .map(let pairs) = servers.content { return pairs.first { $0.key == server } }
    return nil
  }

  private static func value(of server: String, _ servers: YAMLValue) -> YAMLValue? {
    switch servers.content {
    case .map: return servers[server]
    case .list(let items):
      guard server.hasPrefix("s"), let number = Int(server.dropFirst()),
        items.indices.contains(number - 1)
      else { return nil }
      return items[number - 1]
    case .scalar, .nothing: return nil
    }
  }

  private static func words(_ servers: YAMLValue) -> [String: Words] {
    var all: [(String, YAMLValue)] = []
    switch servers.content {
    case .map(let pairs): all = pairs.map { ($0.key, $0.value) }
    case .list(let items): all = items.enumerated().map { ("s\($0.offset + 1)", $0.element) }
    case .scalar, .nothing: break
    }
    return Dictionary(
      all.map { name, value in
        let address = value.plain ?? value["address"]?.plain ?? ""
        return (name, Words(address: address, weight: value["weight"]?.plain ?? "1"))
      }
    ) { first, _ in first }
  }

  private static func weighed(_ value: YAMLValue, _ weight: Int, _ text: String) -> String? {
    var lines = TextLines(text)
    switch value.content {
    case .map:
      guard let known = value["weight"] else {
        return inserted("weight: \(weight)", into: value, text)
      }
      guard let word = lines.scalar(known) else { return nil }
      lines.replace(word, at: known.place, with: "\(weight)")
    case .scalar:
      guard let word = lines.scalar(value) else { return nil }
      lines.replace(word, at: value.place, with: "{ address: \(word), weight: \(weight) }")
    case .list, .nothing: return nil
    }
    return lines.text
  }

  /// With a pair as the first of a map.
  private static func inserted(_ pair: String, into map: YAMLValue, _ text: String) -> String? {
    var lines = TextLines(text)
    guard let (start, rest) = lines.split(at: map.place) else { return nil }
    if rest.hasPrefix("{") {
      lines[map.place.line] = [start + "{ \(pair), " + rest.dropFirst().drop { $0 == " " }]
    } else {
      let indent = String(repeating: " ", count: map.place.column - 1)
      lines[map.place.line] = [start + pair, indent + rest]
    }
    return lines.text
  }

  private static func withoutLine(_ number: Int, _ text: String) -> String {
    var lines = TextLines(text)
    lines[number] = []
    return lines.text
  }
}
