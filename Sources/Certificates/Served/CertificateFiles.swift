/// A chain and a key that a person names by their files.
public struct CertificateFiles: Sendable {
  public let chainPath: String
  /// Nil where only the certificate is at hand.
  public let keyPath: String?

  public init(chainPath: String, keyPath: String?) {
    self.chainPath = chainPath
    self.keyPath = keyPath
  }

  /// What is in them; a key's file that others may read is refused.
  public func read() throws(CertificateError) -> IssuedCertificate {
    let chain = try Disk.read(chainPath)
    guard let keyPath else { return IssuedCertificate(chainPEM: chain, keyPEM: []) }
    let key = keyPath == chainPath ? chain : try Disk.read(keyPath)
    return IssuedCertificate(chainPEM: chain, keyPEM: key)
  }

  /// Through the gates; where the key is, the context need not say.
  public func check(in context: GateContext) -> GateReport {
    do throws(CertificateError) {
      var context = context
      let issued = try read()
      context.keyFile = try keyPath.map { path throws(CertificateError) in try Disk.keyFile(path) }
      return CertificateGates.check(
        chainPEM: issued.chainPEM, keyPEM: keyPath == nil ? nil : issued.keyPEM, name: chainPath,
        context: context)
    } catch {
      return GateReport(unreadable: error)
    }
  }
}
