internal import Certificates
internal import Control

/// What a new version is, as `cert dev` and `cert rotate` print it.
struct CertOutcome: Encodable {
  let name: String
  let version: String
  let previous: String?
  let removed: [String]
  let gates: [GateResult]
  let names: [String]
  let notAfter: String?
  let leafSHA256: String?
  let authority: String
  private let score: String

  var state: CertRow.State {
    gates.contains { $0.outcome == .warning } ? .warning : .ok
  }

  private enum CodingKeys: String, CodingKey {
    case name, version, previous, removed, gates, names, authority
    case notAfter = "not_after"
    case leafSHA256 = "leaf_sha256"
  }

  init(_ outcome: Rotation.Outcome) {
    let report = outcome.staged.report
    name = outcome.staged.certificate
    version = outcome.staged.name
    previous = outcome.previous.map(CertificateStore.versionName)
    removed = outcome.removed.map(CertificateStore.versionName)
    gates = report.results
    names = report.bundle?.names.map(\.description) ?? []
    notAfter = report.bundle.map { certTime($0.notAfter) }
    leafSHA256 = report.bundle?.leafSHA256
    authority = outcome.authorityPath
    score = report.score
  }

  func print(asJSON: Bool) throws {
    guard !asJSON else {
      Swift.print(try jsonText(self))
      return
    }
    Swift.print(
      "staged \(version) · gates \(score) · now current; apply it with: gatehouse apply")
    Swift.print("\(name) serves \(names.joined(separator: ", ")) until \(notAfter ?? "?")")
    if previous == nil { Swift.print("let clients trust \(authority)") }
    if !removed.isEmpty {
      let kept = CertificateStore.versionsKept
      Swift.print("removed \(removed.joined(separator: ", ")); the last \(kept) are kept")
    }
    for gate in gates where gate.outcome == .warning {
      Swift.print("warning: \(gate.gate.rawValue): \(gate.message)")
    }
  }
}
