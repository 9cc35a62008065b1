internal import COpenSSL

/// TLS to one host, verified, over a socket; OpenSSL sees memory only, so every wait is ours.
@safe final class SecureConnection {
  private let url: SecureURL
  private let socket: Socket
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// Connects and shakes hands; the certificate must be the host's.
  init(
    to url: SecureURL, trusting context: TrustContext, connectBy: Deadline, by deadline: Deadline
  ) throws(ACMEError) {
    self.url = url
    socket = try Socket(to: url, by: connectBy)
    guard let ssl = unsafe SSL_new(context.pointer) else {
      throw ACMEError(.openSSL(url.description, "no memory for TLS"))
    }
    unsafe self.ssl = unsafe ssl
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem())
    else {
      // Not whole yet, so `deinit` does not run.
      unsafe SSL_free(ssl)
      throw ACMEError(.openSSL(url.description, "no memory for TLS"))
    }
    unsafe self.incoming = unsafe incoming
    unsafe self.outgoing = unsafe outgoing
    unsafe SSL_set_bio(ssl, incoming, outgoing)
    guard expectHost() else {
      throw ACMEError(.openSSL(url.description, "cannot name the host to TLS"))
    }
    _ = try repeating(by: deadline) { unsafe SSL_connect(ssl) }
  }

  deinit { unsafe SSL_free(ssl) }

  func send(_ bytes: [UInt8], by deadline: Deadline) throws(ACMEError) {
    guard !bytes.isEmpty else { return }
    _ = try repeating(by: deadline) { unsafe SSL_write(ssl, bytes, Int32(clamping: bytes.count)) }
  }

  /// What came; empty when the other side has said that it ends.
  func receive(by deadline: Deadline) throws(ACMEError) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16_384)
    let count = try repeating(by: deadline) {
      unsafe SSL_read(ssl, &buffer, Int32(buffer.count))
    }
    return Array(buffer.prefix(Int(count)))
  }

  private func expectHost() -> Bool {
    switch url.host {
    case .dns(let name):
      unsafe SSL_set1_host(ssl, name) == 1 && gatehouse_SSL_set_tlsext_host_name(ssl, name) == 1
    case .address:
      unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "\(url.host)") == 1
    }
  }

  /// Runs one call of OpenSSL until it is through; 0 when the other side has ended TLS.
  private func repeating(
    by deadline: Deadline, _ call: () -> Int32
  ) throws(ACMEError) -> Int32 {
    do throws(Socket.ReadProblem) {
      while true {
        ERR_clear_error()
        let result = call()
        let outcome = unsafe SSL_get_error(ssl, result)
        let problem = outcome == SSL_ERROR_SSL ? failure() : nil
        try flush(by: deadline)
        if let problem { throw Socket.ReadProblem(text: problem) }
        switch outcome {
        case SSL_ERROR_NONE: return result
        case SSL_ERROR_ZERO_RETURN: return 0
        case SSL_ERROR_WANT_READ: try fill(by: deadline)
        default: throw Socket.ReadProblem(text: "TLS ended")
        }
      }
    } catch {
      throw ACMEError(url.description, error.text)
    }
  }

  private func flush(by deadline: Deadline) throws(Socket.ReadProblem) {
    let count = unsafe BIO_ctrl_pending(outgoing)
    guard count > 0 else { return }
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = unsafe max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(clamping: count))))
    }
    try socket.send(bytes, by: deadline)
  }

  private func fill(by deadline: Deadline) throws(Socket.ReadProblem) {
    let bytes = try socket.receive(by: deadline)
    guard !bytes.isEmpty else {
      throw Socket.ReadProblem(text: "the connection was closed before the answer was whole")
    }
    guard unsafe BIO_write(incoming, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
      throw Socket.ReadProblem(text: "no memory for TLS")
    }
  }

  private func failure() -> String {
    let verdict = unsafe SSL_get_verify_result(ssl)
    let problem = CertificateError.openSSL("", "TLS failed").problem
    guard verdict != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(verdict) else {
      return problem
    }
    return unsafe "the certificate of \(url.hostField) is not to be trusted: "
      + "\(String(cString: text)); if its authority is your own, "
      + "name its PEM file as what this directory is trusted by"
  }
}
