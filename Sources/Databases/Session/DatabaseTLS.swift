internal import COpenSSL

/// How servers are spoken to over TLS: whom to believe, and which name their certificates must bear.
/// With it nothing of a login is ever sent in clear; threads may share it.
@safe public final class DatabaseTLS: @unchecked Sendable {
  /// False: encrypted, but with whoever answers.
  let verifies: Bool
  /// In place of each server's own name or address.
  let serverName: String?
  /// Nil where it could not be made; then no server is spoken to at all.
  private let context: OpaquePointer?
  private let problem: String

  /// `authoritiesPEM`: whom to believe; the system's authorities when nil.
  public init(verifies: Bool = true, authoritiesPEM: [UInt8]? = nil, serverName: String? = nil) {
    self.verifies = verifies
    self.serverName = serverName
    let context = unsafe SSL_CTX_new(TLS_client_method())
    unsafe self.context = unsafe context
    if let context = unsafe context {
      problem = unsafe Self.prepare(context, verifies, authoritiesPEM)
    } else {
      problem = "no memory for TLS"
    }
    ERR_clear_error()
  }

  deinit { unsafe SSL_CTX_free(context) }

  /// A connection that has not begun to shake hands.
  func connection() throws(DatabaseError) -> OpaquePointer {
    guard problem.isEmpty, let context = unsafe context, let ssl = unsafe SSL_new(context) else {
      throw DatabaseError(.tls, .unsupported(problem.isEmpty ? "no memory for TLS" : problem))
    }
    return unsafe ssl
  }

  /// What is wrong; empty when nothing is.
  private static func prepare(
    _ context: OpaquePointer, _ verifies: Bool, _ authoritiesPEM: [UInt8]?
  ) -> String {
    unsafe SSL_CTX_set_options(context, gatehouse_SSL_OP_NO_RENEGOTIATION)
    guard unsafe gatehouse_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      return "cannot require TLS 1.2"
    }
    guard verifies else { return "" }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    guard let authoritiesPEM else {
      return unsafe SSL_CTX_set_default_verify_paths(context) == 1
        ? "" : "cannot read the system's authorities"
    }
    let store = unsafe SSL_CTX_get_cert_store(context)
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return "no memory for TLS" }
    defer { unsafe BIO_free(bio) }
    let size = Int32(clamping: authoritiesPEM.count)
    guard unsafe BIO_write(bio, authoritiesPEM, size) == size else { return "no memory for TLS" }
    var count = 0
    while let certificate = unsafe PEM_read_bio_X509(bio, nil, nil, nil) {
      unsafe X509_STORE_add_cert(store, certificate)
      unsafe X509_free(certificate)
      count += 1
    }
    return count > 0 ? "" : "no certificate in the file of authorities (`ca`)"
  }
}
