internal import COpenSSL
internal import Foundation
internal import Glibc

/// One certificate as OpenSSL holds it, and the facts we read from it.
@safe final class X509Certificate {
  let pointer: OpaquePointer

  /// Takes over a reference.
  init(owning pointer: OpaquePointer) { unsafe self.pointer = unsafe pointer }

  deinit { unsafe X509_free(pointer) }

  /// More than any real chain holds; a file with more is refused.
  static let chainLimit = 16

  /// All certificates in PEM bytes, at least one.
  static func readChain(
    from bytes: [UInt8], of subject: String
  ) throws(CertificateError) -> [X509Certificate] {
    let bio = try MemoryBIO(holding: bytes)
    var chain: [X509Certificate] = []
    while let next = unsafe PEM_read_bio_X509(bio.pointer, nil, nil, nil) {
      unsafe chain.append(X509Certificate(owning: next))
      guard chain.count <= chainLimit else {
        throw CertificateError(subject, "more than \(chainLimit) certificates in one chain")
      }
    }
    // The end of the bytes is told as an error too; any other is a real one.
    let code = ERR_peek_last_error()
    guard code == 0 || Int32(code & 0x7f_ffff) == PEM_R_NO_START_LINE else {
      throw .openSSL(subject, "not a PEM certificate")
    }
    ERR_clear_error()
    guard !chain.isEmpty else { throw CertificateError(subject, "no certificate in the file") }
    for certificate in chain where certificate.extensionFlags & UInt32(EXFLAG_INVALID) != 0 {
      ERR_clear_error()
      throw CertificateError(subject, "an extension of \(certificate.subject) is not well-formed")
    }
    return chain
  }

  func pem() throws(CertificateError) -> [UInt8] {
    let bio = try MemoryBIO()
    guard unsafe PEM_write_bio_X509(bio.pointer, pointer) == 1 else {
      throw .openSSL("openssl", "cannot write a certificate")
    }
    return bio.takeBytes()
  }

  /// Empty when OpenSSL fails.
  var der: [UInt8] {
    let count = unsafe i2d_X509(pointer, nil)
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(count))
    unsafe bytes.withUnsafeMutableBufferPointer {
      var end = $0.baseAddress
      _ = unsafe i2d_X509(pointer, &end)
    }
    return bytes
  }

  var subject: String { unsafe Self.text(X509_get_subject_name(pointer)) }
  var issuer: String { unsafe Self.text(X509_get_issuer_name(pointer)) }
  var serial: String { unsafe Self.bytes(X509_get0_serialNumber(pointer)).hex }
  var notBefore: Date? { unsafe Self.date(X509_get0_notBefore(pointer)) }
  var notAfter: Date? { unsafe Self.date(X509_get0_notAfter(pointer)) }
  var extensionFlags: UInt32 { unsafe X509_get_extension_flags(pointer) }
  var isSelfSigned: Bool { extensionFlags & UInt32(EXFLAG_SS) != 0 }
  /// Says that it is one, whether or not it may sign.
  var isAuthority: Bool {
    unsafe X509_check_ca(pointer) != 0 || extensionFlags & UInt32(EXFLAG_CA) != 0
  }
  /// False where a key usage is given that leaves it out (RFC 5280, section 4.2.1.3): TLS 1.3 and
  /// every key exchange of ours need the server's signature.
  var maySign: Bool {
    guard extensionFlags & UInt32(EXFLAG_KUSAGE) != 0 else { return true }
    return unsafe X509_get_key_usage(pointer) & UInt32(KU_DIGITAL_SIGNATURE) != 0
  }
  /// Carries the TLS feature extension (RFC 7633), "must staple".
  var mustStaple: Bool { unsafe X509_get_ext_by_NID(pointer, NID_tlsfeature, -1) >= 0 }

  /// What the certificate may be used for; `nil` where it does not say.
  var extendedKeyUsage: UInt32? {
    guard extensionFlags & UInt32(EXFLAG_XKUSAGE) != 0 else { return nil }
    return unsafe X509_get_extended_key_usage(pointer)
  }

  var publicKey: PrivateKey? {
    guard let key = unsafe X509_get_pubkey(pointer) else {
      ERR_clear_error()
      return nil
    }
    return unsafe PrivateKey(owning: key)
  }

  /// The digest its issuer signed, such as `SHA256`; `nil` where the scheme has none, as Ed25519.
  var signatureDigest: String? {
    var digest: Int32 = 0
    guard unsafe X509_get_signature_info(pointer, &digest, nil, nil, nil) == 1, digest != NID_undef,
      let name = unsafe OBJ_nid2sn(digest)
    else {
      ERR_clear_error()
      return nil
    }
    return unsafe String(cString: name).uppercased()
  }

  func belongs(to key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return unsafe X509_check_private_key(pointer, key.pointer) == 1
  }

  /// Whether `issuer` bears the name and the key that signed this certificate.
  func isIssued(by issuer: X509Certificate) -> Bool {
    defer { ERR_clear_error() }
    guard unsafe X509_check_issued(issuer.pointer, pointer) == X509_V_OK,
      let key = issuer.publicKey
    else { return false }
    return unsafe X509_verify(pointer, key.pointer) == 1
  }

  var fingerprint: [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard unsafe X509_digest(pointer, EVP_sha256(), &digest, &count) == 1 else { return [] }
    return Array(digest.prefix(Int(count)))
  }

  /// SHA-256 of the public key with its algorithm, as pins name a key.
  var publicKeyFingerprint: [UInt8] {
    guard let key = unsafe X509_get_X509_PUBKEY(pointer) else { return [] }
    let size = unsafe i2d_X509_PUBKEY(key, nil)
    guard size > 0 else { return [] }
    var encoded = [UInt8](repeating: 0, count: Int(size))
    unsafe encoded.withUnsafeMutableBufferPointer {
      var end = $0.baseAddress
      _ = unsafe i2d_X509_PUBKEY(key, &end)
    }
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let isDone = unsafe EVP_Digest(encoded, encoded.count, &digest, &count, EVP_sha256(), nil) == 1
    return isDone ? Array(digest.prefix(Int(count))) : []
  }

  static func bytes(_ text: UnsafePointer<ASN1_STRING>?) -> [UInt8] {
    guard let text = unsafe text, let data = unsafe ASN1_STRING_get0_data(text) else { return [] }
    let count = unsafe max(0, Int(ASN1_STRING_length(text)))
    return unsafe Array(UnsafeBufferPointer(start: data, count: count))
  }

  private static func text(_ name: OpaquePointer?) -> String {
    guard let name = unsafe name, let bio = try? MemoryBIO() else { return "" }
    // Control bytes stay escaped, since this goes to terminals; letters beyond ASCII do not.
    let flags = gatehouse_XN_FLAG_RFC2253 & ~gatehouse_ASN1_STRFLGS_ESC_MSB
    guard unsafe X509_NAME_print_ex(bio.pointer, name, 0, flags) >= 0 else { return "" }
    return String(decoding: bio.takeBytes(), as: UTF8.self)
  }

  private static func date(_ time: UnsafePointer<ASN1_TIME>?) -> Date? {
    var parts = unsafe tm()
    guard let time = unsafe time, unsafe ASN1_TIME_to_tm(time, &parts) == 1 else {
      ERR_clear_error()
      return nil
    }
    return unsafe Date(timeIntervalSince1970: Double(timegm(&parts)))
  }
}

extension Sequence where Element == UInt8 {
  /// Two lower-case hexadecimal digits for each byte.
  var hex: String {
    let digits = Array("0123456789abcdef")
    return String(flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
