import Control
import Firewall

/// Whom the kernel bans now. Bans stay whatever policy is applied, but for those whom it never bans.
struct BansInForce {
  private let bans: [KernelBans.Ban]
  /// All of them at once: most sources of a long file are none of these.
  private let addresses: AddressSet
  private let now: Int64

  init(_ bans: [KernelBans.Ban], at now: Int64) {
    self.bans = bans
    self.now = now
    let sets = bans.map { AddressSet($0.network) }
    addresses = AddressSet(ipv4: sets.flatMap(\.ipv4), ipv6: sets.flatMap(\.ipv6))
  }

  /// Nil, with a note on standard error, where the kernel can't be asked.
  static func read(_ store: PolicyStore) -> BansInForce? {
    do {
      return BansInForce(try BanBook(store).list(), at: CompiledPolicy.now)
    } catch {
      report(CommandFailure("note: bans are left aside, for the kernel does not tell: \(error)"))
      return nil
    }
  }

  /// The one that a source is under at the time for which the policy is asked.
  func ban(of source: Address, by compiled: CompiledPolicy) -> KernelBans.Ban? {
    guard addresses.contains(source, at: 0) else { return nil }
    let never = compiled.verdict.policy.neverBanned.remaining(at: compiled.time)
    return bans.first { ban in
      let network = AddressSet(ban.network)
      return network.contains(source, at: 0) && ban.counts(at: compiled.time, now: now)
        && !never.intersects(network)
    }
  }
}

extension KernelBans.Ban {
  /// A minute that is typed begins a little before now; what was banned before nobody knows.
  private static let minute: Int64 = 60

  /// Whether it is in force at another time, too.
  func counts(at time: Int64, now: Int64) -> Bool {
    let (end, overflow) = now.addingReportingOverflow(Int64(clamping: secondsLeft))
    return time > now - Self.minute && (overflow || time <= end)
  }
}
