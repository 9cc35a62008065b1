internal import COpenSSL

/// One TLS connection: plaintext on one side, the worker's ciphertext buffers on the other.
@safe struct TLSStream: ~Copyable {
  enum Step: Equatable {
    case done, needsMore
    case failed(OpenSSLError)
  }

  enum Ending: Equatable {
    /// All that came has been decrypted; the other side may send more.
    case drained
    /// The other side said that it has sent its last byte.
    case closed
    case failed(OpenSSLError)
  }

  private let ssl: OpaquePointer

  private init(_ ssl: OpaquePointer) { unsafe self.ssl = ssl }

  /// A server's side of a connection; nil when memory is short.
  static func accepting(_ context: TLSContext, over buffers: borrowing CipherBuffers) -> TLSStream?
  {
    guard let ssl = unsafe SSL_new(context.pointer) else { return nil }
    unsafe buffers.attach(ssl)
    unsafe SSL_set_accept_state(ssl)
    return unsafe TLSStream(ssl)
  }

  /// A client's side, to a server that must prove to be `name` where the context verifies.
  static func connecting(
    _ context: TLSContext, name: String, over buffers: borrowing CipherBuffers
  ) -> TLSStream? {
    guard let ssl = unsafe SSL_new(context.pointer) else { return nil }
    unsafe buffers.attach(ssl)
    unsafe SSL_set_connect_state(ssl)
    guard !name.isEmpty else {
      // Nobody to be asked for; but then any certificate that is trusted would do for any server.
      guard unsafe SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER == 0 else {
        unsafe SSL_free(ssl)
        return nil
      }
      return unsafe TLSStream(ssl)
    }
    // An address is checked against the certificate's addresses and never sent as SNI (RFC 6066, 3).
    let parameters = unsafe SSL_get0_param(ssl)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) != 1 {
      ERR_clear_error()
      guard unsafe SSL_set1_host(ssl, name) == 1,
        unsafe gatehouse_SSL_set_tlsext_host_name(ssl, name) == 1
      else {
        unsafe SSL_free(ssl)
        return nil
      }
    }
    return unsafe TLSStream(ssl)
  }

  deinit { unsafe SSL_free(ssl) }

  /// Offers protocols by ALPN, each with its length before it.
  func offer(_ protocols: [UInt8]) {
    unsafe protocols.withUnsafeBufferPointer {
      _ = unsafe SSL_set_alpn_protos(ssl, $0.baseAddress, UInt32($0.count))
    }
  }

  /// Why the other side's certificate was refused; nil when it was not.
  var certificateTrouble: String? {
    let result = unsafe SSL_get_verify_result(ssl)
    guard result != X509_V_OK, let text = unsafe X509_verify_cert_error_string(result) else {
      return nil
    }
    return unsafe String(cString: text)
  }

  /// Takes the handshake as far as the received bytes allow.
  mutating func handshake() -> Step {
    OpenSSLError.forgetOld()
    let answer = unsafe SSL_do_handshake(ssl)
    guard answer != 1 else { return .done }
    guard unsafe SSL_get_error(ssl, answer) == SSL_ERROR_WANT_READ else {
      return .failed(.takeLast())
    }
    return .needsMore
  }

  /// Decrypts everything received to `buffer` from `offset` on; says how many bytes.
  mutating func decrypt(
    into buffer: ByteBuffer, at offset: Int, from ciphertext: borrowing CipherBuffers
  ) -> (count: Int, ending: Ending) {
    var total = 0
    while true {
      let room = buffer.capacity - offset - total
      // The buffer holds a full receive and the partial record before it, so room is never short.
      guard room > 0 else { return (total, .failed(OpenSSLError(code: 0))) }
      var answer: Int32 = 0
      OpenSSLError.forgetOld()
      total += unsafe buffer.fill(at: offset + total, atMost: room) { region in
        answer = unsafe SSL_read(ssl, region.baseAddress, Int32(region.count))
        return max(0, Int(answer))
      }
      if answer <= 0 { return (total, ending(answer)) }
      if ciphertext.isDrained, unsafe SSL_pending(ssl) == 0 { return (total, .drained) }
    }
  }

  /// Encrypts into the ciphertext buffers; false when the connection can't go on.
  mutating func encrypt(_ plaintext: Span<UInt8>) -> Bool {
    guard !plaintext.isEmpty else { return true }
    OpenSSLError.forgetOld()
    let written = unsafe plaintext.withUnsafeBufferPointer {
      unsafe SSL_write(ssl, $0.baseAddress, Int32($0.count))
    }
    guard Int(written) == plaintext.count else {
      ERR_clear_error()
      return false
    }
    return true
  }

  /// Writes close_notify into the ciphertext buffers, so that an end is no truncation.
  mutating func writeCloseNotify() {
    if unsafe SSL_shutdown(ssl) < 0 { ERR_clear_error() }
  }

  var isVersion13: Bool { unsafe SSL_version(ssl) == TLS1_3_VERSION }

  /// Whether the handshake went on with a session of before.
  var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

  /// As a log names it.
  var version: StaticString {
    switch unsafe SSL_version(ssl) {
    case TLS1_2_VERSION: "TLSv1.2"
    case TLS1_3_VERSION: "TLSv1.3"
    default: "TLS"
    }
  }

  var cipher: CipherName { unsafe CipherName(SSL_get_current_cipher(ssl)) }

  /// Empty where its client has shown no certificate, or one without it.
  var clientCommonName: [UInt8] {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return [] }
    return unsafe ClientNames.commonName(of: certificate)
  }

  /// What a client has shown of himself.
  enum ClientCertificate {
    case none
    /// As the value of `Client-Cert` (RFC 9440): base64 of its DER between colons.
    case good([UInt8])
    /// No longer valid: the session it was shown in is older.
    case ended
  }

  /// Nil where he has shown no certificate.
  func clientNames() -> ClientNames? {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return nil }
    return unsafe ClientNames(of: certificate)
  }

  func clientCertificate() -> ClientCertificate {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return .none }
    guard unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0 else { return .ended }
    let size = unsafe i2d_X509(certificate, nil)
    guard size > 0, size <= Self.clientCertificateLimit else { return .ended }
    var encoded = [UInt8](repeating: 0, count: Int(size))
    unsafe encoded.withUnsafeMutableBufferPointer {
      var end = $0.baseAddress
      _ = unsafe i2d_X509(certificate, &end)
    }
    var text = [UInt8](repeating: 0, count: (Int(size) + 2) / 3 * 4 + 1)
    let count = unsafe EVP_EncodeBlock(&text, encoded, size)
    return .good([UInt8(ascii: ":")] + text.prefix(max(0, Int(count))) + [UInt8(ascii: ":")])
  }

  /// Bytes of a client's certificate; a larger one is refused. Far below the room for a head.
  static let clientCertificateLimit: Int32 = 8 << 10

  /// Whether OpenSSL keeps its two record buffers, about 33 KiB, from one record to the next.
  ///
  /// Getting them anew for each record costs 4 % of the instructions of a small request
  /// (docs/performance.md).
  var keepsBuffers = false {
    didSet {
      guard keepsBuffers != oldValue else { return }
      guard !keepsBuffers else {
        unsafe gatehouse_SSL_clear_mode(ssl, Int(SSL_MODE_RELEASE_BUFFERS))
        return
      }
      unsafe gatehouse_SSL_set_mode(ssl, Int(SSL_MODE_RELEASE_BUFFERS))
      // With a record in them they stay until that has been used.
      unsafe SSL_free_buffers(ssl)
    }
  }

  private func ending(_ answer: Int32) -> Ending {
    switch unsafe SSL_get_error(ssl, answer) {
    case SSL_ERROR_WANT_READ: .drained
    case SSL_ERROR_ZERO_RETURN: .closed
    default: .failed(.takeLast())
    }
  }
}
