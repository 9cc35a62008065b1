public import Foundation

/// New certificates of, and revocations by, the private authorities of a folder.
public struct PrivateIssuer: CertificateIssuer {
  private let directory: String

  public init(directory: String) { self.directory = directory }

  public func next(
    after bundle: CertificateBundle, in store: CertificateStore
  ) throws(CertificateError) -> String { "authority \(try known(bundle).name)" }

  public func issue(
    anew bundle: CertificateBundle, in store: CertificateStore, now: Date
  ) throws(CertificateError) -> IssuedCertificate {
    let names = bundle.names.map(\.description)
    let authority = try known(bundle)
    let days = bundle.notAfter.timeIntervalSince(bundle.notBefore) / 86_400
    return try authority.sign(
      try CertificateHolder(names, isForServers: true),
      key: KeyKind(rawValue: bundle.keyType) ?? .ecdsaP256,
      days: min(max(1, Int(days)), PrivateAuthority.daysLimit), now: now)
  }

  public func revoke(
    _ bundle: CertificateBundle, because reason: RevocationReason, in store: CertificateStore
  ) throws(CertificateError) -> RevocationAnswer {
    guard let authority = try authority(of: bundle) else {
      return RevocationAnswer(
        isDone: false,
        lines: [
          "its authority, \(bundle.issuer), is not in \(directory); where it is, type: "
            + "gatehouse ca crl NAME --revoke \(bundle.serial)"
        ])
    }
    let index = try authority.renewList(revoking: bundle.serial, because: reason)
    return RevocationAnswer(
      isDone: true,
      lines: [
        "serial \(bundle.serial) is on list \(index.listNumber) of \(authority.name): give "
          + "\(authority.listPath) to those who check it"
      ])
  }

  private func known(_ bundle: CertificateBundle) throws(CertificateError) -> PrivateAuthority {
    guard let authority = try authority(of: bundle) else {
      throw CertificateError(
        bundle.subject,
        "its authority, \(bundle.issuer), is not in \(directory); name its folder with --ca-dir, or "
          + "have a new one signed there and type: gatehouse cert import")
    }
    return authority
  }

  private func authority(
    of bundle: CertificateBundle
  ) throws(CertificateError) -> PrivateAuthority? {
    let chain = try X509Certificate.readChain(from: bundle.chainPEM, of: bundle.subject)
    guard let leaf = chain.first else { return nil }
    return try PrivateAuthority.issuer(of: leaf, in: directory)
  }
}
