public import Foundation

/// Where a new certificate for stored names comes from: one for each source a version can have.
public protocol CertificateIssuer: Sendable {
  /// Who would be asked for the next; an error where nobody could.
  func next(
    after bundle: CertificateBundle, in store: CertificateStore
  ) throws(CertificateError) -> String

  /// A certificate for the names of `bundle`, with a new key of its kind.
  func issue(
    anew bundle: CertificateBundle, in store: CertificateStore, now: Date
  ) throws(CertificateError) -> IssuedCertificate

  /// Has `bundle` revoked by who issued it.
  func revoke(
    _ bundle: CertificateBundle, because reason: RevocationReason, in store: CertificateStore
  ) throws(CertificateError) -> RevocationAnswer
}

/// A new key and a new version, through the gates.
public struct Rotation: Sendable {
  private let store: CertificateStore
  private let activation: Activation
  private let issuers: [VersionRecord.Source: any CertificateIssuer]

  /// `issuers` come on top of the development authority's.
  public init(
    in store: CertificateStore, issuers: [VersionRecord.Source: any CertificateIssuer] = [:],
    ask: @escaping Activation.Question = { _, _ in .notRunning }
  ) {
    self.store = store
    self.issuers = issuers.merging([.development: DevelopmentIssuer()]) { given, _ in given }
    activation = Activation(in: store, ask: ask)
  }

  /// Makes the first version for these names, or with `isForced` another one.
  public func make(
    _ names: [ServerName], key: KeyKind = .ecdsaP256, isForced: Bool, isDryRun: Bool = false,
    now: Date? = nil
  ) throws(CertificateError) -> Activation.Outcome {
    try Disk.locked(store.directory, isDryRun: isDryRun) { () throws(CertificateError) in
      try makeAlone(
        names, key: key, isForced: isForced, isDryRun: isDryRun, now: now ?? Date())
    }
  }

  /// Gives the certificate of this name a new key; one made elsewhere is refused with what to do.
  public func rotate(
    _ name: String, isDryRun: Bool = false, routedNames: [ServerName] = [], now: Date? = nil
  ) throws(CertificateError) -> Activation.Outcome {
    // The folder must be there before it can be locked, or a slip in its name would make it.
    _ = try store.certificate(named: name)
    return try Disk.locked(store.directory, isDryRun: isDryRun) { () throws(CertificateError) in
      // After the wait for another command: what that one made must not be newer.
      let now = now ?? Date()
      let stored = try store.certificate(named: name)
      guard let record = try stored.record() else { throw madeElsewhere(stored) }
      guard let issuer = issuers[record.source] else { throw madeElsewhere(stored) }
      // Others would note it, or charge for it: an attempt must not ask them.
      if isDryRun, record.source != .development {
        return try wouldAsk(issuer, for: stored, now: now)
      }
      let issued = try issuer.issue(anew: try stored.load(), in: store, now: now)
      var settings = Activation.Settings()
      settings.source = record.source
      settings.isDryRun = isDryRun
      settings.routedNames = routedNames
      return try activation.bringAlone(issued, as: stored.name, settings, now: now).good()
    }
  }

  private func wouldAsk(
    _ issuer: any CertificateIssuer, for stored: StoredCertificate, now: Date
  ) throws(CertificateError) -> Activation.Outcome {
    let who = try issuer.next(after: try stored.load(), in: store)
    let staged = StagedVersion(
      certificate: stored.name, folder: "\(store.directory)/\(stored.name)",
      number: (stored.versions.last ?? 0) + 1, report: stored.check(in: try store.context(now: now))
    )
    return Activation.Outcome(
      staged: staged, previous: stored.version, removed: [], answer: nil, ending: .wouldAsk(who),
      seconds: 0, moved: [])
  }

  private func makeAlone(
    _ names: [ServerName], key: KeyKind, isForced: Bool, isDryRun: Bool, now: Date
  ) throws(CertificateError) -> Activation.Outcome {
    guard let first = names.first else {
      throw CertificateError(store.directory, "a certificate needs a name")
    }
    let name = first.description
    let folder = CertificateStore.folderName(for: name, isRSA: key.isRSA)
    let all = try store.list()
    let plain = all.first { ($0.name == folder || $0.name == name) && $0.versions.isEmpty }
    if let plain {
      throw CertificateError(plain.chainPath, "a file of another tool bears this name")
    }
    guard isForced || !all.contains(where: { $0.name == folder }) else {
      throw CertificateError(
        name, "is there already; a new key: gatehouse cert rotate \(folder); other names: --force")
    }
    let authority = try DevelopmentAuthority.open(
      in: store.directory, isKept: !isDryRun, now: now)
    var settings = Activation.Settings()
    settings.isDryRun = isDryRun
    settings.roots = try authority.pem()
    settings.source = .development
    let issued = try authority.issue(for: names, key: key, now: now)
    return try activation.bringAlone(issued, as: name, settings, now: now).good()
  }

  private func madeElsewhere(_ stored: StoredCertificate) -> CertificateError {
    CertificateError(
      stored.chainPath,
      "its issuer is not at hand here: make a new key and request, have it signed, then type: "
        + "gatehouse cert import \(stored.name) --chain FILE --key FILE; for development "
        + "certificates, which can be rotated: gatehouse cert dev")
  }
}

extension Activation.Outcome {
  /// Itself; a certificate that its own issuer made and a gate refuses is an error.
  fileprivate func good() throws(CertificateError) -> Activation.Outcome {
    guard ending != .refused else {
      throw CertificateError(
        staged.certificate, "stopped at the gates: \(report.problems.joined(separator: "; "))")
    }
    return self
  }
}

/// New certificates of the development authority of the folder.
struct DevelopmentIssuer: CertificateIssuer {
  func next(
    after bundle: CertificateBundle, in store: CertificateStore
  ) throws(CertificateError) -> String { "the development authority" }

  func issue(
    anew bundle: CertificateBundle, in store: CertificateStore, now: Date
  ) throws(CertificateError) -> IssuedCertificate {
    guard let authority = try DevelopmentAuthority.stored(in: store.directory) else {
      let names = bundle.names.map(\.description).joined(separator: " ")
      throw CertificateError(
        bundle.subject,
        "its authority is gone from \(store.directory)/.authority; "
          + "a new one: gatehouse cert dev \(names) --force")
    }
    return try authority.issue(
      for: bundle.names, key: KeyKind(rawValue: bundle.keyType) ?? .ecdsaP256, now: now)
  }

  func revoke(
    _ bundle: CertificateBundle, because reason: RevocationReason, in store: CertificateStore
  ) throws(CertificateError) -> RevocationAnswer {
    RevocationAnswer(
      isDone: true, lines: ["clients ask a development authority for no list: it just expires"])
  }
}
