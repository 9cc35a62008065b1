/// Host and path -> route, the most specific first: an exact host before `*.`, that before any;
/// then an exact path before the longest prefix. Flat bytes and one hash, for 10,000 hosts as for 1.
struct RoutingTable {
  private struct Rule {
    let path: PathMatch
    let route: Int
  }

  /// The routes of one host, in the order in which they are tried.
  private struct Group { var rules: [Rule] = [] }

  private var groups: [Group] = []
  private var exact = HostTable()
  private var suffix = HostTable()
  private var any: Int?

  init(_ routes: [ProxyConfiguration.Route]) {
    for (index, route) in routes.enumerated() {
      let group = group(for: route.host)
      groups[group].rules.append(Rule(path: PathMatch(route.path), route: index))
    }
    for index in groups.indices { groups[index].rules.sort { $0.path.rank > $1.path.rank } }
  }

  /// `host` as it came, without the port; `path` normalised. Nil when no route takes them.
  func lookup(host: Span<UInt8>, path: Span<UInt8>) -> Int? {
    let name = HostTable.withoutLastDot(host)
    if let group = exact.find(name), let route = route(in: group, path) { return route }
    if let parent = HostTable.parent(of: name), let group = suffix.find(parent),
      let route = route(in: group, path)
    {
      return route
    }
    return any.flatMap { route(in: $0, path) }
  }

  private func route(in group: Int, _ path: Span<UInt8>) -> Int? {
    let count = groups[group].rules.count
    for index in 0..<count where groups[group].rules[index].path.matches(path) {
      return groups[group].rules[index].route
    }
    return nil
  }

  private mutating func group(for host: ProxyConfiguration.Route.Host) -> Int {
    let next = groups.count
    let found: Int
    switch host {
    case .any:
      found = any ?? next
      any = found
    case .exact(let name): found = exact.insert(HostTable.key(name.utf8), next)
    case .suffix(let name): found = suffix.insert(HostTable.key(name.utf8), next)
    }
    if found == next { groups.append(Group()) }
    return found
  }
}
