internal import COpenSSL
public import Foundation

/// A certificate authority of this machine alone, for names no public authority would sign.
public struct DevelopmentAuthority {
  public static let leafLifetime: TimeInterval = 90 * 86_400
  static let lifetime: TimeInterval = 3_650 * 86_400
  /// A start in the past, for clients whose clocks are slow.
  private static let headStart: TimeInterval = 3_600

  /// What a client has to trust.
  public let certificatePath: String
  private let certificate: X509Certificate
  private let key: PrivateKey

  /// Where the one of a certificates folder is, or would be.
  public static func certificatePath(in directory: String) -> String {
    Files(directory).certificate
  }

  /// The authority kept below a certificates folder; `nil` where there is none yet.
  public static func stored(in directory: String) throws(CertificateError) -> Self? {
    let files = Files(directory)
    guard Disk.exists(files.certificate) || Disk.exists(files.key) else { return nil }
    let chain = try X509Certificate.readChain(
      from: try Disk.read(files.certificate), of: files.certificate)
    let key = try PrivateKey.read(from: try Disk.read(files.key), of: files.key)
    guard let certificate = chain.first, certificate.isAuthority, certificate.belongs(to: key)
    else {
      throw CertificateError(
        files.folder, "certificate and key are not an authority's; remove the folder to start anew")
    }
    return Self(certificatePath: files.certificate, certificate: certificate, key: key)
  }

  func pem() throws(CertificateError) -> [UInt8] { try certificate.pem() }

  /// The stored authority, or a new one where there is none, which `isKept` or only tried.
  public static func open(
    in directory: String, isKept: Bool = true, now: Date = Date()
  ) throws(CertificateError) -> Self {
    if let stored = try stored(in: directory) { return stored }
    let files = Files(directory)
    let key = try PrivateKey.generate()
    let name = "Gatehouse development authority \(UInt32.random(in: 0...UInt32.max))"
    let builder = try CertificateBuilder(
      commonName: name, key: key, from: now - headStart, to: now + lifetime)
    try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
    try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
    try builder.add(NID_subject_key_identifier, "hash")
    let certificate = try builder.sign(with: key)
    if isKept { try files.write(certificate: try certificate.pem(), key: try key.pem()) }
    return Self(certificatePath: files.certificate, certificate: certificate, key: key)
  }

  /// A server's certificate with a new key, for at most 90 days.
  public func issue(
    for names: [ServerName], key kind: KeyKind = .ecdsaP256, now: Date = Date()
  ) throws(CertificateError) -> IssuedCertificate {
    guard let first = names.first else {
      throw CertificateError(certificatePath, "a certificate needs a name")
    }
    let last = min(now + Self.leafLifetime, certificate.notAfter ?? now)
    guard last > now else {
      throw CertificateError(
        certificatePath, "this authority has expired; remove its folder to start anew")
    }
    let leafKey = try PrivateKey.generate(kind)
    // A common name holds at most 64 characters, and no client reads it.
    let commonName = String(first.description.prefix(64))
    let builder = try CertificateBuilder(
      commonName: commonName, key: leafKey, from: now - Self.headStart, to: last,
      issuer: certificate)
    try builder.add(NID_basic_constraints, "critical,CA:FALSE")
    try builder.add(NID_key_usage, "critical,digitalSignature")
    try builder.add(NID_ext_key_usage, "serverAuth")
    try builder.add(NID_subject_key_identifier, "hash")
    try builder.add(NID_authority_key_identifier, "keyid:always")
    try builder.add(
      NID_subject_alt_name, names.map(\.alternativeName).joined(separator: ","))
    let leaf = try builder.sign(with: key)
    return IssuedCertificate(chainPEM: try leaf.pem(), keyPEM: try leafKey.pem())
  }

  private struct Files {
    let folder: String
    var certificate: String { folder + "/ca.pem" }
    var key: String { folder + "/ca.key" }

    init(_ directory: String) { folder = directory + "/.authority" }

    /// Both files at once, by renaming their folder; one that is there already stays.
    func write(certificate: [UInt8], key: [UInt8]) throws(CertificateError) {
      let new = "\(folder).\(ProcessInfo.processInfo.processIdentifier)"
      Disk.remove(new)
      do throws(CertificateError) {
        try Disk.makeDirectory(new, mode: 0o700)
        try Disk.write(key, to: "\(new)/ca.key", mode: 0o600)
        try Disk.write(certificate, to: "\(new)/ca.pem", mode: 0o644)
        try Disk.sync(new)
        try Disk.rename(new, to: folder)
        try Disk.sync(Disk.parent(of: folder))
      } catch {
        Disk.remove(new)
        throw error
      }
    }
  }
}
