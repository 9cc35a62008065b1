import Control
import Foundation

/// What `status` says of certificates.
enum CertificateText {
  /// The one that expires first stands first; nothing where there is no certificate.
  static func table(
    _ all: [Status.Certificate], _ fit: ([String], [[String]]) -> String
  ) -> String {
    guard !all.isEmpty else { return "" }
    let sorted = all.sorted { ($0.lifeLeft ?? -1, $0.name) < ($1.lifeLeft ?? -1, $1.name) }
    return fit(["CERTIFICATE", "STATE", "EXPIRES", "LEFT", "KEY", "NAMES", "WHY"], sorted.map(row))
  }

  /// The same of what is fetched from authorities.
  static func renewals(
    _ all: [Status.Renewal], _ fit: ([String], [[String]]) -> String
  ) -> String {
    guard !all.isEmpty else { return "" }
    let rows = all.map { one in
      [
        one.certificate, one.authority ?? "-", one.renewsAt.formatted(.iso8601), one.reason,
        one.failures == 0 ? "ok" : "FAILED \(one.failures) times: \(one.lastProblem ?? "?")",
      ]
    }
    return fit(["FETCHED", "AUTHORITY", "RENEWS", "BECAUSE OF", "STATE"], rows)
  }

  private static func row(_ one: Status.Certificate) -> [String] {
    let names =
      one.names.count > 3 ? one.names.prefix(2) + ["+\(one.names.count - 2)"] : one.names[...]
    let days = one.notAfter.map {
      Int(max(-1e6, min($0.timeIntervalSinceNow / 86_400, 1e6)).rounded(.down))
    }
    let day = one.notAfter.map { "\($0.formatted(.iso8601).prefix(10)) (\(days ?? 0)d)" }
    return [
      one.name, one.state == .ok ? "ok" : one.state.rawValue.uppercased(), day ?? "-",
      one.lifeLeft.map { "\(Int((max(-100, min($0, 100)) * 100).rounded()))%" } ?? "-",
      one.keyType ?? "-", names.joined(separator: " "),
      (one.problems + one.warnings).first ?? "",
    ]
  }
}
