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
    let publicKeySHA256: String
    /// What is wrong with the serial number, if anything.
    let serialFault: String?
  }

  /// What was done to the file's order.
  struct Repairs: Equatable, Sendable {
    let isReordered: Bool
    /// Subjects of what was left out.
    let spare: [String]
    /// Subjects of further servers' certificates in the file.
    let otherLeaves: [String]
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
  /// The chain in PEM: the server's certificate first, each followed by its issuer.
  public let chainPEM: [UInt8]
  let repairs: Repairs
  /// DNS names as they stand in the certificate, byte for byte.
  let rawDNSNames: [[UInt8]]
  /// Signed certificate timestamps within it (RFC 6962).
  let timestampCount: Int

  public var subject: String { leaf.subject }
  public var issuer: String { leaf.issuer }
  public var serial: String { leaf.serial }
  public var notBefore: Date { leaf.notBefore }
  public var notAfter: Date { leaf.notAfter }
  public var keyType: String { leaf.keyType }
  public var keyMatches: Bool { leaf.isOfKey }

  /// Reads chain and key out of PEM bytes; `name` stands in front of every complaint.
  public init(chainPEM: [UInt8], keyPEM: [UInt8], name: String) throws(CertificateError) {
    let key = try PrivateKey.read(from: keyPEM, of: name)
    try self.init(chainPEM: chainPEM, key: key, name: name)
  }

  /// Without the key where there is none, as of a certificate that another machine serves.
  init(chainPEM: [UInt8], key: PrivateKey?, name: String) throws(CertificateError) {
    let file = try X509Certificate.readChain(from: chainPEM, of: name)
    guard let ordered = OrderedChain(file, key: key), let first = ordered.chain.first else {
      throw CertificateError(name, "no certificate in the file")
    }
    let certificates = ordered.chain
    var chain: [Link] = []
    for (index, certificate) in certificates.enumerated() {
      let next = index + 1 < certificates.count ? certificates[index + 1] : nil
      chain.append(try Link(certificate, signedBy: next, key: key, of: name))
    }
    leaf = chain[0]
    self.chain = chain
    self.chainPEM = try ordered.pem()
    repairs = Repairs(
      isReordered: ordered.isReordered, spare: ordered.spare.map(\.subject),
      otherLeaves: ordered.otherLeaves.map(\.subject))
    names = first.names
    rawDNSNames = first.rawDNSNames
    timestampCount = first.timestampCount
    purpose = Purpose(first.extendedKeyUsage)
    publicKeySHA256 = first.publicKeyFingerprint.hex
    leafSHA256 = first.fingerprint.hex
  }

  /// Whether a client that asks for `name` is served by this certificate.
  public func covers(_ name: ServerName) -> Bool {
    names.contains { $0.covers(name) }
  }
}

extension CertificateBundle.Link {
  fileprivate init(
    _ certificate: X509Certificate, signedBy next: X509Certificate?, key: PrivateKey?,
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
    isOfKey = key.map { certificate.belongs(to: $0) } ?? false
    publicKeySHA256 = certificate.publicKeyFingerprint.hex
    serialFault = certificate.serialFault
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
