internal import COpenSSL

/// A key, or only its public half.
@safe final class PrivateKey {
  let pointer: OpaquePointer

  /// Takes over a reference.
  init(owning pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }

  deinit { unsafe EVP_PKEY_free(pointer) }

  /// A new key; an RSA one takes up to a second.
  static func generate(_ kind: KeyKind = .ecdsaP256) throws(CertificateError) -> PrivateKey {
    let key: OpaquePointer? =
      switch kind {
      case .ecdsaP256: unsafe gatehouse_EVP_EC_gen("P-256")
      case .ecdsaP384: unsafe gatehouse_EVP_EC_gen("P-384")
      case .rsa2048: unsafe gatehouse_EVP_RSA_gen(2_048)
      case .rsa3072: unsafe gatehouse_EVP_RSA_gen(3_072)
      case .rsa4096: unsafe gatehouse_EVP_RSA_gen(4_096)
      }
    guard let key = unsafe key else { throw .openSSL("openssl", "cannot make a key") }
    return unsafe PrivateKey(owning: key)
  }

  /// The first private key in PEM bytes; an encrypted one is an error, never a question.
  static func read(from bytes: [UInt8], of subject: String) throws(CertificateError) -> PrivateKey {
    let bio = try MemoryBIO(holding: bytes)
    let refuse:
      @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?)
        -> Int32 = { _, _, _, _ in -1 }
    guard let key = unsafe PEM_read_bio_PrivateKey(bio.pointer, nil, refuse, nil) else {
      throw .openSSL(subject, "no readable private key (PEM, without a passphrase)")
    }
    return unsafe PrivateKey(owning: key)
  }

  /// The key as PKCS #8 in PEM.
  func pem() throws(CertificateError) -> [UInt8] {
    let bio = try MemoryBIO()
    guard
      unsafe PEM_write_bio_PKCS8PrivateKey(bio.pointer, pointer, nil, nil, 0, nil, nil) == 1
    else { throw .openSSL("openssl", "cannot write a key") }
    return bio.takeBytes()
  }

  var bits: Int { unsafe Int(EVP_PKEY_get_bits(pointer)) }

  var isRSA: Bool { algorithm.hasPrefix("rsa") }

  /// The kind of key in a user's words: `ecdsa-p256`, `rsa-2048`, `ed25519`.
  var kind: String {
    switch algorithm {
    case "rsa", "rsa-pss": "\(algorithm)-\(bits)"
    case "ec": "ecdsa-\(curve)"
    case let other: other
    }
  }

  private var algorithm: String {
    guard let name = unsafe EVP_PKEY_get0_type_name(pointer) else { return "unknown" }
    return unsafe String(cString: name).lowercased()
  }

  private var curve: String {
    var name = [CChar](repeating: 0, count: 80)
    var count = 0
    guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1 else {
      ERR_clear_error()
      return "unknown"
    }
    let text = String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    switch text {
    case "prime256v1": return "p256"
    case "secp384r1": return "p384"
    case "secp521r1": return "p521"
    default: return text
    }
  }
}
