/// The groups of a policy as sets of addresses, each worked out once.
struct GroupResolution {
  enum Failure: Error, Equatable {
    case undefined(String, SourcePlace)
    /// The groups of the circle, in order, the first again at the end.
    case cycle([String], SourcePlace)
  }

  /// Deeper nesting than this is a mistake, and would cost stack.
  private static let depthLimit = 64
  /// More than anybody reads at once.
  private static let failureLimit = 100

  private let groups: [String: FirewallPolicy.Group]
  private var known: [String: AddressSet] = [:]
  private(set) var failures: [Failure] = []

  init(_ groups: [FirewallPolicy.Group]) {
    self.groups = Dictionary(groups.map { ($0.name, $0) }) { first, _ in first }
  }

  /// The union of what a list names; what can't be resolved is among the failures, and counts as
  /// nothing.
  mutating func set(_ references: [FirewallPolicy.Reference]) -> AddressSet {
    set(references, within: [])
  }

  mutating func set(of group: FirewallPolicy.Group) -> AddressSet {
    set(of: group.name, at: group.place, within: [])
  }

  private mutating func set(
    _ references: [FirewallPolicy.Reference], within path: [String]
  ) -> AddressSet {
    var sets: [AddressSet] = []
    for reference in references {
      switch reference.target {
      case .any: return .any
      case .network(let network): sets.append(AddressSet(network))
      case .group(let name): sets.append(set(of: name, at: reference.place, within: path))
      }
    }
    return AddressSet(union: sets)
  }

  private mutating func set(
    of name: String, at place: SourcePlace, within path: [String]
  ) -> AddressSet {
    if let known = known[name] { return known }
    guard let group = groups[name] else {
      fail(.undefined(name, place))
      return AddressSet()
    }
    if let start = path.firstIndex(of: name) {
      fail(.cycle(Array(path[start...]) + [name], place))
      return AddressSet()
    }
    guard path.count < Self.depthLimit else {
      fail(.cycle(path, place))
      return AddressSet()
    }
    let path = path + [name]
    let own = group.entries.reduce(
      into: (ipv4: [AddressInterval<UInt32>](), ipv6: [AddressInterval<UInt128>]())
    ) {
      let one = AddressSet($1.network, until: $1.until)
      $0.ipv4 += one.ipv4
      $0.ipv6 += one.ipv6
    }
    var all = AddressSet(ipv4: own.ipv4, ipv6: own.ipv6).union(set(group.include, within: path))
    if let feed = group.feed { all = all.union(feed.addresses) }
    let except = set(group.except, within: path)
    let result = except.isEmpty ? all : all.subtracting(except)
    known[name] = result
    return result
  }

  private mutating func fail(_ failure: Failure) {
    guard failures.count < Self.failureLimit, !failures.contains(failure) else { return }
    failures.append(failure)
  }
}
