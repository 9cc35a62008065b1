internal import COpenSSL

/// Certificate and key in one file behind a password, as browsers import them (PKCS #12).
public struct KeyBag: Sendable {
  public let bytes: [UInt8]
  /// Shown once and kept nowhere.
  public let password: String

  /// Letters that cannot be taken for one another.
  private static let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
  private static let letterCount = 20

  public init(_ issued: IssuedCertificate, name: String) throws(CertificateError) {
    let chain = try X509Certificate.readChain(from: issued.chainPEM, of: name)
    let key = try PrivateKey.read(from: issued.keyPEM, of: name)
    guard let leaf = chain.first, let others = unsafe gatehouse_sk_X509_new_null() else {
      throw .openSSL(name, "no memory")
    }
    defer { unsafe gatehouse_sk_X509_free(others) }
    for certificate in chain.dropFirst() {
      _ = unsafe gatehouse_sk_X509_push(others, certificate.pointer)
    }
    password = try Self.newPassword()
    guard
      let bag = unsafe PKCS12_create(
        password, name, key.pointer, leaf.pointer, others, 0, 0, 0, 0, 0)
    else { throw .openSSL(name, "cannot make a PKCS #12 file") }
    defer { unsafe PKCS12_free(bag) }
    let bio = try MemoryBIO()
    guard unsafe i2d_PKCS12_bio(bio.pointer, bag) == 1 else {
      throw .openSSL(name, "cannot write a PKCS #12 file")
    }
    bytes = bio.takeBytes()
  }

  /// About 99 bits.
  private static func newPassword() throws(CertificateError) -> String {
    var text = ""
    while text.count < letterCount {
      var byte: UInt8 = 0
      guard unsafe RAND_bytes(&byte, 1) == 1 else { throw .openSSL("openssl", "no random bytes") }
      // Each letter as likely as any other.
      let place = Int(byte) & 31
      if place < letters.count { text.append(letters[place]) }
    }
    return text
  }
}
