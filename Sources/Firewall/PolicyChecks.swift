/// What is wrong or doubtful with a policy, before anything is made of it.
public enum PolicyChecks {
  public static func findings(of policy: FirewallPolicy, at now: Int64) -> [Finding] {
    var checker = Checker(policy: policy, now: now)
    checker.run()
    return checker.findings
  }
}

private struct Checker {
  let policy: FirewallPolicy
  let now: Int64
  var findings: [Finding] = []

  /// More than this in a message nobody reads.
  private static let listedNameLimit = 24
  /// To compare words takes long.
  private static let comparedNameLimit = 1000

  init(policy: FirewallPolicy, now: Int64) {
    self.policy = policy
    self.now = now
  }

  mutating func run() {
    checkNames()
    checkManagement()
    checkGroups()
    checkServices()
    checkReferences()
    checkExpiry()
    if !findings.contains(where: { $0.severity == .error }) { checkOverlaps() }
  }

  private mutating func error(
    _ place: SourcePlace, _ message: String, _ suggestion: String? = nil
  ) {
    findings.append(Finding(.error, at: place, message, suggestion: suggestion))
  }

  private mutating func warn(
    _ place: SourcePlace, _ message: String, _ suggestion: String? = nil
  ) {
    findings.append(Finding(.warning, at: place, message, suggestion: suggestion))
  }

  private var start: SourcePlace {
    let file =
      policy.services.first?.place.file ?? policy.groups.first?.place.file ?? "policy"
    return SourcePlace(file: file, line: 1, column: 1)
  }

  private mutating func checkNames() {
    var groups: [String: SourcePlace] = [:]
    for group in policy.groups {
      if group.name == "any" {
        error(group.place, "a group can't be named any", "choose another name")
      }
      if let other = groups[group.name] {
        error(
          group.place, "group \"\(group.name)\" is defined twice, first at \(other)", "keep one")
      }
      groups[group.name] = group.place
    }
    var services: [String: SourcePlace] = [:]
    for service in policy.services {
      if let other = services[service.name] {
        error(
          service.place, "service \"\(service.name)\" is defined twice, first at \(other)",
          "keep one")
      }
      services[service.name] = service.place
      if service.name == "management" {
        error(
          service.place, "no service can be named management: who administers this machine is",
          "give it another name")
      }
    }
  }

  private mutating func checkManagement() {
    guard let management = policy.management else {
      return error(
        start, "management is missing: without it this policy could lock you out",
        "add management: { from: [YOUR NETWORK], to: [tcp/22] }")
    }
    if management.from.isEmpty {
      error(management.place, "management has no from", "add from: [YOUR NETWORK]")
    }
    if management.to.isEmpty {
      error(management.place, "management has no to", "add to: [tcp/22]")
    }
    let (named, left) = resolved(management.from)
    if !named.isEmpty, left.isEmpty {
      // No error: time alone would keep the proxy from starting. An apply is refused.
      warn(management.place, "all that management's from names has ended: you could be locked out")
    }
    for reference in management.from where reference.target == .any {
      error(
        reference.place, "management from any lets everybody to what administers this machine",
        "name your networks")
    }
  }

  /// Whom a list names, and who of them is left by now.
  private func resolved(
    _ references: [FirewallPolicy.Reference]
  ) -> (named: AddressSet, left: AddressSet) {
    var groups = GroupResolution(policy.groups)
    let named = groups.set(references)
    return (named, named.remaining(at: now))
  }

  private mutating func checkGroups() {
    for group in policy.groups {
      for reference in group.include + group.except where reference.target == .any {
        error(reference.place, "any can't be part of a group", "write any where the group is used")
      }
      for entry in group.entries { checkWhole(entry.network, entry.place) }
    }
    var resolution = GroupResolution(policy.groups)
    for group in policy.groups {
      if resolution.set(of: group).isEmpty, resolution.failures.isEmpty {
        warn(group.place, "group \"\(group.name)\" is empty")
      }
    }
    _ = resolution.set(policy.management?.from ?? [])
    _ = resolution.set(policy.deny)
    _ = resolution.set(policy.bans.never)
    for service in policy.services { _ = resolution.set(service.references) }
    for failure in resolution.failures { tell(failure) }
  }

  private mutating func tell(_ failure: GroupResolution.Failure) {
    switch failure {
    case .undefined(let name, let place):
      error(place, "there is no group \"\(name)\"", suggestion(for: name))
    case .cycle(let names, let place):
      error(
        place, "groups include each other in a circle: \(names.joined(separator: " -> "))",
        "take one of them out")
    }
  }

