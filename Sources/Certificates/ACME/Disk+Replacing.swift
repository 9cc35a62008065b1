internal import Glibc

extension Disk {
  /// Puts a file in place of the one that is there, if one is: readers see the old or the new.
  static func replace(
    _ path: String, with bytes: [UInt8], mode: mode_t
  ) throws(CertificateError) {
    let temporary = "\(path).\(getpid()).new"
    remove(temporary)
    do throws(CertificateError) {
      try write(bytes, to: temporary, mode: mode)
      try rename(temporary, to: path)
    } catch {
      remove(temporary)
      throw error
    }
    try sync(parent(of: path))
  }

  /// Refuses a secret that others may read.
  static func requirePrivate(_ path: String) throws(CertificateError) {
    guard try mode(of: path) & 0o077 == 0 else {
      throw CertificateError(path, "others may read this secret; type: chmod 600 \(path)")
    }
  }
}
