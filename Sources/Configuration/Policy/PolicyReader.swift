import Firewall
import Foundation

/// Reads a policy file and all it includes; names of groups are not yet looked up.
struct PolicyReader {
  static let fileLimit = 1000

  let problems: Problems
  /// Unix time in seconds: from when on schedules are worked out, and how old a feed is.
  let now: Int64
  /// Where the feeds of the last apply lie, by the name of their group.
  let lastFeeds: String?
  private(set) var zone = TimeZone.gmt
  private var expectations: [Expectation] = []
  private var policy = FirewallPolicy()
  private var groupPlaces: [String: SourcePlace] = [:]
  private var servicePlaces: [String: SourcePlace] = [:]

  /// Nil when there is no policy to speak of; `place` is where the file is named.
  static func read(
    _ path: String, at now: Int64, lastFeeds: String?, namedAt place: SourcePlace?,
    _ problems: Problems
  ) -> (policy: FirewallPolicy, expectations: [Expectation])? {
    guard let root = YAMLDocument.read(path, namedAt: place, problems),
      let map = MapReader(root, PolicyFields.section, label: "", problems)
    else { return nil }
    var reader = PolicyReader(problems: problems, now: now, lastFeeds: lastFeeds)
    reader.read(map, path)
    return (reader.policy, reader.expectations)
  }

  private init(problems: Problems, now: Int64, lastFeeds: String?) {
    self.problems = problems
    self.now = now
    self.lastFeeds = lastFeeds
  }

  private mutating func read(_ map: MapReader, _ path: String) {
    _ = map.integer(PolicyFields.version)
    if let word = map.choice(PolicyFields.mode) {
      policy.mode = FirewallPolicy.Mode(rawValue: word) ?? policy.mode
    }
    if let word = map.choice(PolicyFields.existingConnections) {
      policy.existingConnections =
        FirewallPolicy.ExistingConnections(rawValue: word) ?? policy.existingConnections
    }
    if let word = map.choice(PolicyFields.onDrift) {
      policy.onDrift = FirewallPolicy.DriftReaction(rawValue: word) ?? policy.onDrift
    }
    _ = map.choice(PolicyFields.defaultAction)
    readZone(map)
    if let word = map.choice(PolicyFields.protect) {
      policy.protect = FirewallPolicy.Protection(rawValue: word) ?? policy.protect
    }
    if let management = map.section(PolicyFields.management, ManagementFields.section) {
      policy.management = FirewallPolicy.Management(
        from: references(management, ManagementFields.from),
        to: ports(management, ManagementFields.to), place: management.place)
    }
    policy.deny = references(map, PolicyFields.deny)
    if let bans = map.section(PolicyFields.bans, BanFields.policySection) {
      policy.bans = self.bans(bans)
    }
    expectations = (map.items(PolicyFields.expect) ?? []).compactMap { expectation($0) }
    readNames(map)
    for (file, place) in includedFiles(map, path) {
      guard let root = YAMLDocument.read(file, namedAt: place, problems),
        let map = MapReader(root, PolicyFields.includedSection, label: "", problems)
      else { continue }
      readNames(map)
    }
  }

  private mutating func readZone(_ map: MapReader) {
    guard let value = map[PolicyFields.timezone], let name = map.text(PolicyFields.timezone)
    else { return }
    if let found = TimeZone(identifier: name) {
      zone = found
    } else {
      problems.error(
        value.place, "unknown timezone \"\(name.shortened)\"; allowed: names such as Europe/Berlin")
    }
  }

  /// Groups and services, the only things an included file may add.
  private mutating func readNames(_ map: MapReader) {
    for pair in map.names(PolicyFields.groups) {
      guard Self.isNew(pair, "group", &groupPlaces, problems) else { continue }
      if let group = group(pair) { policy.groups.append(group) }
    }
    for pair in map.names(PolicyFields.services) {
      guard Self.isNew(pair, "service", &servicePlaces, problems) else { continue }
      let label = "service \"\(pair.key)\""
      guard let map = MapReader(pair.value, ServiceFields.section, label: label, problems)
      else { continue }
      policy.services.append(service(pair, map))
    }
  }

  private static func isNew(
    _ pair: YAMLValue.Pair, _ what: String, _ places: inout [String: SourcePlace],
    _ problems: Problems
  ) -> Bool {
    if let other = places[pair.key] {
      problems.error(pair.place, "\(what) \"\(pair.key)\" stands at \(other), too; rename one")
      return false
    }
    places[pair.key] = pair.place
    return true
  }

  private func includedFiles(_ map: MapReader, _ path: String) -> [(
    file: String, place: SourcePlace
  )] {
    var files: [(file: String, place: SourcePlace)] = []
    for item in map.items(PolicyFields.include) ?? [] {
      guard let text = item.text("a path in \"include\"", problems) else { continue }
      let pattern = FilePath.resolve(text, from: item.place.file)
      guard pattern.contains("*") else {
        files.append((pattern, item.place))
        continue
      }
      let found = matches(pattern)
      if found.isEmpty { problems.warning(item.place, "\"\(text.shortened)\" matches no file") }
      files += found.map { ($0, item.place) }
    }
    var seen: Set<String> = [FilePath.simplified(path)]
    files = files.filter { seen.insert($0.file).inserted }
    if files.count > Self.fileLimit, let place = map[PolicyFields.include]?.place {
      problems.error(place, "\(files.count) files to include; at most \(Self.fileLimit)")
      return []
    }
    return files
  }

  private func matches(_ pattern: String) -> [String] {
    let folder = FilePath.folder(of: pattern)
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)
    let last = String(pattern.dropFirst(folder.count))
    return (names ?? []).sorted().filter { unsafe fnmatch(last, $0, FNM_PERIOD) == 0 }
      .map { folder + $0 }
  }
}
