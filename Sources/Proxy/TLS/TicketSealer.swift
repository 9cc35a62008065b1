internal import COpenSSL

/// Seals and opens session tickets for the contexts of one worker (RFC 5077, section 4).
@safe final class TicketSealer {
  var keys: TicketKeys
  /// Fetched once: OpenSSL 3.0 searches its providers anew for each name.
  private let cipher: OpaquePointer

  /// Nil where OpenSSL lacks AES-256.
  init?(_ keys: TicketKeys) {
    guard let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else { return nil }
    unsafe self.cipher = cipher
    self.keys = keys
  }

  deinit { unsafe EVP_CIPHER_free(cipher) }

  /// The context must not outlive the sealer.
  func install(in context: TLSContext) -> Bool {
    let own = unsafe Unmanaged.passUnretained(self).toOpaque()
    return unsafe SSL_CTX_set_ex_data(context.pointer, 0, own) == 1
      && SSL_CTX_set_tlsext_ticket_key_evp_cb(context.pointer, useTicketKey) == 1
  }

  fileprivate static func of(_ ssl: OpaquePointer?) -> TicketSealer? {
    guard let ssl = unsafe ssl, let context = unsafe SSL_get_SSL_CTX(ssl),
      let own = unsafe SSL_CTX_get_ex_data(context, 0)
    else { return nil }
    return unsafe Unmanaged<TicketSealer>.fromOpaque(own).takeUnretainedValue()
  }

  /// 1: sealed.
  @unsafe fileprivate func seal(
    _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>,
    _ encryption: OpaquePointer, _ authentication: OpaquePointer
  ) -> Int32 {
    let key = keys.current
    guard unsafe RAND_bytes(vector, EVP_CIPHER_get_iv_length(cipher)) == 1 else { return -1 }
    for index in key.name.indices { unsafe name[index] = key.name[index] }
    guard
      unsafe EVP_EncryptInit_ex2(encryption, cipher, key.encryption, vector, nil) == 1,
      unsafe Self.begin(authentication, with: key)
    else { return -1 }
    return 1
  }

  /// 1: opened; 2: opened, and a new one is to follow; 0: nobody's key, so a full handshake.
  @unsafe fileprivate func open(
    isSpent: Bool, _ name: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>,
    _ encryption: OpaquePointer, _ authentication: OpaquePointer
  ) -> Int32 {
    let named = unsafe UnsafeBufferPointer(start: name, count: TicketKey.nameCount)
    guard let key = keys.first(where: { unsafe $0.name.elementsEqual(named) }) else { return 0 }
    guard
      unsafe EVP_DecryptInit_ex2(encryption, cipher, key.encryption, vector, nil) == 1,
      unsafe Self.begin(authentication, with: key)
    else { return -1 }
    // In TLS 1.3 a client uses a ticket once, so it needs the next one (RFC 8446, section C.4).
    return key == keys.current && !isSpent ? 1 : 2
  }

  // OSSL_MAC_PARAM_KEY and _DIGEST: a parameter keeps the pointer, so it has to be one that stays.
  private static let keyParameter: StaticString = "key"
  private static let digestParameter: StaticString = "digest"
  private static let digest: StaticString = "SHA256"

  private static func begin(_ authentication: OpaquePointer, with key: TicketKey) -> Bool {
    unsafe key.authentication.withUnsafeBytes { secret in
      unsafe withUnsafeTemporaryAllocation(of: OSSL_PARAM.self, capacity: 3) { parameters in
        // OpenSSL copies both, and writes to neither.
        unsafe parameters.initializeElement(
          at: 0,
          to: OSSL_PARAM_construct_octet_string(
            keyParameter.cString, UnsafeMutableRawPointer(mutating: secret.baseAddress),
            secret.count))
        unsafe parameters.initializeElement(
          at: 1,
          to: OSSL_PARAM_construct_utf8_string(
            digestParameter.cString, UnsafeMutablePointer(mutating: digest.cString), 0))
        unsafe parameters.initializeElement(at: 2, to: OSSL_PARAM_construct_end())
        return unsafe EVP_MAC_CTX_set_params(authentication, parameters.baseAddress) == 1
      }
    }
  }
}

private let useTicketKey:
  @convention(c) (
    OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?,
    OpaquePointer?, Int32
  ) -> Int32 = { ssl, name, vector, encryption, authentication, isSealing in
    guard let sealer = unsafe TicketSealer.of(ssl), let name = unsafe name,
      let vector = unsafe vector, let encryption = unsafe encryption,
      let authentication = unsafe authentication
    else { return -1 }
    return isSealing == 1
      ? unsafe sealer.seal(name, vector, encryption, authentication)
      : unsafe sealer.open(
        isSpent: SSL_version(ssl) == TLS1_3_VERSION, name, vector, encryption, authentication)
  }
