internal import COpenSSL

/// The key an account at an authority is known by: ECDSA P-256, signing as ES256.
struct AccountKey {
  let key: PrivateKey
  /// As JSON with its members in order and no spaces, the form thumbprints are made of (RFC 7638).
  let jwk: String

  init(_ key: PrivateKey, of subject: String) throws(ACMEError) {
    guard key.kind == "ecdsa-p256" else {
      throw ACMEError(subject, "a key of the kind \(key.kind); an account's key is ecdsa-p256")
    }
    guard let x = Self.coordinate(key, "qx"), let y = Self.coordinate(key, "qy") else {
      throw ACMEError(.openSSL(subject, "its public half cannot be read"))
    }
    self.key = key
    jwk = #"{"crv":"P-256","kty":"EC","x":"\#(Base64URL.text(x))","y":"\#(Base64URL.text(y))"}"#
  }

  var thumbprint: String { Base64URL.text(Digest.sha256(Array(jwk.utf8))) }

  /// What is put where a challenge asks for it (RFC 8555, section 8.1).
  func authorization(for token: String) -> String { "\(token).\(thumbprint)" }

  /// The two numbers of a signature, 32 bytes each (RFC 7518, section 3.4).
  func sign(_ bytes: [UInt8]) throws(ACMEError) -> [UInt8] {
    guard let der = signatureDER(of: bytes), let signature = Self.flat(der) else {
      throw ACMEError(.openSSL("account key", "cannot sign"))
    }
    return signature
  }

  /// The 64 bytes of a DER signature; nil where it is none.
  static func flat(_ der: [UInt8]) -> [UInt8]? {
    unsafe der.withUnsafeBufferPointer { buffer in
      var start = buffer.baseAddress
      guard let signature = unsafe d2i_ECDSA_SIG(nil, &start, buffer.count) else { return nil }
      defer { unsafe ECDSA_SIG_free(signature) }
      var r = [UInt8](repeating: 0, count: 32)
      var s = [UInt8](repeating: 0, count: 32)
      guard unsafe BN_bn2binpad(ECDSA_SIG_get0_r(signature), &r, 32) == 32,
        unsafe BN_bn2binpad(ECDSA_SIG_get0_s(signature), &s, 32) == 32
      else { return nil }
      return r + s
    }
  }

  private func signatureDER(of bytes: [UInt8]) -> [UInt8]? {
    guard let context = unsafe EVP_MD_CTX_new() else { return nil }
    defer { unsafe EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 128)
    var count = signature.count
    guard
      unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key.pointer) == 1,
      unsafe EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1
    else { return nil }
    return Array(signature.prefix(count))
  }

  private static func coordinate(_ key: PrivateKey, _ name: String) -> [UInt8]? {
    var number: OpaquePointer?
    guard unsafe EVP_PKEY_get_bn_param(key.pointer, name, &number) == 1 else { return nil }
    defer { unsafe BN_free(number) }
    var bytes = [UInt8](repeating: 0, count: 32)
    return unsafe BN_bn2binpad(number, &bytes, 32) == 32 ? bytes : nil
  }
}
