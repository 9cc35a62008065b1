import ArgumentParser
internal import Certificates
internal import Control
internal import Foundation

/// `gatehouse cert show`: one certificate, its chain and what each gate says.
struct CertShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show one certificate, its chain and what the gates say.",
    discussion: """
      EXAMPLES
        gatehouse cert show localhost
        gatehouse cert show www.example.com --dir /etc/gatehouse/certs
        gatehouse cert show localhost --version v0003
        gatehouse cert show localhost --pem > chain.pem
        gatehouse cert show localhost --json | jq -r .spki_sha256
      """)

  @Argument(help: "The certificate's name, as `gatehouse cert list` prints it.")
  var name: String

  @Option(help: "Another version than the current one, such as v0007.")
  var version: String?

  @Flag(help: "Print the chain in PEM and nothing else.")
  var pem = false

  @OptionGroup var options: CertOptions

  func run() throws {
    try CertFailure.explained {
      let store = try options.store()
      var stored = try store.certificate(named: name)
      let history = store.versions(of: stored)
      if let version {
        let number = try CertNames.version(version)
        guard let found = history.first(where: { $0.number == number }) else {
          let known = history.map(\.name).joined(separator: ", ")
          throw CertFailure("\(name): no version \(number); there are: \(known)")
        }
        stored = stored.showing(found)
      }
      let context = try store.context()
      var report = stored.check(in: context)
      if version == nil,
        let shared = try store.reports(in: context).first(where: { $0.stored == stored })
      {
        report = shared.report
      }
      let facts = CertFacts(stored, report: report, history)
      if pem {
        FileHandle.standardOutput.write(Data(try stored.load().chainPEM))
      } else {
        print(options.json ? try jsonText(facts) : facts.text)
      }
      return facts.state
    }
  }
}

/// Everything there is to say of one certificate.
struct CertFacts: Encodable {
  struct Link: Encodable {
    let subject: String
    let issuer: String
    let keyType: String
    let notAfter: String

    private enum CodingKeys: String, CodingKey {
      case subject, issuer
      case keyType = "key_type"
      case notAfter = "not_after"
    }
  }

  struct Version: Encodable {
    let version: String
    /// `current`, `retired` or `quarantined`.
    let state: String
    let reason: String?
    let source: String?
    let created: String?
    let createdBy: String?
    let notAfter: String?

    private enum CodingKeys: String, CodingKey {
      case version, state, reason, source, created
      case createdBy = "created_by"
      case notAfter = "not_after"
    }
  }

  let name: String
  let version: String?
  let versions: [String]
  let history: [Version]
  let chainPath: String
  let keyPath: String
  let names: [String]
  let serial: String?
  let notBefore: String?
  let notAfter: String?
  let keyType: String?
  let publicKeySHA256: String?
  let leafSHA256: String?
  let chain: [Link]
  let gates: [GateResult]
  let state: CertRow.State

  private enum CodingKeys: String, CodingKey {
    case name, version, versions, history, names, serial, chain, gates, state
    case chainPath = "chain_path"
    case keyPath = "key_path"
    case notBefore = "not_before"
    case notAfter = "not_after"
    case keyType = "key_type"
    case publicKeySHA256 = "spki_sha256"
    case leafSHA256 = "leaf_sha256"
  }

  init(_ stored: StoredCertificate, report: GateReport, _ all: [StoredVersion]) {
    let bundle = report.bundle
    name = stored.name
    version = stored.version.map(CertificateStore.versionName)
    versions = stored.versions.map(CertificateStore.versionName)
    history = all.map(Version.init)
    chainPath = stored.chainPath
    keyPath = stored.keyPath
    names = bundle?.names.map(\.description) ?? []
    serial = bundle?.serial
    notBefore = bundle.map { certTime($0.notBefore) }
    notAfter = bundle.map { certTime($0.notAfter) }
    keyType = bundle?.keyType
    publicKeySHA256 = bundle?.publicKeySHA256
    leafSHA256 = bundle?.leafSHA256
    chain = (bundle?.chain ?? []).map {
      Link(
        subject: $0.subject, issuer: $0.issuer, keyType: $0.keyType,
        notAfter: certTime($0.notAfter))
    }
    gates = report.results
    state = CertRow.State(report)
  }

  var text: String {
    var facts = [["name", name]]
    if let version {
      facts.append(["version", "\(version) of \(versions.joined(separator: " "))"])
    }
    facts.append(["chain", chainPath])
    facts.append(["key", keyPath])
    if let notBefore, let notAfter, let serial, let keyType, let publicKeySHA256, let leafSHA256 {
      facts.append(["names", names.isEmpty ? "none" : names.joined(separator: ", ")])
      facts.append(["key type", keyType])
      facts.append(["valid", "\(notBefore) to \(notAfter)"])
      facts.append(["serial", serial])
      facts.append(["SPKI SHA-256", publicKeySHA256])
      facts.append(["leaf SHA-256", leafSHA256])
    }
    let links = chain.enumerated().map { depth, link in
      ["\(depth)", link.subject, link.issuer, link.keyType, String(link.notAfter.prefix(10))]
    }
    let past = history.reversed().map { version in
      [
        version.version, version.reason.map { "\(version.state): \($0)" } ?? version.state,
        version.source ?? "-", String((version.created ?? "-").prefix(10)),
        version.createdBy ?? "-", String((version.notAfter ?? "-").prefix(10)),
      ]
    }
    let verdicts = gates.map { [$0.gate.rawValue, $0.outcome.rawValue, $0.message] }
    var parts = [table([], facts)]
    if !links.isEmpty {
      parts.append(table(["DEPTH", "SUBJECT", "ISSUER", "KEY", "EXPIRES"], links))
    }
    if !past.isEmpty {
      parts.append(table(["VERSION", "STATE", "SOURCE", "MADE", "BY", "EXPIRES"], past))
    }
    parts.append(table(["GATE", "RESULT", "WHAT IT SAYS"], verdicts))
    return parts.joined(separator: "\n\n")
  }
}

extension CertFacts.Version {
  init(_ version: StoredVersion) {
    self.version = version.name
    switch version.state {
    case .current: (state, reason) = ("current", nil)
    case .retired: (state, reason) = ("retired", nil)
    case .quarantined(let why): (state, reason) = ("quarantined", why)
    }
    source = version.record?.source.rawValue
    created = version.record.map { certTime($0.created) }
    createdBy = version.record?.createdBy
    notAfter = version.record.map { certTime($0.notAfter) }
  }
}
