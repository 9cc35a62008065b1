internal import Certificates
public import Firewall
internal import Foundation

/// A policy ready for the kernel at a moment.
public struct CompiledPolicy: Sendable {
  public let policy: FirewallPolicy
  public let verdict: PolicyVerdict
  /// Unix time in seconds.
  public let time: Int64

  public init(_ policy: FirewallPolicy, at time: Int64) {
    self.policy = policy
    self.time = time
    verdict = PolicyVerdict(ResolvedPolicy(policy))
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
    var bytes = Array("\(policy.summary) \(requests) \(drift)".utf8)
    for set in policy.addressSets {
      for interval in set.ipv4 {
        bytes.append(interval.first, interval.last, interval.until)
      }
      for interval in set.ipv6 {
        bytes.append(interval.first, interval.last, interval.until)
      }
      bytes.append(0)
    }
    return Digest.sha256(bytes)
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

extension [UInt8] {
  fileprivate mutating func append<Bits: FixedWidthInteger>(
    _ first: Bits, _ last: Bits, _ until: Int64?
  ) {
    append(first)
    append(last)
    append(until ?? .max)
  }

  private mutating func append(_ number: some FixedWidthInteger) {
    unsafe Swift.withUnsafeBytes(of: number.littleEndian) { unsafe append(contentsOf: $0) }
  }
}
