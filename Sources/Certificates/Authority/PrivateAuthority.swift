internal import COpenSSL
public import Foundation

/// An authority of one's own, for clients' certificates and for servers that only they visit.
///
///     FOLDER/NAME/{ca.pem,ca.key,crl.pem,index.json}
public struct PrivateAuthority {
  public static let lifetimeDays = 3_650
  public static let daysLimit = 36_500
  static let backdating: TimeInterval = 3_600

  public let name: String
  public let folder: String
  let certificate: X509Certificate
  let key: PrivateKey

  public var certificatePath: String { "\(folder)/ca.pem" }
  public var listPath: String { "\(folder)/crl.pem" }
  public var subject: String { certificate.subject }
  public var notAfter: Date { certificate.notAfter ?? .distantPast }

  /// Makes a new one, with an empty list of what is revoked; a dry run writes nothing.
  public static func create(
    _ name: String, in directory: String, days: Int = lifetimeDays, isDryRun: Bool = false,
    now: Date = Date()
  ) throws(CertificateError) -> PrivateAuthority {
    let folder = try path(name, in: directory)
    guard !Disk.exists(folder) else {
      throw CertificateError(
        folder, "there is an authority of this name; sign with it: gatehouse ca sign \(name)")
    }
    guard (1...daysLimit).contains(days) else {
      throw CertificateError(name, "\(days) days are not within 1...\(daysLimit)")
    }
    let key = try PrivateKey.generate()
    let builder = try CertificateBuilder(
      commonName: name, key: key, from: now - backdating,
      to: now + TimeInterval(days) * 86_400)
    try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
    try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign")
    try builder.add(NID_subject_key_identifier, "hash")
    let certificate = try builder.sign(with: key)
    guard !isDryRun else {
      return PrivateAuthority(name: name, folder: folder, certificate: certificate, key: key)
    }
    let new = "\(directory)/.\(name).\(ProcessInfo.processInfo.processIdentifier)"
    Disk.remove(new)
    do throws(CertificateError) {
      try Disk.makeDirectory(directory, mode: 0o755)
      try Disk.makeDirectory(new, mode: 0o700)
      try Disk.write(try key.pem(), to: "\(new)/ca.key", mode: 0o600)
      try Disk.write(try certificate.pem(), to: "\(new)/ca.pem", mode: 0o644)
      let made = PrivateAuthority(name: name, folder: new, certificate: certificate, key: key)
      try made.publish(AuthorityIndex(), now: now)
      try Disk.rename(new, to: folder)
      try Disk.sync(directory)
    } catch {
      Disk.remove(new)
      throw error
    }
    return PrivateAuthority(name: name, folder: folder, certificate: certificate, key: key)
  }

  /// The one of this name.
  public static func open(
    _ name: String, in directory: String
  ) throws(CertificateError) -> PrivateAuthority {
    let folder = try path(name, in: directory)
    guard Disk.isDirectory(folder) else {
      let known = all(in: directory).joined(separator: ", ")
      throw CertificateError(
        name,
        "no such authority in \(directory); "
          + (known.isEmpty ? "make it: gatehouse ca init \(name)" : "there are: \(known)"))
    }
    let chain = try X509Certificate.readChain(
      from: try Disk.read("\(folder)/ca.pem"), of: "\(folder)/ca.pem")
    let keyPath = "\(folder)/ca.key"
    guard try Disk.keyFile(keyPath).mode & 0o7177 == 0 else {
      throw CertificateError(keyPath, "others may read the key; type: chmod 600 \(keyPath)")
    }
    let key = try PrivateKey.read(from: try Disk.read(keyPath), of: keyPath)
    guard let certificate = chain.first, certificate.isAuthority, certificate.belongs(to: key)
    else { throw CertificateError(folder, "certificate and key are not an authority's") }
    return PrivateAuthority(name: name, folder: folder, certificate: certificate, key: key)
  }

  /// The one of a folder that signed this certificate; nil where there is none.
  static func issuer(
    of leaf: X509Certificate, in directory: String
  ) throws(CertificateError) -> PrivateAuthority? {
    for name in all(in: directory) {
      let pem = try Disk.read("\(directory)/\(name)/ca.pem")
      guard let root = try X509Certificate.readAll(pem).first, leaf.isIssued(by: root) else {
        continue
      }
      return try open(name, in: directory)
    }
    return nil
  }

  static func all(in directory: String) -> [String] {
    let names = (try? Disk.names(in: directory)) ?? []
    return names.filter { Disk.exists("\(directory)/\($0)/ca.pem") }
  }

  private static func path(
    _ name: String, in directory: String
  ) throws(CertificateError) -> String {
    guard !name.isEmpty, name.utf8.count <= 64, CertificateStore.folderName(for: name) == name
    else {
      throw CertificateError(
        name,
        "not a name for an authority: letters in lower case, digits, dots and dashes; at most 64")
    }
    return "\(directory)/\(name)"
  }
}
