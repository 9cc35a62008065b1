public import Foundation

/// The way back to a version that was kept.
extension Activation {
  /// Makes an older version current: `number`, or the one that served before.
  ///
  /// One that has expired or is quarantined is refused unless `isForced`; a compromised key always.
  public func rollBack(
    _ name: String, to number: Int? = nil, isForced: Bool = false, isDryRun: Bool = false,
    now: Date = Date()
  ) throws(CertificateError) -> Outcome {
    _ = try store.certificate(named: name)
    return try Disk.locked(store.directory, isDryRun: isDryRun) { () throws(CertificateError) in
      let stored = try store.certificate(named: name)
      let target = try target(stored, number)
      if case .quarantined(let why) = target.state, !isForced {
        throw CertificateError(
          name, "\(target.name) is quarantined: \(why); if it is to serve all the same: --force")
      }
      let issued = try target.issued()
      var context = try store.context(current: try? stored.load(), now: now)
      context.allowsDowngrade = true
      context.keyFile = try Disk.keyFile(target.keyPath)
      let report = CertificateGates.check(
        chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, name: target.chainPath, context: context)
      let staged = StagedVersion(
        certificate: stored.name, folder: "\(store.directory)/\(stored.name)",
        number: target.number, report: report)
      let stopped = report.failures.filter { !isForced || $0.gate != .validity }
      guard report.bundle != nil, stopped.isEmpty else {
        let hint = stopped.allSatisfy { $0.gate == .validity } ? "; or --force" : ""
        let why = stopped.map { "\($0.gate.rawValue): \($0.message)" }.joined(separator: "; ")
        throw CertificateError(name, "\(target.name) is stopped at the gates: \(why)\(hint)")
      }
      let began = ContinuousClock.now
      if isDryRun {
        return Outcome(
          staged: staged, previous: stored.version, removed: [], answer: nil, ending: .dryRun,
          seconds: 0, moved: [])
      }
      let outcome = try activate(staged, previous: stored.version, moving: [], since: began)
      if outcome.ending == .current { store.endQuarantine(target.number, of: stored.name) }
      return outcome
    }
  }

  private func target(
    _ stored: StoredCertificate, _ number: Int?
  ) throws(CertificateError) -> StoredVersion {
    let all = store.versions(of: stored)
    guard stored.version != nil || !all.isEmpty else {
      throw CertificateError(
        stored.chainPath, "a file of another tool, of which no older version is kept")
    }
    let known = all.map(\.name).joined(separator: ", ")
    if let number {
      guard let found = all.first(where: { $0.number == number }) else {
        throw CertificateError(stored.name, "no version \(number); there are: \(known)")
      }
      guard found.number != stored.version else {
        throw CertificateError(stored.name, "\(found.name) is the current version already")
      }
      return found
    }
    let usable = all.filter { version in
      guard case .quarantined = version.state else { return version.number != stored.version }
      return false
    }
    let before = all.first { $0.number == stored.version }?.record?.previous
    guard
      let found = usable.first(where: { $0.number == before })
        ?? usable.last(where: { $0.number < stored.version ?? .max })
    else {
      throw CertificateError(
        stored.name, "no version to go back to; there are: \(known); name one with --to")
    }
    return found
  }
}
