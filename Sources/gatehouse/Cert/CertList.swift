import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse cert list`: every certificate of the folder, one line each.
struct CertList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the certificates of a folder, with their state.",
    discussion: """
      STATE is ok, or the first thing a gate found; `gatehouse cert show NAME` tells them all.

      EXAMPLES
        gatehouse cert list
        gatehouse cert list --dir /etc/gatehouse/certs
        gatehouse cert list --json | jq '.[] | select(.state != "ok") | .name'
      """)

  @OptionGroup var options: CertOptions

  func run() throws {
    var rows: [CertRow] = []
    try CertFailure.explained {
      let now = Date()
      rows = try options.store.list().map { CertRow($0, now: now) }
      if options.json {
        print(try jsonText(rows))
      } else if rows.isEmpty {
        print("no certificate in \(options.dir); make one for development: gatehouse cert dev")
      } else {
        let header = ["NAME", "NAMES", "KEY", "ISSUER", "EXPIRES", "VERSION", "STATE"]
        print(table(header, rows.map(\.cells)))
      }
    }
    try CertRow.exit(for: rows.map(\.state))
  }
}

/// One certificate of the list.
struct CertRow: Encodable {
  enum State: String, Encodable { case ok, warning, failed }

  let name: String
  let names: [String]
  let keyType: String?
  let issuer: String?
  let notAfter: String?
  let daysLeft: Int?
  let version: String?
  let path: String
  let state: State
  let problem: String?

  private enum CodingKeys: String, CodingKey {
    case name, names, issuer, version, path, state, problem
    case keyType = "key_type"
    case notAfter = "not_after"
    case daysLeft = "days_left"
  }

  init(_ stored: StoredCertificate, now: Date) {
    let report = stored.check(now: now)
    name = stored.name
    names = report.bundle?.names.map(\.description) ?? []
    keyType = report.bundle?.keyType
    issuer = report.bundle?.issuer
    notAfter = report.bundle.map { certTime($0.notAfter) }
    daysLeft = report.bundle.map {
      Int(($0.notAfter.timeIntervalSince(now) / 86_400).rounded(.down))
    }
    version = stored.version.map(CertificateStore.versionName)
    path = stored.chainPath
    state = State(report)
    problem = (report.failures + report.warnings).first?.message
  }

  var cells: [String] {
    let day = notAfter.map { "\($0.prefix(10)) (\(daysLeft ?? 0)d)" }
    let shown = names.count > 3 ? names.prefix(2) + ["+\(names.count - 2)"] : names[...]
    let label = state == .ok ? "ok" : "\(state == .failed ? "FAILED" : "WARN") \(problem ?? "")"
    return [
      name, shown.joined(separator: " "), keyType ?? "-", issuer ?? "-", day ?? "-",
      version ?? "file", label,
    ]
  }

  /// Ends the command with what the worst of the states asks for.
  static func exit(for states: [State]) throws {
    if states.contains(.failed) { throw CertFailure.code }
    if states.contains(.warning) { throw CertFailure.warningCode }
  }
}

extension CertRow.State {
  init(_ report: GateReport) {
    guard report.failures.isEmpty else {
      self = .failed
      return
    }
    self = report.warnings.isEmpty ? .ok : .warning
  }
}
