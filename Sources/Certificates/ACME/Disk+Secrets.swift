extension Disk {
  /// Refuses a secret that others may read.
  static func requirePrivate(_ path: String) throws(CertificateError) {
    guard try keyFile(path).mode & 0o077 == 0 else {
      throw CertificateError(path, "others may read this secret; type: chmod 600 \(path)")
    }
  }
}
