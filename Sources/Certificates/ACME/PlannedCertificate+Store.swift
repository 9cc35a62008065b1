extension PlannedCertificate {
  /// Where the store keeps the one with that kind of key.
  public func folder(for kind: KeyKind) -> String {
    CertificateStore.folderName(for: kind.isRSA ? "\(name).rsa" : name)
  }
}

extension StoredCertificate {
  /// Its key, if it is one of that kind.
  func key(of kind: KeyKind) throws(CertificateError) -> PrivateKey? {
    let key = try PrivateKey.read(from: try Disk.read(keyPath), of: keyPath)
    return key.kind == kind.rawValue ? key : nil
  }

  /// What an authority knows it by; nil where it cannot be read, or names no issuer's key.
  var renewalIdentifier: String? {
    guard let bytes = try? Disk.read(chainPath),
      let leaf = try? X509Certificate.readChain(from: bytes, of: chainPath).first
    else { return nil }
    return RenewalInformation.identifier(of: leaf)
  }
}
