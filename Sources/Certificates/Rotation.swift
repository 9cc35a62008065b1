public import Foundation

/// A new key and a new version, through the gates, for certificates made here.
public struct Rotation {
  /// What was done.
  public struct Outcome: Sendable {
    public let staged: StagedVersion
    public let previous: Int?
    /// Old versions that were removed.
    public let removed: [Int]
    /// What a client has to trust.
    public let authorityPath: String
  }

  private let store: CertificateStore

  public init(in store: CertificateStore) { self.store = store }

  /// Makes the first version for these names, or with `isForced` another one.
  public func make(
    _ names: [ServerName], isForced: Bool, now: Date = Date()
  ) throws(CertificateError) -> Outcome {
    try Disk.locked(store.directory) { () throws(CertificateError) in
      try makeAlone(names, isForced: isForced, now: now)
    }
  }

  /// Gives the certificate of this name a new key; one made elsewhere is refused with what to do.
  public func rotate(_ name: String, now: Date = Date()) throws(CertificateError) -> Outcome {
    // The folder must be there before it can be locked, or a slip in its name would make it.
    _ = try store.certificate(named: name)
    return try Disk.locked(store.directory) { () throws(CertificateError) in
      try rotateAlone(name, now: now)
    }
  }

  private func makeAlone(
    _ names: [ServerName], isForced: Bool, now: Date
  ) throws(CertificateError) -> Outcome {
    guard let first = names.first else {
      throw CertificateError(store.directory, "a certificate needs a name")
    }
    let name = first.description
    let folder = CertificateStore.folderName(for: name)
    let existing = try store.list().first { $0.name == folder || $0.name == name }
    if let existing {
      guard existing.version != nil else {
        throw CertificateError(existing.chainPath, "a file of another tool bears this name")
      }
      guard isForced else {
        throw CertificateError(
          name, "is there already; a new key: gatehouse cert rotate \(name); other names: --force")
      }
    }
    let authority = try DevelopmentAuthority.open(in: store.directory, now: now)
    return try issue(names, from: authority, as: name, previous: existing?.version, now: now)
  }

  private func rotateAlone(_ name: String, now: Date) throws(CertificateError) -> Outcome {
    let stored = try store.certificate(named: name)
    guard let record = try stored.record(), record.source == .development else {
      throw CertificateError(
        stored.chainPath,
        "not made by `gatehouse cert dev`: ask its issuer for a new one, replace the file, "
          + "then type: gatehouse apply")
    }
    guard let authority = try DevelopmentAuthority.stored(in: store.directory) else {
      throw CertificateError(
        name,
        "its authority is gone from \(store.directory)/.authority; "
          + "a new one: gatehouse cert dev \(record.names.joined(separator: " ")) --force")
    }
    let names = try stored.load().names
    return try issue(names, from: authority, as: stored.name, previous: stored.version, now: now)
  }

  private func issue(
    _ names: [ServerName], from authority: DevelopmentAuthority, as name: String, previous: Int?,
    now: Date
  ) throws(CertificateError) -> Outcome {
    let issued = try authority.issue(for: names, now: now)
    let staged = try store.stage(issued, as: name, source: .development, now: now)
    try store.activate(staged)
    return Outcome(
      staged: staged, previous: previous, removed: try store.prune(staged, previous: previous),
      authorityPath: authority.certificatePath)
  }
}
