import Control
import Foundation

/// What `status` says of certificates.
enum CertificateText {
  /// Nil when all is well.
  static func verdict(_ all: [Status.Certificate]) -> String? {
    let order: [Status.Certificate.State] = [.expired, .refused, .kept, .expiring]
    for state in order {
      guard let worst = all.first(where: { $0.state == state }) else { continue }
      let count = all.filter { $0.state != .ok }.count
      let others = count > 1 ? ", and \(count - 1) more" : ""
      return "DEGRADED: certificate \(worst.name) \(word(state, worst))\(others)"
    }
    return nil
  }

  /// From so many failures in a row on, somebody should look.
  static let failureLimit = 3

  /// Failed for a while, or what should serve is not there at all.
  static func isBad(_ one: Status.Renewal) -> Bool {
    one.failures >= (one.reason == "missing" ? 1 : failureLimit)
  }

  static func verdict(_ all: [Status.Renewal]) -> String? {
    all.first(where: isBad).map {
      "DEGRADED: certificate \($0.certificate) could not be fetched \($0.failures) times: "
        + ($0.lastProblem ?? "?")
    }
  }

  /// With an empty line behind it; nothing where there is no certificate.
  static func table(_ all: [Status.Certificate]) -> String {
    guard !all.isEmpty else { return "" }
    let header = ["CERTIFICATE", "NAMES", "KEY", "ISSUER", "EXPIRES", "LIFE LEFT", "STATE"]
    return gatehouse.table(header, all.map(row)) + "\n\n"
  }

  /// The same of what is fetched from authorities.
  static func renewals(_ all: [Status.Renewal]) -> String {
    guard !all.isEmpty else { return "" }
    let rows = all.map { one in
      [
        one.certificate, one.authority ?? "-", one.renewsAt.formatted(.iso8601), one.reason,
        one.failures == 0 ? "ok" : "FAILED \(one.failures) times: \(one.lastProblem ?? "?")",
      ]
    }
    return gatehouse.table(["FETCHED", "AUTHORITY", "RENEWS", "BECAUSE OF", "STATE"], rows) + "\n\n"
  }

  private static func row(_ one: Status.Certificate) -> [String] {
    let names =
      one.names.count > 3 ? one.names.prefix(2) + ["+\(one.names.count - 2)"] : one.names[...]
    let days = one.notAfter.map { Int(($0.timeIntervalSinceNow / 86_400).rounded(.down)) }
    let day = one.notAfter.map { "\($0.formatted(.iso8601).prefix(10)) (\(days ?? 0)d)" }
    let why = (one.problems + one.warnings).first.map { " \($0)" } ?? ""
    return [
      one.name, names.joined(separator: " "), one.keyType ?? "-", one.issuer ?? "-", day ?? "-",
      one.lifeLeft.map { "\(Int(($0 * 100).rounded()))%" } ?? "-",
      one.state == .ok ? "ok\(why)" : "\(one.state.rawValue.uppercased())\(why)",
    ]
  }

  private static func word(_ state: Status.Certificate.State, _ one: Status.Certificate) -> String {
    let why = one.problems.first.map { ": \($0)" } ?? ""
    switch state {
    case .ok: return "is well"
    case .expiring:
      return "expires on \(one.notAfter.map { String($0.formatted(.iso8601).prefix(10)) } ?? "?")"
    case .expired: return "has expired\(why)"
    case .kept: return "is not the newest: the one before goes on\(why)"
    case .refused: return "is not served\(why)"
    }
  }
}
