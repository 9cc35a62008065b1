import Firewall

extension PolicyReader {
  typealias Group = FirewallPolicy.Group
  typealias Entry = FirewallPolicy.Entry

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
      group.feed = feed(map, group.name)
    } else {
      for field in GroupFields.feed {
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
}