  private func suggestion(for name: String) -> String {
    let names = policy.groups.prefix(Self.comparedNameLimit).map(\.name)
    let near = names.map { ($0, Spelling.distance(name, $0)) }.min { $0.1 < $1.1 }
    if let near, near.1 <= max(1, name.count / 3) { return "did you mean \"\(near.0)\"?" }
    guard !names.isEmpty, names.count <= Self.listedNameLimit else {
      return "define it under groups"
    }
    return "there are: \(names.joined(separator: ", "))"
  }

  private mutating func checkWhole(_ network: Network, _ place: SourcePlace) {
    switch network {
    case .ipv4(_, prefix: 0), .ipv6(_, prefix: 0):
      error(place, "\(network) is everybody", "write any, where you mean it")
    case .ipv4, .ipv6: return
    }
  }

  private mutating func checkServices() {
    var seen: [(port: FirewallPolicy.Port, name: String)] = []
    for service in policy.services {
      if service.listen.isEmpty {
        error(service.place, "service \"\(service.name)\" has no listen", "add listen: [tcp/443]")
      }
      if service.allow.isEmpty, service.http.isEmpty {
        error(
          service.place, "service \"\(service.name)\" allows nobody",
          "add allow: [GROUP], or allow: [any] for everybody")
      }
      checkRate(service)
      for port in service.listen {
        let other = seen.first {
          $0.port.transport == port.transport && $0.port.first <= port.last
            && port.first <= $0.port.last
        }
        if let other {
          error(
            service.place, "\(port) is in service \"\(other.name)\" already",
            "a port belongs to one service")
        }
        seen.append((port, service.name))
      }
    }
  }

  /// The kernel counts a bucket in nanoseconds, in 64 bits (nft_limit_init of net/netfilter/nft_limit.c).
  private mutating func checkRate(_ service: FirewallPolicy.Service) {
    guard let rate = service.limit?.newConnections, rate.count > 0 else { return }
    let nanoseconds = rate.unit.rawValue * 1_000_000_000
    let most = UInt64.max / max(1, nanoseconds)
    guard rate.burst > most else { return }
    error(
      service.place,
      "burst \(rate.burst) of service \"\(service.name)\" is more than the kernel counts per \(rate.unit)",
      "write at most \(most), or a rate per a shorter time")
  }

  private mutating func checkReferences() {
    let all =
      policy.deny + (policy.management?.from ?? []) + policy.bans.never
      + policy.services.flatMap(\.references)
    for reference in all {
      if case .network(let network) = reference.target { checkWhole(network, reference.place) }
    }
    for reference in policy.services.flatMap(\.trustedProxies) where reference.target == .any {
      error(
        reference.place, "trusted_proxies any would believe what anybody says of who he is",
        "name the networks of your balancers")
    }
    for reference in policy.deny where reference.target == .any {
      warn(reference.place, "deny any leaves nothing but management")
    }
  }

  private mutating func checkExpiry() {
    for entry in policy.groups.lazy.flatMap(\.entries) {
      guard let until = entry.until, until <= now else { continue }
      warn(entry.place, "\(entry.network) has expired and counts no more", "take it out")
    }
  }

  private mutating func checkOverlaps() {
    var groups = GroupResolution(policy.groups)
    let deny = groups.set(policy.deny)
    if let management = policy.management, groups.set(management.from).intersects(deny) {
      warn(management.place, "some of management's sources are denied too; management wins")
    }
    for service in policy.services {
      let all = service.allow + service.trustedProxies + service.http.flatMap(\.allow)
      let named = groups.set(all)
      let allow = named.remaining(at: now)
      let own = groups.set(service.deny)
      if allow.isEmpty, !named.isEmpty {
        // Time alone must not make a policy wrong that was right: it would not start any more.
        warn(
          service.place,
          "nobody is let in to service \"\(service.name)\": all entries that it allows have ended")
      } else if allow.isEmpty {
        error(
          service.place,
          "allow of service \"\(service.name)\" is empty: its groups have no address",
          "add an address, or write any")
      } else if (own.isEmpty ? allow : allow.subtracting(own)).isCovered(by: deny) {
        warn(service.place, "all that service \"\(service.name)\" allows is denied")
      }
    }
  }
}

extension FirewallPolicy.Service {
  /// All places where it names sources.
  fileprivate var references: [FirewallPolicy.Reference] {
    allow + deny + trustedProxies + http.flatMap(\.allow)
  }
}

/// How far one word is from another.
enum Spelling {
  static func distance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for j in b.indices {
        let next = min(row[j + 1] + 1, row[j] + 1, diagonal + (letter == b[j] ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}
