/// Chain and key in PEM, as a server reads them: the leaf first.
public struct IssuedCertificate: Sendable {
  public let chainPEM: [UInt8]
  public let keyPEM: [UInt8]

  public init(chainPEM: [UInt8], keyPEM: [UInt8]) {
    self.chainPEM = chainPEM
    self.keyPEM = keyPEM
  }
}

/// What kind of key a certificate is made with, in a user's words.
public enum KeyKind: String, CaseIterable, Codable, Sendable {
  case ecdsaP256 = "ecdsa-p256"
  case ecdsaP384 = "ecdsa-p384"
  case rsa2048 = "rsa-2048"
  case rsa3072 = "rsa-3072"
  case rsa4096 = "rsa-4096"

  public var isRSA: Bool { rawValue.hasPrefix("rsa") }
}
