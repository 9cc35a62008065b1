internal import COpenSSL

/// TLS over a socket to a server; OpenSSL sees memory only, so that every wait is ours and bounded.
@safe final class SecureStream {
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private let tls: DatabaseTLS
  private let name: String

  private static let pieceSize = 16_384

  /// Shakes hands; the certificate must bear the name that `tls` has, or else the address's own.
  init(
    _ tls: DatabaseTLS, _ address: DatabaseAddress, through socket: borrowing DatabaseSocket,
    by deadline: Deadline
  ) throws(DatabaseError) {
    self.tls = tls
    name = tls.serverName ?? address.hostName ?? ""
    let ssl = unsafe try tls.connection()
    unsafe self.ssl = unsafe ssl
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem())
    else {
      // Not whole yet, so `deinit` does not run.
      unsafe SSL_free(ssl)
      throw DatabaseError(.tls, .unsupported("no memory for TLS"))
    }
    unsafe self.incoming = unsafe incoming
    unsafe self.outgoing = unsafe outgoing
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    guard expect(address) else {
      throw DatabaseError(.tls, .unsupported("the server's name cannot be told to TLS"))
    }
    try repeating(.tls, through: socket, by: deadline) { unsafe SSL_connect(ssl) }
  }

  deinit { unsafe SSL_free(ssl) }

  /// Whom we speak to is known, not only that nobody else listens.
  var isVerified: Bool { tls.verifies }

  func send(
    _ bytes: [UInt8], _ step: DatabaseError.Step, through socket: borrowing DatabaseSocket,
    by deadline: Deadline
  ) throws(DatabaseError) {
    guard !bytes.isEmpty else { return }
    try repeating(step, through: socket, by: deadline) {
      unsafe SSL_write(ssl, bytes, Int32(clamping: bytes.count))
    }
  }

  /// What came, never empty.
  func receive(
    _ step: DatabaseError.Step, through socket: borrowing DatabaseSocket, by deadline: Deadline
  ) throws(DatabaseError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: Self.pieceSize)
    let count = try repeating(step, through: socket, by: deadline) {
      unsafe SSL_read(ssl, &buffer, Int32(Self.pieceSize))
    }
    return Array(buffer.prefix(Int(count)))
  }

  private func expect(_ address: DatabaseAddress) -> Bool {
    if name.isEmpty {
      guard let bytes = address.ipBytes else { return false }
      return unsafe X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), bytes, bytes.count) == 1
    }
    return unsafe SSL_set1_host(ssl, name) == 1
      && gatehouse_SSL_set_tlsext_host_name(ssl, name) == 1
  }

  /// Runs one call of OpenSSL until it is through; what it wants to say is sent before each wait.
  @discardableResult
  private func repeating(
    _ step: DatabaseError.Step, through socket: borrowing DatabaseSocket, by deadline: Deadline,
    _ call: () -> Int32
  ) throws(DatabaseError) -> Int32 {
    while true {
      ERR_clear_error()
      let result = call()
      let outcome = unsafe SSL_get_error(ssl, result)
      let problem = outcome == SSL_ERROR_SSL ? failure(step) : nil
      do throws(DatabaseError) {
        try flush(step, through: socket, by: deadline)
      } catch {
        // An alert that nobody takes any more says less than why it was to be sent.
        throw problem ?? error
      }
      if let problem { throw problem }
      switch outcome {
      case SSL_ERROR_NONE: return result
      case SSL_ERROR_WANT_READ:
        // Many small pieces that never make a record end with the deadline, too.
        guard !deadline.isPassed else { throw DatabaseError(step, .silence) }
        let bytes = try socket.receive(step, by: deadline)
        let count = Int32(clamping: bytes.count)
        guard unsafe BIO_write(incoming, bytes, count) == count else {
          throw DatabaseError(step, .unsupported("no memory for TLS"))
        }
      default: throw DatabaseError(step, .closed)
      }
    }
  }

  private func flush(
    _ step: DatabaseError.Step, through socket: borrowing DatabaseSocket, by deadline: Deadline
  ) throws(DatabaseError) {
    let count = unsafe BIO_ctrl_pending(outgoing)
    guard count > 0 else { return }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = unsafe max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(clamping: count))))
    }
    try socket.send(bytes, step, by: deadline)
  }

  private func failure(_ step: DatabaseError.Step) -> DatabaseError {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    let verdict = unsafe SSL_get_verify_result(ssl)
    if step == .tls, tls.verifies, verdict != Int(X509_V_OK) {
      return DatabaseError(.tls, .untrusted(mistrust(Int32(truncatingIfNeeded: verdict))))
    }
    let words = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) }
    return DatabaseError(step, .broken("TLS: \(words ?? "error \(code)")"))
  }

  /// Why the certificate is not taken, and what to write.
  private func mistrust(_ verdict: Int32) -> String {
    let text = unsafe X509_verify_cert_error_string(Int(verdict)).map { unsafe String(cString: $0) }
    let why = "its certificate is not to be trusted: \(text ?? "error \(verdict)")"
    switch verdict {
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "\(why), asked for was \"\(name)\"; where it has another name by right, write tls: "
        + "{ server_name: NAME }"
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "\(why): it does not bear the server's address; where it bears a name by right, write "
        + "tls: { server_name: NAME }"
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
      X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "\(why); where its authority is your own, write tls: { ca: FILE }"
    default: return why
    }
  }
}
