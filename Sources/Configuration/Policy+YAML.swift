public import Firewall
internal import Foundation

/// A policy in a file of its own.
public enum PolicyFile {
  /// The policy, checked, with what is doubtful about it; or all that is wrong.
  public static func load(
    _ path: String, at now: Int64
  ) throws(ConfigurationErrors) -> (policy: FirewallPolicy, warnings: [String]) {
    let problems = Problems()
    let policy = read(path, at: now, problems)
    guard let policy, !problems.hasErrors else { throw problems.sorted }
    return (policy, problems.warnings)
  }

  static func read(_ path: String, at now: Int64, _ problems: Problems) -> FirewallPolicy? {
    var reader = PolicyReader(problems: problems)
    guard let policy = reader.read(path) else { return nil }
    // What could not be read would show up again as undefined or missing.
    if !problems.hasErrors { problems.add(PolicyChecks.findings(of: policy, at: now)) }
    return policy
  }
}

/// Reads policy files into one policy.
struct PolicyReader {
  let problems: Problems
  private var calendar = Calendar(identifier: .gregorian)

  init(problems: Problems) {
    self.problems = problems
    calendar.timeZone = .gmt
  }

  mutating func read(_ path: String) -> FirewallPolicy? {
    guard let root = YAMLReader.read(path, problems), let map = root.map(PolicySettings.file) else {
      return nil
    }
    _ = map.choice("version")
    _ = map.choice("default")
    if let name = map.text("timezone") {
      if let zone = TimeZone(identifier: name) {
        calendar.timeZone = zone
      } else {
        map["timezone"]?.error(
          "\"\(name)\" is no timezone; allowed: UTC, Europe/Berlin and the like")
      }
    }
    var policy = FirewallPolicy()
    if let protect = map.choice("protect").flatMap({ FirewallPolicy.Protection(rawValue: $0) }) {
      policy.protect = protect
    }
    policy.deny = references(map["deny"])
    policy.management = map["management"].flatMap(management)
    readParts(map, into: &policy)
    include(map["include"], from: URL(fileURLWithPath: path), into: &policy)
    return policy
  }

  private mutating func readParts(_ map: YAMLMap, into policy: inout FirewallPolicy) {
    for (key, name, value) in map["groups"]?.named("a map of groups") ?? [] {
      policy.groups.append(group(name, value, key.place))
    }
    for (key, name, value) in map["services"]?.named("a map of services") ?? [] {
      guard let map = value.map(PolicySettings.service) else { continue }
      policy.services.append(
        FirewallPolicy.Service(
          name: name, listen: ports(map["listen"]), allow: references(map["allow"]),
          deny: references(map["deny"]), place: key.place))
    }
  }

  /// Other files bring groups and services only.
  private mutating func include(
    _ value: YAMLValue?, from file: URL, into policy: inout FirewallPolicy
  ) {
    for item in value?.list() ?? [] {
      guard let pattern = item.text("a path") else { continue }
      let url = URL(fileURLWithPath: pattern, relativeTo: file)
      let folder = url.deletingLastPathComponent()
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
      let found = names.filter { unsafe fnmatch(url.lastPathComponent, $0, 0) == 0 }.sorted()
        .map { folder.appendingPathComponent($0).path }
        .filter { $0 != file.standardizedFileURL.path }
      if found.isEmpty { item.error("\"\(pattern)\" names no file") }
      for path in found.prefix(1000) {
        guard let map = YAMLReader.read(path, problems)?.map(PolicySettings.file) else { continue }
        for name in ["management", "deny", "include", "protect", "timezone"] {
          map[name]?.error("\(name) may stand in the first file only, which is \(file.path)")
        }
        readParts(map, into: &policy)
      }
    }
  }

  private func management(_ value: YAMLValue) -> FirewallPolicy.Management? {
    guard let map = value.map(PolicySettings.management) else { return nil }
    return FirewallPolicy.Management(
      from: references(map["from"]), to: ports(map["to"]), place: value.place)
  }

  private func group(
    _ name: String, _ value: YAMLValue, _ place: SourcePlace
  ) -> FirewallPolicy.Group {
    guard value.isMap else {
      return FirewallPolicy.Group(name: name, entries: entries(value), place: place)
    }
    guard let map = value.map(PolicySettings.group) else {
      return FirewallPolicy.Group(name: name, place: place)
    }
    return FirewallPolicy.Group(
      name: name, entries: entries(map["entries"]) + feed(map), include: references(map["include"]),
      except: references(map["except"]), place: place)
  }

