internal import COpenSSL

/// Certificates and keys out of PEM bytes; a file's content can fail here and nowhere later.
enum PEMReader {
  /// Calls `body` with each certificate in turn; it is freed after the call.
  static func forEachCertificate(
    in bytes: [UInt8], of subject: String, _ body: (OpaquePointer) -> Void
  ) throws(TLSContextError) {
    guard let bio = unsafe memory(bytes) else { throw TLSContextError(subject, "out of memory") }
    defer { unsafe BIO_free(bio) }
    while let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) {
      unsafe body(certificate)
      unsafe X509_free(certificate)
    }
    // The end of the file is told as an error too; any other is a real one.
    let code = ERR_peek_last_error()
    let error = OpenSSLError.takeLast()
    let isEnd = code == 0 || Int32(code & 0x7f_ffff) == PEM_R_NO_START_LINE
    guard isEnd else { throw TLSContextError(subject, "not a PEM certificate: \(error.reason)") }
  }

  /// The same with each list of revoked certificates.
  static func forEachRevocationList(
    in bytes: [UInt8], of subject: String, _ body: (OpaquePointer) -> Void
  ) throws(TLSContextError) {
    guard let bio = unsafe memory(bytes) else { throw TLSContextError(subject, "an empty file") }
    defer { unsafe BIO_free(bio) }
    while let list = unsafe PEM_read_bio_X509_CRL(bio, nil, nil, nil) {
      unsafe body(list)
      unsafe X509_CRL_free(list)
    }
    let code = ERR_peek_last_error()
    let error = OpenSSLError.takeLast()
    let isEnd = code == 0 || Int32(code & 0x7f_ffff) == PEM_R_NO_START_LINE
    guard isEnd else { throw TLSContextError(subject, "not a PEM CRL: \(error.reason)") }
  }

  /// The private key; the caller frees it.
  static func privateKey(
    in bytes: [UInt8], of subject: String
  ) throws(TLSContextError) -> OpaquePointer {
    guard let bio = unsafe memory(bytes) else { throw TLSContextError(subject, "out of memory") }
    defer { unsafe BIO_free(bio) }
    // A passphrase is never asked for: an encrypted key is an error, not a prompt.
    let refuse:
      @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?)
        -> Int32 = { _, _, _, _ in -1 }
    guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, refuse, nil) else {
      throw TLSContextError(subject, "no readable private key: \(OpenSSLError.takeLast().reason)")
    }
    return unsafe key
  }

  private static func memory(_ bytes: [UInt8]) -> OpaquePointer? {
    guard !bytes.isEmpty, let bio = unsafe BIO_new(BIO_s_mem()) else { return nil }
    let written = unsafe bytes.withUnsafeBytes {
      unsafe BIO_write(bio, $0.baseAddress, Int32(clamping: $0.count))
    }
    guard Int(written) == bytes.count else {
      unsafe BIO_free(bio)
      return nil
    }
    return unsafe bio
  }
}
