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
      RENEWS is the day on which a certificate is fetched anew by itself, as `acme` of the
      configuration plans it, or manual. Without -c FILE nothing is known of a plan: what
      came from an authority says "see -c".
      STATE is ok, or the first thing a gate found; `gatehouse cert show NAME` tells
      them all. STAGED is one that no version of is current.

      EXAMPLES
        gatehouse cert list
        gatehouse cert list --dir /etc/gatehouse/certs
        gatehouse cert list --json | jq '.[] | select(.state != "ok") | .name'
      """)

  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let store = try options.store()
      let context = try store.context()
      let plan = try renewals()
      let rows = try store.reports(in: context).map {
        CertRow($0.stored, $0.report, context.now, plan)
      }
      if options.json {
        print(try jsonText(rows))
      } else if rows.isEmpty {
        print("no certificate in \(store.directory); one for development: gatehouse cert dev")
      } else {
        let header = ["NAME", "KEY", "ISSUER", "EXPIRES", "RENEWS", "VER", "STATE"]
        print(table(header, rows.map(\.cells)))
      }
      return CertRow.worst(of: rows.map(\.state))
    }
  }
}

extension CertList {
  /// When each planned one is fetched anew, by its stored name; nil where no configuration says.
  private func renewals() throws -> [String: Date]? {
    guard options.config != nil else { return nil }
    guard try options.plan() != nil else { return [:] }
    let fetching = try CertFetching(
      options, try ServingOptions.parse([]), try AuthorityOptions.parse([]))
    return Dictionary(
      fetching.issuance.outlook().map { ($0.certificate, $0.renewsAt) },
      uniquingKeysWith: { one, _ in one })
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
  /// When it is fetched anew by itself; nil where it is not, or where that is not known.
  let renews: String?
  /// Whether a configuration was named that would plan it.
  let isRenewalKnown: Bool
  let source: String?
  let isServing: Bool
  let version: String?
  let path: String
  let state: State
  let problem: String?

  private enum CodingKeys: String, CodingKey {
    case name, names, issuer, version, path, state, problem, renews, source
    case isServing = "is_serving"
    case isRenewalKnown = "is_renewal_known"
    case keyType = "key_type"
    case notAfter = "not_after"
    case daysLeft = "days_left"
  }

  init(_ stored: StoredCertificate, _ report: GateReport, _ now: Date, _ plan: [String: Date]?) {
    let record = try? stored.record()
    name = stored.name
    names = report.bundle?.names.map(\.description) ?? []
    keyType = report.bundle?.keyType
    issuer = report.bundle?.issuer
    notAfter = report.bundle.map { certTime($0.notAfter) }
    daysLeft = report.bundle.map {
      Int(($0.notAfter.timeIntervalSince(now) / 86_400).rounded(.down))
    }
    source = record?.source.rawValue
    renews = plan?[stored.name].map { certTime($0) }
    isRenewalKnown = plan != nil || record?.source != .acme
    isServing = stored.isServing
    version = stored.version.map(CertificateStore.versionName)
    path = stored.chainPath
    state = State(report)
    problem = (report.failures + report.warnings).first?.message
  }

  var cells: [String] {
    let day = notAfter.map { "\($0.prefix(10)) (\(daysLeft ?? 0)d)" }
    let label = state == .ok ? "ok" : "\(state == .failed ? "FAILED" : "WARN") \(problem ?? "")"
    return [
      name, keyType ?? "-", issuer ?? "-", day ?? "-",
      renews.map { String($0.prefix(10)) } ?? (isRenewalKnown ? "manual" : "see -c"),
      version ?? (isServing ? "file" : "-"), isServing ? label : "STAGED \(label)",
    ]
  }

  static func worst(of states: [State]) -> State {
    states.contains(.failed) ? .failed : states.contains(.warning) ? .warning : .ok
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