  private func entries(_ value: YAMLValue?) -> [FirewallPolicy.Entry] {
    (value?.list() ?? []).compactMap { item in
      guard item.isMap, !item.isMisreadAddress else {
        return network(item).map { FirewallPolicy.Entry(network: $0, place: item.place) }
      }
      guard let map = item.map(PolicySettings.entry) else { return nil }
      guard let cidr = map["cidr"] else {
        item.error("an entry needs cidr: ADDRESS or NETWORK")
        return nil
      }
      guard let network = network(cidr) else { return nil }
      return FirewallPolicy.Entry(
        network: network, owner: map.text("owner"), reason: map.text("reason"),
        ticket: map.text("ticket"), until: map["until"].flatMap(endOfDay), place: item.place)
    }
  }

  private func network(_ value: YAMLValue) -> Network? {
    guard let text = value.text("an address or a network") else { return nil }
    do { return try Network(parsing: text) } catch {
      value.error("\(error)")
      return nil
    }
  }

  /// `any`, a network, or the name of a group.
  private func references(_ value: YAMLValue?) -> [FirewallPolicy.Reference] {
    (value?.list() ?? []).compactMap { item in
      guard let text = item.text("a group, a network, or any") else { return nil }
      if text == "any" { return FirewallPolicy.Reference(.any, place: item.place) }
      guard text.contains("/") || text.contains(":") || text.first?.isNumber == true else {
        return FirewallPolicy.Reference(.group(text), place: item.place)
      }
      return network(item).map { FirewallPolicy.Reference(.network($0), place: item.place) }
    }
  }

  private func ports(_ value: YAMLValue?) -> [FirewallPolicy.Port] {
    (value?.list() ?? []).compactMap { item in
      guard let text = item.text("tcp/PORT or udp/PORT") else { return nil }
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      let range = parts.count == 2 ? parts[1].split(separator: "-").compactMap { UInt16($0) } : []
      guard parts.count == 2,
        let transport = FirewallPolicy.Port.Transport(rawValue: String(parts[0])),
        let first = range.first, let last = range.last, range.count <= 2, first > 0, first <= last,
        range.count == parts[1].split(separator: "-", omittingEmptySubsequences: false).count
      else {
        item.error("\"\(text)\" is no port; allowed: tcp/443, udp/53, tcp/8000-8010")
        return nil
      }
      return FirewallPolicy.Port(transport, first, last)
    }
  }

  /// The first second after the day, in the policy's timezone.
  private func endOfDay(_ value: YAMLValue) -> Int64? {
    guard let text = value.text("YYYY-MM-DD") else { return nil }
    let parts = text.split(separator: "-").compactMap { Int($0) }
    let components = DateComponents(
      year: parts.first, month: parts.dropFirst().first, day: parts.dropFirst(2).first)
    guard text.utf8.count == 10, parts.count == 3, components.isValidDate(in: calendar),
      let day = calendar.date(from: components),
      let next = calendar.date(byAdding: .day, value: 1, to: day)
    else {
      value.error("\"\(text)\" is no day; allowed: YYYY-MM-DD, like 2026-12-31")
      return nil
    }
    return Int64(next.timeIntervalSince1970)
  }

  private func feed(_ map: YAMLMap) -> [FirewallPolicy.Entry] {
    guard let path = map.text("file"), let value = map["file"] else { return [] }
    let url = URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: value.file))
    guard let bytes = FileBytes.read(url.path, limit: 128 << 20, problems) else { return [] }
    let entries = FeedReader.read(bytes, file: url.path, problems)
    let least = map.integer("min_entries") ?? 1
    let most = map.integer("max_entries") ?? 1_000_000
    if !(least...max(least, most)).contains(entries.count), !problems.hasErrors {
      value.error("\(path) has \(entries.count) entries; allowed: \(least)...\(most)")
    }
    return entries
  }
}

/// A feed: one network a line, `#` and `;` begin comments.
enum FeedReader {
  static func read(
    _ bytes: [UInt8], file: String, _ problems: Problems
  ) -> [FirewallPolicy.Entry] {
    var entries: [FirewallPolicy.Entry] = []
    var number = 0
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      let content = line.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: ";") }
        .filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0d }
      guard !content.isEmpty else { continue }
      let place = SourcePlace(file: file, line: number, column: 1)
      do {
        let network = try Network(parsing: String(decoding: content.prefix(80), as: UTF8.self))
        entries.append(FirewallPolicy.Entry(network: network, place: place))
      } catch {
        problems.error(place, "\(error)")
      }
    }
    return entries
  }
}

extension YAMLValue {
  /// `fe80::` without quotes is a map with one empty value.
  fileprivate var isMisreadAddress: Bool {
    guard let pair = node.mapping?.first, node.mapping?.count == 1 else { return false }
    let key = pair.key.scalar?.string ?? ""
    return !PolicySettings.entry.fields.contains { $0.name == key }
      && key.allSatisfy { $0.isHexDigit || $0 == ":" }
  }
}
