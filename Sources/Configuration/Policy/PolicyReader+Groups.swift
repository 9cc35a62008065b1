import Firewall

extension PolicyReader {
  typealias Group = FirewallPolicy.Group
  typealias Entry = FirewallPolicy.Entry

  static let feedByteLimit = 256 << 20

  func group(_ pair: YAMLValue.Pair) -> Group? {
    let label = "group \"\(pair.key)\""
    guard pair.key != "any" else {
      problems.error(pair.place, "a group cannot be named any: that is everybody; rename it")
      return nil
    }
    if case .list(let items) = pair.value.content {
      let entries = items.compactMap { entry($0, label) }
      return Group(name: pair.key, entries: entries, place: pair.place)
    }
    if pair.value.unquotedAddress == nil, case .map = pair.value.content {
      return MapReader(pair.value, GroupFields.section, label: label, problems)
        .map { group(pair, $0) }
    }
    if case .nothing = pair.value.content {
      problems.error(pair.place, "\(label) is empty; write its networks, or []")
      return nil
    }
    let entries = [entry(pair.value, label)].compactMap(\.self)
    return Group(name: pair.key, entries: entries, place: pair.place)
  }

  private func group(_ pair: YAMLValue.Pair, _ map: MapReader) -> Group {
    var group = Group(name: pair.key, place: pair.place)
    group.include = references(map, GroupFields.include)
    group.except = references(map, GroupFields.except)
    if map[GroupFields.file] != nil {
      group.entries = feed(map)
    } else {
      for field in [GroupFields.minEntries, GroupFields.maxEntries] {
        guard let place = map.keyPlace(field) else { continue }
        problems.error(place, "\(field.name)\(map.inLabel) needs a file; name it, or remove this")
      }
      if map[GroupFields.include] == nil {
        problems.error(map.place, "\(map.label) names no sources; write include or file")
      }
    }
    return group
  }

  private func entry(_ value: YAMLValue, _ label: String) -> Entry? {
    guard case .map = value.content, value.unquotedAddress == nil else {
      guard let text = value.text("an entry of \(label)", problems) else { return nil }
      guard !text.isName else {
        problems.error(
          value.place,
          "\"\(text)\" in \(label) is no network; for a group write { include: [\(text)] }")
        return nil
      }
      return network(value, text).map { Entry(network: $0, place: value.place) }
    }
    guard
      let map = MapReader(value, EntryFields.section, label: "an entry of \(label)", problems),
      let text = map.text(EntryFields.cidr), let place = map[EntryFields.cidr],
      let network = network(place, text)
    else { return nil }
    return Entry(
      network: network, owner: map.text(EntryFields.owner), reason: map.text(EntryFields.reason),
      ticket: map.text(EntryFields.ticket), until: until(map), place: value.place)
  }

  private func until(_ map: MapReader) -> Int64? {
    guard let value = map[EntryFields.until], let text = map.text(EntryFields.until)
    else { return nil }
    return EndOfDay.parse(text, in: zone)
      ?? map.refuse(value, EntryFields.until, "is no day in a calendar")
  }

  private func feed(_ map: MapReader) -> [Entry] {
    guard let path = map.path(GroupFields.file), let place = map[GroupFields.file]?.place
    else { return [] }
    let least = map.integer(GroupFields.minEntries) ?? 1
    let most = map.integer(GroupFields.maxEntries) ?? 200_000
    do throws(FileReader.Failure) {
      let bytes = try FileReader.read(path, limit: Self.feedByteLimit).bytes
      let (entries, isWhole) = entries(bytes, path, most)
      if entries.count > most {
        problems.error(
          place, "more than \(most) entries in \"\(path)\"; raise max_entries if that is right")
      } else if isWhole, entries.count < least {
        problems.error(
          place,
          "\(entries.count) entries in \"\(path)\", at least \(least) expected; "
            + "fetch it again, or lower min_entries")
      }
      return entries
    } catch {
      problems.error(place, "cannot read \"\(path.shortened)\": \(error.text)")
      return []
    }
  }

  /// One network a line, and whether all lines are right; stops after too many.
  private func entries(_ bytes: [UInt8], _ path: String, _ most: Int) -> (
    entries: [Entry], isWhole: Bool
  ) {
    var entries: [Entry] = []
    var wrong = 0
    var line = 0
    for part in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      line += 1
      let kept = part.prefix { $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: ";") }
      let words = kept.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
      guard let word = words.first, wrong < Problems.limit, entries.count <= most else { continue }
      let place = SourcePlace(file: path, line: line, column: word.startIndex - part.startIndex + 1)
      let text = String(decoding: word, as: UTF8.self)
      let value = YAMLValue(content: .scalar(text), place: place)
      if words.count > 1 {
        problems.error(place, "more than a network in this line; allowed: one, and # or ; comments")
        wrong += 1
      } else if let network = network(value, text) {
        entries.append(Entry(network: network, place: place))
      } else {
        wrong += 1
      }
    }
    return (entries, wrong == 0)
  }
}
