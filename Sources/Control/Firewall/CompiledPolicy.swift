internal import Certificates
public import Firewall
internal import Foundation

/// A policy ready for the kernel at a moment.
public struct CompiledPolicy: Sendable {
  public let policy: FirewallPolicy
  public let verdict: PolicyVerdict
  /// Unix time in seconds.
  public private(set) var time: Int64

  public init(_ policy: FirewallPolicy, at time: Int64) {
    self.policy = policy
    self.time = time
    verdict = PolicyVerdict(ResolvedPolicy(policy))
  }

  /// The same, from this second on.
  var renewed: CompiledPolicy {
    var policy = self
    policy.time = max(time, Self.now)
    return policy
  }

  /// As it was applied, to compare the kernel with: what has ended since was there then.
  public static func applied(_ policy: FirewallPolicy, _ state: PolicyState) -> CompiledPolicy {
    CompiledPolicy(policy, at: state.appliedAt ?? now)
  }

  /// As if no entry ended, and no service had hours.
  var timeless: CompiledPolicy {
    var policy = policy
    for index in policy.services.indices { policy.services[index].schedule = nil }
    return CompiledPolicy(policy, at: .min)
  }

  public static var now: Int64 { Int64(Date().timeIntervalSince1970) }

  public var ruleset: Ruleset { RulesetCompiler.compile(verdict.policy, at: time) }

  /// Which policy this is, whatever the hour: SHA-256 of all that is asked of it.
  public var digest: [UInt8] {
    let requests = policy.services.map { $0.http.map { "\($0.host)\($0.path ?? "/**")" } }
    let drift = policy.onDrift
    var policy = verdict.policy
    // Windows are of the day they were worked out.
    for index in policy.services.indices { policy.services[index].schedule?.windows = [] }
    let summary = Array("\(policy.summary) \(requests) \(drift)".utf8)
    return unsafe Digest.sha256 { take in
      unsafe summary.withUnsafeBytes { unsafe take($0) }
      for set in policy.addressSets {
        unsafe set.ipv4.digest(take)
        unsafe set.ipv6.digest(take)
        unsafe [UInt8(0)].withUnsafeBytes { unsafe take($0) }
      }
    }
  }
}

extension ResolvedPolicy {
  /// Everything but addresses.
  fileprivate var summary: String {
    let services = services.map { service in
      """
      \(service.name) \(service.listen) \(String(describing: service.limit)) \
      \(String(describing: service.ban)) \(service.schedule?.text ?? "") \(service.log) \
      \(service.http.count)
      """
    }
    return """
      \(mode) \(protect) \(existingConnections) \(isPanic) \(bans.defaultSeconds) \
      \(bans.longestSeconds) \(management?.ports ?? []) \(services)
      """
  }

  fileprivate var addressSets: [AddressSet] {
    [management?.sources ?? AddressSet(), deny, neverBanned]
      + services.flatMap { [$0.allow, $0.deny, $0.trustedProxies, $0.others] + $0.http }
  }
}

extension [AddressInterval<UInt32>] {
  /// First, last and end of each, in the order of little-endian machines.
  @unsafe fileprivate func digest(_ take: (UnsafeRawBufferPointer) -> Void) {
    unsafe digestPieces(take) { words, interval in
      words.append((UInt64(interval.last) << 32 | UInt64(interval.first)).littleEndian)
    }
  }
}

extension [AddressInterval<UInt128>] {
  @unsafe fileprivate func digest(_ take: (UnsafeRawBufferPointer) -> Void) {
    unsafe digestPieces(take) { words, interval in
      for number in [interval.first, interval.last] {
        words.append(UInt64(truncatingIfNeeded: number).littleEndian)
        words.append(UInt64(truncatingIfNeeded: number >> 64).littleEndian)
      }
    }
  }
}

extension Array {
  @unsafe fileprivate func digestPieces<Bits>(
    _ take: (UnsafeRawBufferPointer) -> Void,
    _ appendKeys: (inout [UInt64], AddressInterval<Bits>) -> Void
  ) where Element == AddressInterval<Bits> {
    let pieceCount = 4096
    var words: [UInt64] = []
    words.reserveCapacity(pieceCount + 8)
    for interval in self {
      appendKeys(&words, interval)
      words.append(UInt64(bitPattern: interval.until ?? .max).littleEndian)
      guard words.count >= pieceCount else { continue }
      unsafe words.withUnsafeBytes { unsafe take($0) }
      words.removeAll(keepingCapacity: true)
    }
    unsafe words.withUnsafeBytes { unsafe take($0) }
  }
}

extension PolicyState {
  private static let quickElementLimit = 20_000

  /// Whether the kernel holds the generation in force, by its stamp, its rules and its sets; by each
  /// element only where they are few. While somebody writes all the time only the stamp can be looked at.
  public func isInKernel(_ live: LiveRuleset?, _ policy: FirewallPolicy?) -> Bool {
    guard generation > 0, let policy, let stamp = live?.digest, stamp.hexadecimal == digest
    else { return false }
    let applied = CompiledPolicy.applied(policy, self)
    let ruleset = applied.ruleset
    // Long lists are `verify`'s business.
    let isWhole = ruleset.elementCount <= Self.quickElementLimit
    do {
      return try FirewallKernel.drift(
        from: isWhole ? ruleset : ruleset.frame, rules: rules, elements: isWhole,
        after: UInt64(
          clamping: CompiledPolicy.now.subtractingReportingOverflow(applied.time).partialValue)
      ).isEmpty
    } catch .contended { return true } catch { return false }
  }
}
