public import Foundation

/// A certificate with its chain and key: the facts a person, a gate or a table asks for.
public struct CertificateBundle: Equatable, Sendable {
  /// One certificate of the chain, the server's own first.
  public struct Link: Equatable, Sendable {
    public let subject: String
    public let issuer: String
    public let serial: String
    public let notBefore: Date
    public let notAfter: Date
    public let keyType: String
    /// The digest its issuer signed; `nil` where the scheme has none.
    public let signatureDigest: String?
    public let isAuthority: Bool
    public let isSelfSigned: Bool
    let maySign: Bool
    let mustStaple: Bool
    let isRSA: Bool
    let keyBits: Int
    /// Whether the next of the chain signed this one; true for the last.
    let isSignedByNext: Bool
    /// Whether the private key is this certificate's.
    let isOfKey: Bool
  }

  /// What the certificate says it may be used for.
  public enum Purpose: Equatable, Sendable { case server, unsaid, other }

  public let names: [ServerName]
  public let purpose: Purpose
  /// The server's certificate.
  public let leaf: Link
  /// The whole chain, the server's certificate included.
  public let chain: [Link]
  public let publicKeySHA256: String
  public let leafSHA256: String

  public var subject: String { leaf.subject }
  public var issuer: String { leaf.issuer }
  public var serial: String { leaf.serial }
  public var notBefore: Date { leaf.notBefore }
  public var notAfter: Date { leaf.notAfter }
  public var keyType: String { leaf.keyType }
  public var keyMatches: Bool { leaf.isOfKey }

  /// Reads chain and key out of PEM bytes; `name` stands in front of every complaint.
  public init(chainPEM: [UInt8], keyPEM: [UInt8], name: String) throws(CertificateError) {
    let certificates = try X509Certificate.readChain(from: chainPEM, of: name)
    let key = try PrivateKey.read(from: keyPEM, of: name)
    var chain: [Link] = []
    for (index, certificate) in certificates.enumerated() {
      let next = index + 1 < certificates.count ? certificates[index + 1] : nil
      chain.append(try Link(certificate, signedBy: next, key: key, of: name))
    }
    guard let first = certificates.first, let leaf = chain.first else {
      throw CertificateError(name, "no certificate in the file")
    }
    self.leaf = leaf
    self.chain = chain
    names = first.names
    purpose = Purpose(first.extendedKeyUsage)
    publicKeySHA256 = first.publicKeyFingerprint.hex
    leafSHA256 = first.fingerprint.hex
  }
}

extension CertificateBundle.Link {
  fileprivate init(
    _ certificate: X509Certificate, signedBy next: X509Certificate?, key: PrivateKey,
    of name: String
  ) throws(CertificateError) {
    guard let notBefore = certificate.notBefore, let notAfter = certificate.notAfter else {
      throw CertificateError(name, "the dates of \(certificate.subject) cannot be read")
    }
    guard let publicKey = certificate.publicKey else {
      throw CertificateError(name, "the key in \(certificate.subject) cannot be read")
    }
    subject = certificate.subject
    issuer = certificate.issuer
    serial = certificate.serial
    self.notBefore = notBefore
    self.notAfter = notAfter
    keyType = publicKey.kind
    signatureDigest = certificate.signatureDigest
    isAuthority = certificate.isAuthority
    isSelfSigned = certificate.isSelfSigned
    maySign = certificate.maySign
    mustStaple = certificate.mustStaple
    isRSA = publicKey.isRSA
    keyBits = publicKey.bits
    isSignedByNext = next.map { certificate.isIssued(by: $0) } ?? true
    isOfKey = certificate.belongs(to: key)
  }
}

extension CertificateBundle.Purpose {
  // XKU_SSL_SERVER of x509v3.h; `any` is no promise to serve, so it counts as unsaid.
  private static let serverUse: UInt32 = 0x1
  private static let anyUse: UInt32 = 0x100

  fileprivate init(_ usage: UInt32?) {
    guard let usage else {
      self = .unsaid
      return
    }
    if usage & Self.serverUse != 0 {
      self = .server
    } else {
      self = usage & Self.anyUse != 0 ? .unsaid : .other
    }
  }
}
