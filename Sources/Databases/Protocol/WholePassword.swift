internal import COpenSSL

/// A password for a server that has it in no cache: encrypted with the server's RSA key.
///
/// The key comes over the same wire, so this keeps the password from who listens, not from who
/// poses as the server; such a one could do as he likes with the session anyway.
enum WholePassword {
  static let keyByteLimit = 8_192

  /// Nil where the key is none.
  static func encrypted(_ password: [UInt8], challenge: [UInt8], keyPEM: [UInt8]) -> [UInt8]? {
    guard !challenge.isEmpty, keyPEM.count <= keyByteLimit else { return nil }
    let masked = (password + [0]).enumerated().map {
      $0.element ^ challenge[$0.offset % challenge.count]
    }
    guard let key = unsafe publicKey(keyPEM) else { return nil }
    defer { unsafe EVP_PKEY_free(key) }
    guard let context = unsafe EVP_PKEY_CTX_new(key, nil) else { return nil }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var count = 0
    guard unsafe EVP_PKEY_encrypt_init(context) == 1,
      unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
      unsafe EVP_PKEY_encrypt(context, nil, &count, masked, masked.count) == 1
    else { return nil }
    var encrypted = [UInt8](repeating: 0, count: count)
    guard unsafe EVP_PKEY_encrypt(context, &encrypted, &count, masked, masked.count) == 1 else {
      return nil
    }
    return Array(encrypted.prefix(count))
  }

  private static func publicKey(_ pem: [UInt8]) -> OpaquePointer? {
    guard let bio = unsafe BIO_new(BIO_s_mem()) else { return nil }
    defer { unsafe BIO_free(bio) }
    guard unsafe BIO_write(bio, pem, Int32(pem.count)) == pem.count else { return nil }
    let key = unsafe PEM_read_bio_PUBKEY(bio, nil, nil, nil)
    ERR_clear_error()
    return unsafe key
  }
}
