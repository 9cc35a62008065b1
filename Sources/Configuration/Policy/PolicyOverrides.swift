public import Firewall
public import Foundation

/// What is allowed by hand, on top of the policy's file; each ends by itself.
public struct PolicyOverrides: Codable, Sendable, Equatable {
  public struct Allowance: Codable, Sendable, Equatable {
    public var network: Network
    /// A service, or `management`.
    public var service: String
    /// Unix time in seconds.
    public var until: Int64
    public var owner: String
    public var reason: String

    public init(
      network: Network, service: String, until: Int64, owner: String, reason: String
    ) {
      self.network = network
      self.service = service
      self.until = until
      self.owner = owner
      self.reason = reason
    }
  }
  public var allowances: [Allowance] = []
  /// Since when only management is let in.
  public var panic: Date?
  public var panicBy: String?

  public init() {}

  /// What stands in a file; nothing where there is none. Nil when it is damaged: it may say panic.
  static func read(_ path: String) -> PolicyOverrides? {
    guard FileManager.default.fileExists(atPath: path) else { return PolicyOverrides() }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return FileManager.default.contents(atPath: path)
      .flatMap { try? decoder.decode(PolicyOverrides.self, from: $0) }
  }

  /// As they stand in a generation that they were put on top of.
  public init(in policy: FirewallPolicy) {
    for group in policy.groups where group.name.hasPrefix(FirewallPolicy.byHand) {
      let service = String(group.name.dropFirst(FirewallPolicy.byHand.count))
      allowances += group.entries.map {
        Allowance(
          network: $0.network, service: service, until: $0.until ?? .max, owner: $0.owner ?? "?",
          reason: $0.reason ?? "?")
      }
    }
    // Since when is not known.
    if policy.isPanic { panic = Date(timeIntervalSince1970: 0) }
  }

  /// Without what has ended by then.
  public func remaining(at time: Int64) -> PolicyOverrides {
    var overrides = self
    overrides.allowances.removeAll { $0.until <= time }
    return overrides
  }

  /// The policy with all of it on top; allowances to services that it does not have are left out.
  public func applied(to policy: FirewallPolicy) -> FirewallPolicy {
    var policy = policy.withoutOverrides
    policy.isPanic = panic != nil
    for service in Set(allowances.map(\.service)).sorted() {
      let place = SourcePlace(file: "overrides.json", line: 1, column: 1)
      // No name in a file has a colon, so it can't be one of them.
      let group = FirewallPolicy.Group(
        name: FirewallPolicy.byHand + service,
        entries: allowances.filter { $0.service == service }.map {
          FirewallPolicy.Entry(
            network: $0.network, owner: $0.owner, reason: $0.reason, until: $0.until, place: place)
        }, place: place)
      let reference = FirewallPolicy.Reference(.group(group.name), place: place)
      if let index = policy.services.firstIndex(where: { $0.name == service }) {
        policy.services[index].allow.append(reference)
      } else if service == "management", policy.management != nil {
        policy.management?.from.append(reference)
      } else {
        continue
      }
      policy.groups.append(group)
    }
    return policy
  }
}

extension FirewallPolicy {
  /// Before the service, in the names of groups.
  fileprivate static let byHand = "by-hand:"

  /// As its file has it.
  fileprivate var withoutOverrides: FirewallPolicy {
    var policy = self
    policy.isPanic = false
    policy.groups.removeAll { $0.name.hasPrefix(Self.byHand) }
    func isOurs(_ reference: Reference) -> Bool {
      if case .group(let name) = reference.target { name.hasPrefix(Self.byHand) } else { false }
    }
    for index in policy.services.indices { policy.services[index].allow.removeAll(where: isOurs) }
    policy.management?.from.removeAll(where: isOurs)
    return policy
  }
}
