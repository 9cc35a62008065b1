import Firewall

extension PolicyReader {
  typealias Reference = FirewallPolicy.Reference
  typealias Port = FirewallPolicy.Port

  func references(_ map: MapReader, _ field: Field) -> [Reference] {
    (map.items(field) ?? []).compactMap { item in
      guard let text = item.text("a source in \"\(field.name)\"\(map.inLabel)", problems)
      else { return nil }
      return target(text, item, map, field).map { Reference($0, place: item.place) }
    }
  }

  private func target(_ text: String, _ item: YAMLValue, _ map: MapReader, _ field: Field)
    -> Reference.Target?
  {
    if text == "any" { return .any }
    // A name never holds these, an address always one of them.
    if text.contains(where: { ".:/".contains($0) }) {
      return network(item, text).map { .network($0) }
    }
    if text.isName { return .group(text) }
    return map.refuse(item, field, "names no source")
  }

  func network(_ value: YAMLValue, _ text: String) -> Network? {
    do throws(NetworkError) {
      return try Network(parsing: text.shortened)
    } catch {
      problems.error(value.place, error.description)
      return nil
    }
  }

  func ports(_ map: MapReader, _ field: Field) -> [Port] {
    (map.items(field) ?? []).compactMap { item in
      guard let text = item.text("a port in \"\(field.name)\"\(map.inLabel)", problems)
      else { return nil }
      return port(text) ?? map.refuse(item, field, "is no port")
    }
  }

  private func port(_ text: String) -> Port? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let transport = Port.Transport(rawValue: String(parts[0]))
    else { return nil }
    let ends = parts[1].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count <= 2, let first = AddressText.port(ends[0]),
      let last = AddressText.port(ends[ends.count - 1]), first <= last
    else { return nil }
    return Port(transport, first, last)
  }
}
