public import Foundation

/// A plan's authorities, as who issues and revokes what came from them.
extension Issuance: CertificateIssuer {
  public func next(
    after bundle: CertificateBundle, in store: CertificateStore
  ) throws(CertificateError) -> String {
    try known(bundle).0.authorities.joined(separator: ", then ")
  }

  public func issue(
    anew bundle: CertificateBundle, in store: CertificateStore, now: Date
  ) throws(CertificateError) -> IssuedCertificate {
    let (planned, kind) = try known(bundle)
    var problems: [String] = []
    for name in planned.authorities {
      do throws(ACMEError) {
        let authority = try authority(named: name, for: planned, now)
        return try fulfil(
          try certificateOrder(planned, from: authority), kind, reusing: false)
      } catch { problems.append(error.description) }
    }
    throw CertificateError(planned.name, "no certificate: \(problems.joined(separator: " | "))")
  }

  public func revoke(
    _ bundle: CertificateBundle, because reason: RevocationReason, in store: CertificateStore
  ) throws(CertificateError) -> RevocationAnswer {
    let kind = KeyKind(rawValue: bundle.keyType)
    let name = kind.flatMap { kind in planned(bundle, kind)?.folder(for: kind) } ?? ""
    do throws(ACMEError) {
      try revoke(chainPEM: bundle.chainPEM, of: name, reason: reason)
    } catch {
      return RevocationAnswer(
        isDone: false, lines: ["its authority has not revoked it: \(error)"])
    }
    return RevocationAnswer(isDone: true, lines: ["its authority has revoked it"])
  }

  private func known(
    _ bundle: CertificateBundle
  ) throws(CertificateError) -> (PlannedCertificate, KeyKind) {
    guard let kind = KeyKind(rawValue: bundle.keyType), let planned = planned(bundle, kind) else {
      let names = bundle.names.map(\.description).joined(separator: ", ")
      throw CertificateError(
        bundle.subject,
        "no certificate of the plan is for \(names) with a key \(bundle.keyType); "
          + "write it under acme: certificates, and name the file: -c FILE")
    }
    return (planned, kind)
  }

  private func planned(_ bundle: CertificateBundle, _ kind: KeyKind) -> PlannedCertificate? {
    plan.certificates.first {
      $0.keys.contains(kind) && Set($0.names) == Set(bundle.names)
    }
  }
}
