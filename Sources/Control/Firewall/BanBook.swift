public import Firewall
internal import Foundation

/// Bans: in the kernel, and on disk so that they outlive a restart of the machine.
public struct BanBook: Sendable {
  public let store: PolicyStore

  public init(_ store: PolicyStore) { self.store = store }

  /// Why somebody is not banned.
  public struct Refusal: Error, CustomStringConvertible {
    public let description: String
  }

  /// What a ban came to.
  public struct Outcome: Sendable {
    public var seconds: UInt64
    /// Connections.
    public var closed = 0
    /// Why some may go on.
    public var faults: [String] = []
  }

  /// Bans a network, and closes what is open from there, but while the policy is on trial.
  @discardableResult
  public func add(_ network: Network, seconds: UInt64?) throws -> Outcome {
    let (seconds, isOnTrial) = try store.considerately {
      let rules = try policy()
      return (try ban(network, seconds: seconds, rules, nil), rules.isOnTrial)
    }
    var outcome = Outcome(seconds: seconds)
    guard !isOnTrial else { return outcome }
    let closed = Connections.close(from: [network])
    outcome.closed = closed.count
    outcome.faults = closed.faults
    return outcome
  }

  /// Bans a network, and leaves open connections to others; for how many seconds.
  func ban(
    _ network: Network, seconds: UInt64?, _ rules: ResolvedPolicy, _ kernel: BanSocket?
  ) throws -> UInt64 {
    let seconds = min(seconds ?? rules.bans.defaultSeconds, rules.bans.longestSeconds)
    try Self.refuseNever(network, rules)
    if let kernel {
      try kernel.bans.add(network, seconds: seconds)
    } else {
      try KernelBans().add(network, seconds: seconds)
    }
    return seconds
  }

  /// Whether the policy in force would have it banned.
  public func check(_ network: Network) throws { try Self.refuseNever(network, policy()) }

  private static func refuseNever(_ network: Network, _ rules: ResolvedPolicy) throws {
    let spared = rules.neverBanned.remaining(at: CompiledPolicy.now)
    guard spared.intersects(AddressSet(network)) else { return }
    throw Refusal(
      description:
        "\(network) is or holds somebody whom the policy never bans (management, trusted proxies, bans.never)"
    )
  }

  public func remove(_ network: Network) throws -> Bool {
    try store.considerately { try KernelBans().remove(network) }
  }

  public func list() throws -> [KernelBans.Ban] { try KernelBans().list() }

  /// The ban that an address is under.
  public func ban(of address: Address) throws -> KernelBans.Ban? {
    try KernelBans().ban(of: address)
  }

  /// Writes down what the kernel holds, the bans by its own rules too. One after another: no older list
  /// takes the place of a newer one.
  public func save() throws {
    let descriptor = unsafe open(store.path("bans.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    var steps = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK, steps < Self.turnSteps {
      usleep(10_000)
      steps += 1
    }
    let now = CompiledPolicy.now
    let bans = try list().map {
      KeptBan(network: $0.network, until: now + Int64($0.secondsLeft))
    }
    try store.write(bans)
  }

  /// Of ten milliseconds, which is what one takes: whoever hangs keeps nobody from it.
  private static let turnSteps = 200

  /// A year: no ban of a policy is longer.
  private static let longest: UInt64 = 366 * 86_400

  /// Ends the bans of those whom a policy never bans; how many.
  func spare(_ rules: ResolvedPolicy) throws -> Int {
    let kernel = try KernelBans()
    let spared = rules.neverBanned.remaining(at: CompiledPolicy.now)
    guard !spared.isEmpty else { return 0 }
    let wrong = try kernel.list().filter { spared.intersects(AddressSet($0.network)) }
    for ban in wrong { _ = try kernel.remove(ban.network) }
    return wrong.count
  }

  /// Puts what was written down, and has not ended, into the kernel; how many.
  func restore() throws -> Int {
    let now = CompiledPolicy.now
    let bans = try store.bans().filter { $0.until > now }
    guard !bans.isEmpty else { return 0 }
    let kernel = try KernelBans()
    for ban in bans {
      let seconds = min(
        UInt64(ban.until.subtractingReportingOverflow(now).partialValue), Self.longest)
      try kernel.add(ban.network, seconds: seconds)
    }
    return bans.count
  }

  /// The policy in force.
  public func policy() throws -> ResolvedPolicy {
    let state = try store.state()
    guard state.generation > 0 else {
      throw PolicyStore.Failure("no policy is in force; type: gatehouse policy apply FILE")
    }
    return ResolvedPolicy(try store.policy(of: state.generation))
  }
}

/// A socket to the kernel that is kept open between bans.
final class BanSocket {
  let bans: KernelBans

  init?() {
    guard let bans = try? KernelBans() else { return nil }
    self.bans = bans
  }
}

/// A ban that outlives a restart of the machine.
struct KeptBan: Codable, Sendable {
  var network: Network
  /// Unix time in seconds.
  var until: Int64
}
