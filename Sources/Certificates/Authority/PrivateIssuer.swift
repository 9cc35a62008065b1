public import Foundation

/// New certificates of, and revocations by, the private authorities of a folder.
public struct PrivateIssuer: CertificateIssuer {
  private let directory: String

  public init(directory: String) { self.directory = directory }

  public func issue(
    anew bundle: CertificateBundle, in store: CertificateStore, now: Date
  ) throws(CertificateError) -> IssuedCertificate {
    throw CertificateError(bundle.subject, "todo")
  }

  public func revoke(
    _ bundle: CertificateBundle, because reason: RevocationReason, in store: CertificateStore
  ) throws(CertificateError) -> RevocationAnswer {
    throw CertificateError(bundle.subject, "todo")
  }
}
