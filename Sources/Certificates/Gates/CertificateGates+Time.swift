internal import Foundation

/// The gates that look at dates.
extension CertificateGates {
  static func validity(_ bundle: CertificateBundle, _ now: Date) -> Verdict {
    for link in bundle.chain {
      let early = link.notBefore.timeIntervalSince(now)
      let left = link.notAfter.timeIntervalSince(now)
      if left <= 0 {
        return (.failed, "\(link.subject) expired on \(day(link.notAfter)); have a new one issued")
      }
      if early > clockSkew {
        return (
          .failed,
          "\(link.subject) is not valid before \(day(link.notBefore)); wait, or check the clock"
        )
      }
      if early > freshness {
        return (.warning, "valid in \(Int(early)) s; is this machine's clock slow?")
      }
      // Of a certificate for six days, seven left would be always.
      let lifetime = link.notAfter.timeIntervalSince(link.notBefore)
      if left < min(warningTime, lifetime * warningShare) {
        let hours = Int(left / 3_600)
        let rest = hours < 48 ? "\(hours) hours" : "\(hours / 24) days"
        return (.warning, "\(link.subject) expires on \(day(link.notAfter)), in \(rest)")
      }
    }
    return (.passed, "valid until \(day(bundle.notAfter))")
  }

  static func notOlder(_ bundle: CertificateBundle, _ context: GateContext) -> Verdict {
    guard let current = context.current, current.leafSHA256 != bundle.leafSHA256,
      bundle.notBefore < current.notBefore
    else { return (.passed, "not older than the current one") }
    let dates = "of \(day(bundle.notBefore)), the current one is of \(day(current.notBefore))"
    // One that lasts longer, though it was made before, may well be meant.
    guard bundle.notAfter <= current.notAfter else { return (.warning, "it is \(dates)") }
    guard !context.allowsDowngrade else { return (.warning, "older, as was allowed: \(dates)") }
    return (
      .failed, "it is older than the current one: \(dates); if it is meant: --allow-downgrade"
    )
  }

  /// Days that browsers accept, by the day of issue (CA/Browser Forum ballots SC-31 and SC-081).
  private static let longest: [(since: TimeInterval, days: Int)] = [
    (1_868_227_200, 47), (1_805_068_800, 100), (1_773_532_800, 200), (0, 398),
  ]

  static func lifetime(_ bundle: CertificateBundle, _ chain: ChainVerdict) -> Verdict {
    let seconds = bundle.notAfter.timeIntervalSince(bundle.notBefore)
    let days = Int((seconds / 86_400).rounded(.up))
    guard case .publicRoot = chain else { return (.passed, "\(days) days") }
    let start = bundle.notBefore.timeIntervalSince1970
    let most = longest.first { start >= $0.since }?.days ?? 398
    return days <= most
      ? (.passed, "\(days) days")
      : (
        .warning,
        "lasts \(days) days; browsers accept \(most) of one made on \(day(bundle.notBefore))"
      )
  }
}
