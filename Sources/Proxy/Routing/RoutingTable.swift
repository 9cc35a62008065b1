/// Host and path -> route, the most specific first: an exact host before `*.`, that before any;
/// then an exact path before the longest prefix. Flat bytes and one hash, for 10,000 hosts as for 1.
struct RoutingTable {
  fileprivate struct Rule {
    let path: ProxyConfiguration.Route.Path
    let bytes: [UInt8]
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
      groups[group].rules.append(Rule(route.path, index))
    }
    for index in groups.indices { groups[index].rules.sort { $0.rank > $1.rank } }
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
    for index in 0..<count where groups[group].rules[index].matches(path) {
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

extension RoutingTable.Rule {
  fileprivate init(_ path: ProxyConfiguration.Route.Path, _ route: Int) {
    self.path = path
    self.route = route
    switch path {
    case .any: bytes = []
    case .exact(let text), .prefix(let text): bytes = Array(text.utf8)
    }
  }

  /// Tried from the greatest down.
  fileprivate var rank: Int {
    switch path {
    case .any: -1
    case .prefix: 2 * bytes.count
    case .exact: 2 * bytes.count + 1 << 20
    }
  }

  fileprivate func matches(_ path: Span<UInt8>) -> Bool {
    switch self.path {
    case .any: return true
    case .exact: return path.count == bytes.count && starts(path)
    case .prefix:
      guard starts(path) else { return false }
      // `/orders/**` is `/orders` and all below it, not `/orders2`.
      return path.count == bytes.count || bytes.isEmpty || bytes.last == UInt8(ascii: "/")
        || path[bytes.count] == UInt8(ascii: "/")
    }
  }

  private func starts(_ path: Span<UInt8>) -> Bool {
    guard path.count >= bytes.count else { return false }
    for index in bytes.indices where path[index] != bytes[index] { return false }
    return true
  }
}
