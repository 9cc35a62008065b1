internal import COpenSSL
internal import Glibc

/// Asks over a real handshake which certificate is served: a client of one connection.
enum ServedLeaf {
  /// The leaf's SHA-256, or why there is none. `socket` is taken over.
  static func ask(
    over socket: consuming FileDescriptor, for name: String, keyKind: Int32, seconds: Int
  ) throws(TLSContextError) -> [UInt8] {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw TLSContextError(name, OpenSSLError.takeLast().reason)
    }
    defer { unsafe SSL_CTX_free(context) }
    guard let ssl = unsafe SSL_new(context) else {
      throw TLSContextError(name, OpenSSLError.takeLast().reason)
    }
    defer { unsafe SSL_free(ssl) }
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      unsafe setsockopt(socket.number, SOL_SOCKET, option, &limit, size)
    }
    // Only the one kind of key, so that a name with two certificates shows the one asked for.
    guard unsafe gatehouse_SSL_set1_sigalgs_list(ssl, schemes(for: keyKind)) == 1,
      unsafe SSL_set_fd(ssl, socket.number) == 1,
      unsafe isAddress(name) || gatehouse_SSL_set_tlsext_host_name(ssl, name) == 1
    else { throw TLSContextError(name, OpenSSLError.takeLast().reason) }
    // The server shows its certificate before it asks for the client's: what it does then is not
    // ours to wait for.
    errno = 0
    guard unsafe SSL_connect(ssl) == 1 else {
      let isLate = errno == EAGAIN
      let reason = OpenSSLError.takeLast().reason
      guard !isLate else { throw TLSContextError(Self.silence, "no answer within \(seconds) s") }
      throw TLSContextError(name, "the handshake failed: \(reason)")
    }
    guard let leaf = unsafe SSL_get0_peer_certificate(ssl) else {
      throw TLSContextError(name, "no certificate was shown")
    }
    return unsafe CertificateLeaf.fingerprint(of: leaf)
  }

  /// The subject of what is thrown when nothing came.
  static let silence = "the handshake"

  /// Signature schemes that such a key can use and no other (RFC 8446, section 4.2.3).
  private static func schemes(for keyKind: Int32) -> String {
    switch keyKind {
    case EVP_PKEY_RSA: "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"
    case EVP_PKEY_RSA_PSS: "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512"
    case EVP_PKEY_ED25519: "ed25519"
    case EVP_PKEY_ED448: "ed448"
    default: "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"
    }
  }

  private static func isAddress(_ name: String) -> Bool {
    name.contains(":") || name.allSatisfy { $0.isNumber || $0 == "." }
  }
}

extension CertificateLeaf {
  /// SHA-256 over the whole certificate.
  static func fingerprint(of certificate: OpaquePointer) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard unsafe X509_digest(certificate, EVP_sha256(), &digest, &count) == 1 else { return [] }
    return Array(digest.prefix(Int(count)))
  }
}
