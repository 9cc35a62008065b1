/// The groups of a policy as sets of addresses, each worked out once.
struct GroupResolution {
  enum Failure: Error, Equatable {
    case undefined(String, SourcePlace)
    /// The groups of the circle, in order, the first again at the end.
    case cycle([String], SourcePlace)
  }

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
    for reference in references {
      guard case .group(let name) = reference.target, known[name] == nil else { continue }
      workOut(name, at: reference.place)
    }
    return union(references)
  }

  mutating func set(of group: FirewallPolicy.Group) -> AddressSet {
    if known[group.name] == nil { workOut(group.name, at: group.place) }
    return known[group.name] ?? AddressSet()
  }

  /// A group whose parts are being worked out.
  private struct Step {
    var group: FirewallPolicy.Group
    /// The first one last.
    var remaining: [FirewallPolicy.Reference]
  }

  /// Works out a group and before it all that it names, however deep: without recursion, which would
  /// cost stack.
  private mutating func workOut(_ name: String, at place: SourcePlace) {
    var path: [Step] = []
    var open: Set<String> = []
    func enter(_ group: FirewallPolicy.Group) {
      path.append(Step(group: group, remaining: (group.include + group.except).reversed()))
      open.insert(group.name)
    }
    guard let group = groups[name] else { return fail(.undefined(name, place)) }
    enter(group)
    while var step = path.popLast() {
      guard let reference = step.remaining.popLast() else {
        known[step.group.name] = own(step.group)
        open.remove(step.group.name)
        continue
      }
      path.append(step)
      guard case .group(let next) = reference.target, known[next] == nil else { continue }
      guard let group = groups[next] else {
        fail(.undefined(next, reference.place))
        continue
      }
      guard !open.contains(next) else {
        let circle = path.map(\.group.name).drop { $0 != next }
        fail(.cycle(Array(circle) + [next], reference.place))
        continue
      }
      enter(group)
    }
  }

  /// Of a group whose parts are known.
  private func own(_ group: FirewallPolicy.Group) -> AddressSet {
    let entries = group.entries.reduce(
      into: (ipv4: [AddressInterval<UInt32>](), ipv6: [AddressInterval<UInt128>]())
    ) {
      let one = AddressSet($1.network, until: $1.until)
      $0.ipv4 += one.ipv4
      $0.ipv6 += one.ipv6
    }
    var all = AddressSet(ipv4: entries.ipv4, ipv6: entries.ipv6).union(union(group.include))
    if let feed = group.feed { all = all.union(feed.addresses) }
    let except = union(group.except)
    return except.isEmpty ? all : all.subtracting(except)
  }

  private func union(_ references: [FirewallPolicy.Reference]) -> AddressSet {
    var sets: [AddressSet] = []
    for reference in references {
      switch reference.target {
      case .any: return .any
      case .network(let network): sets.append(AddressSet(network))
      case .group(let name): sets.append(known[name] ?? AddressSet())
      }
    }
    return AddressSet(union: sets)
  }

  private mutating func fail(_ failure: Failure) {
    guard failures.count < Self.failureLimit, !failures.contains(failure) else { return }
    failures.append(failure)
  }
}
