internal import COpenSSL
internal import Foundation

/// What proves control over one name, made of an authority's token and the account's key.
struct ChallengeAnswer {
  private static let tokenLengths = 1...256

  private let token: String
  private let authorization: String

  /// Refuses a token that is more than base64url: it becomes a path, and a word in the DNS.
  init(token: String?, key: AccountKey, name: String) throws(ACMEError) {
    guard let token, Self.tokenLengths.contains(token.utf8.count),
      token.utf8.allSatisfy(Base64URL.isLetter)
    else { throw ACMEError(name, "its challenge came without a token one could use") }
    self.token = token
    authorization = key.authorization(for: token)
  }

  /// What is to be published for `kind`.
  func live(
    _ kind: ChallengeKind, for identifier: ACMEIdentifier, now: Date = Date()
  ) throws(ACMEError) -> LiveChallenge {
    switch kind {
    case .http01: return .http(token: token, body: authorization)
    case .dns01: return .dns(name: "_acme-challenge.\(identifier.value).", value: record)
    case .tlsALPN01:
      let certificate = try ACMEError.wrapping { () throws(CertificateError) -> IssuedCertificate in
        try selfSigned(for: identifier, now: now)
      }
      return .tlsALPN(name: Self.servedName(identifier), certificate: certificate)
    }
  }

  /// The TXT record (RFC 8555, section 8.4).
  var record: String { Base64URL.text(digest) }

  private var digest: [UInt8] { Digest.sha256(Array(authorization.utf8)) }

  /// An address is asked for by its name in the reverse zone (RFC 8738, section 6).
  private static func servedName(_ identifier: ACMEIdentifier) -> String {
    guard case .address(let bytes)? = ServerName(identifier.value) else {
      return identifier.value
    }
    if bytes.count == 4 {
      return bytes.reversed().map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa"
    }
    return bytes.hex.reversed().map { "\($0)" }.joined(separator: ".") + ".ip6.arpa"
  }

  /// Signs itself, names the name, and carries the digest (RFC 8737, section 3).
  private func selfSigned(
    for identifier: ACMEIdentifier, now: Date
  ) throws(CertificateError) -> IssuedCertificate {
    guard let name = ServerName(identifier.value) else {
      throw CertificateError(identifier.value, "not a name a certificate can bear")
    }
    let key = try PrivateKey.generate()
    let builder = try CertificateBuilder(
      commonName: "ACME challenge", key: key, from: now - 3_600, to: now + 86_400)
    try builder.add(NID_subject_alt_name, name.alternativeName)
    try builder.addCritical("1.3.6.1.5.5.7.1.31", octets: [0x04, 0x20] + digest)
    return IssuedCertificate(chainPEM: try builder.sign(with: key).pem(), keyPEM: try key.pem())
  }
}
