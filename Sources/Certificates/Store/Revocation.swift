/// Why a certificate is revoked (RFC 5280, section 5.3.1), in a user's words.
public enum RevocationReason: String, CaseIterable, Codable, Sendable {
  case unspecified
  case compromise
  case affiliation
  case superseded
  case cessation

  /// As a CRL and ACME write it.
  public var code: Int {
    switch self {
    case .unspecified: 0
    case .compromise: 1
    case .affiliation: 3
    case .superseded: 4
    case .cessation: 5
    }
  }
}

/// What an issuer did about it.
public struct RevocationAnswer: Sendable {
  public let isDone: Bool
  /// For a person: what was done, and what is left to do.
  public let lines: [String]

  public init(isDone: Bool, lines: [String]) {
    self.isDone = isDone
    self.lines = lines
  }
}

/// Takes a version out of use for good.
public struct Revocation: Sendable {
  public struct Outcome: Sendable {
    public let certificate: String
    public let version: Int
    public let serial: String
    public let isKeyMarked: Bool
    /// It still serves: a new key is due.
    public let isCurrent: Bool
    /// What its issuer did.
    public let answer: RevocationAnswer
  }

  private let store: CertificateStore
  private let issuers: [VersionRecord.Source: any CertificateIssuer]

  /// `issuers` by source; where there is none, the issuer has to be told by a person.
  public init(
    in store: CertificateStore, issuers: [VersionRecord.Source: any CertificateIssuer] = [:]
  ) {
    self.store = store
    self.issuers = issuers.merging([.development: DevelopmentIssuer()]) { given, _ in given }
  }

  /// Marks first, asks the issuer then: what is marked stays so if he does not answer.
  public func revoke(
    _ name: String, version number: Int, because reason: RevocationReason, isDryRun: Bool = false
  ) throws(CertificateError) -> Outcome {
    _ = try store.certificate(named: name)
    return try Disk.locked(store.directory, isDryRun: isDryRun) { () throws(CertificateError) in
      let stored = try store.certificate(named: name)
      let all = store.versions(of: stored)
      guard let version = all.first(where: { $0.number == number }) else {
        let known = all.map(\.name).joined(separator: ", ")
        throw CertificateError(
          name, known.isEmpty ? "has no versions" : "no version \(number); there are: \(known)")
      }
      let bundle = try CertificateBundle(
        chainPEM: try Disk.read(version.chainPath), key: nil, name: version.chainPath)
      if !isDryRun {
        try store.quarantine(number, of: stored.name, because: "revoked: \(reason.rawValue)")
        if reason == .compromise {
          try store.markCompromised(bundle.publicKeySHA256, of: stored.name)
        }
      }
      let issuer = version.record.flatMap { issuers[$0.source] }
      let answer =
        isDryRun
        ? RevocationAnswer(isDone: true, lines: ["nothing was changed"])
        : try issuer?.revoke(bundle, because: reason, in: store) ?? told(bundle, reason)
      return Outcome(
        certificate: stored.name, version: number, serial: bundle.serial,
        isKeyMarked: reason == .compromise, isCurrent: number == stored.version, answer: answer)
    }
  }

  private func told(
    _ bundle: CertificateBundle, _ reason: RevocationReason
  ) -> RevocationAnswer {
    RevocationAnswer(
      isDone: false,
      lines: [
        "tell its issuer, \(bundle.issuer), to revoke serial \(bundle.serial): reason "
          + "\(reason.rawValue) (\(reason.code))"
      ])
  }
}
