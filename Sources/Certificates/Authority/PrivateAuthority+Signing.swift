internal import COpenSSL
public import Foundation

/// Whom a private authority's certificate is for.
public struct CertificateHolder: Equatable, Sendable {
  public enum Name: Equatable, Sendable {
    case server(ServerName)
    case mail(String)
    /// A person or a device, by a common name alone.
    case plain(String)
  }

  public let names: [Name]
  public let isForServers: Bool

  /// `alice@example.com`, a DNS name, an address or `"Common Name"`; servers need names to visit.
  public init(_ texts: [String], isForServers: Bool) throws(CertificateError) {
    guard !texts.isEmpty else { throw CertificateError("--for", "whom it is for is missing") }
    var names: [Name] = []
    for text in texts {
      guard isForServers else {
        names.append(try Self.name(text))
        continue
      }
      guard let name = ServerName(text) else {
        throw CertificateError(text, "a server is visited by DNS names and addresses only")
      }
      names.append(.server(name))
    }
    self.names = names
    self.isForServers = isForServers
  }

  var commonName: String {
    switch names.first {
    case .server(let name): String(name.description.prefix(64))
    case .mail(let text), .plain(let text): String(text.prefix(64))
    case nil: ""
    }
  }

  /// As OpenSSL reads `subjectAltName`; nil where there is nothing to say.
  var alternativeNames: String? {
    let parts = names.compactMap { name -> String? in
      switch name {
      case .server(let server): server.alternativeName
      case .mail(let address): "email:\(address)"
      case .plain: nil
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: ",")
  }

  private static func name(_ text: String) throws(CertificateError) -> Name {
    if text.contains("@") {
      let sides = text.split(separator: "@", omittingEmptySubsequences: false)
      let isPlain = text.utf8.allSatisfy { byte in
        (0x21...0x7e).contains(byte) && !",;:\"<>()[]\\".utf8.contains(byte)
      }
      guard sides.count == 2, !sides[0].isEmpty, isPlain, text.utf8.count <= 254,
        case .dns? = ServerName(String(sides[1]))
      else { throw CertificateError(text, "not a mail address such as alice@example.com") }
      return .mail(text)
    }
    if text.contains("."), let name = ServerName(text) { return .server(name) }
    if text.contains(":"), let name = ServerName(text) { return .server(name) }
    guard !text.isEmpty, text.count <= 64,
      !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f })
    else { throw CertificateError(text, "a common name has 1 to 64 letters, no control bytes") }
    return .plain(text)
  }
}

/// What an authority signs.
extension PrivateAuthority {
  public static let leafDays = 365

  /// A certificate with a new key: for a client, or for a server.
  public func sign(
    _ holder: CertificateHolder, key kind: KeyKind = .ecdsaP256, days: Int = leafDays,
    isNoted: Bool = true, now: Date = Date()
  ) throws(CertificateError) -> IssuedCertificate {
    let key = try PrivateKey.generate(kind)
    return IssuedCertificate(
      chainPEM: try sign(holder, for: key, days: days, isNoted: isNoted, now: now),
      keyPEM: try key.pem())
  }

  /// A certificate for the key of a request; its names are the holder's, not the request's.
  public func sign(
    _ holder: CertificateHolder, requestPEM: [UInt8], days: Int = leafDays, isNoted: Bool = true,
    now: Date = Date()
  ) throws(CertificateError) -> [UInt8] {
    let bio = try MemoryBIO(holding: requestPEM)
    guard let request = unsafe PEM_read_bio_X509_REQ(bio.pointer, nil, nil, nil) else {
      throw .openSSL("request", "not a request in PEM (CERTIFICATE REQUEST)")
    }
    defer { unsafe X509_REQ_free(request) }
    guard let pointer = unsafe X509_REQ_get_pubkey(request) else {
      throw .openSSL("request", "its key cannot be read")
    }
    let key = unsafe PrivateKey(owning: pointer)
    guard unsafe X509_REQ_verify(request, key.pointer) == 1 else {
      throw .openSSL("request", "not signed with its own key; make it anew")
    }
    let isLong =
      key.isRSA
      ? key.bits >= CertificateGates.rsaBitMinimum
      : ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "ed448"].contains(key.kind)
    guard isLong else {
      throw CertificateError("request", "a key of kind \(key.kind) is not signed; take ECDSA P-256")
    }
    return try sign(holder, for: key, days: days, isNoted: isNoted, now: now)
  }

  private func sign(
    _ holder: CertificateHolder, for key: PrivateKey, days: Int, isNoted: Bool, now: Date
  ) throws(CertificateError) -> [UInt8] {
    guard (1...Self.daysLimit).contains(days) else {
      throw CertificateError(name, "\(days) days are not within 1...\(Self.daysLimit)")
    }
    guard notAfter > now else {
      throw CertificateError(folder, "this authority has expired; make another: gatehouse ca init")
    }
    let builder = try CertificateBuilder(
      commonName: holder.commonName, key: key, from: now - Self.backdating,
      to: min(now + TimeInterval(days) * 86_400, notAfter), issuer: certificate)
    try builder.add(NID_basic_constraints, "critical,CA:FALSE")
    try builder.add(NID_key_usage, "critical,digitalSignature")
    try builder.add(NID_ext_key_usage, holder.isForServers ? "serverAuth" : "clientAuth")
    try builder.add(NID_subject_key_identifier, "hash")
    try builder.add(NID_authority_key_identifier, "keyid:always")
    if let names = holder.alternativeNames { try builder.add(NID_subject_alt_name, names) }
    let leaf = try builder.sign(with: self.key)
    if isNoted { try note(leaf, isForServers: holder.isForServers, now: now) }
    return try leaf.pem() + certificate.pem()
  }
}
