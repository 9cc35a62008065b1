public import Foundation

/// One certificate of a folder: where its files are and who looks after them.
public struct StoredCertificate: Equatable, Sendable {
  public let name: String
  public let chainPath: String
  public let keyPath: String

  /// The version that serves; `nil` for files of another tool.
  public let version: Int?
  /// All there are on the disk, oldest first; none for files of another tool.
  public let versions: [Int]
  /// False for one that was staged and never made current.
  public var isServing = true

  /// Through the gates, read anew from the disk.
  public func check(now: Date = Date()) -> GateReport { check(in: GateContext(now: now)) }

  /// Through the gates, read anew from the disk; where the key is, the context need not say.
  public func check(in context: GateContext) -> GateReport { examine(in: context).report }

  /// What the gates say, and the very key that they looked at; without one where it cannot be read.
  public func examine(in context: GateContext) -> (report: GateReport, keyPEM: [UInt8]) {
    do throws(CertificateError) {
      let chain = try Disk.read(chainPath)
      let key = keyPath == chainPath ? chain : try Disk.read(keyPath)
      let file = try Disk.keyFile(keyPath)
      var context = context
      context.keyFile = file
      let report = CertificateGates.check(
        chainPEM: chain, keyPEM: key, name: chainPath, context: context)
      return (report, key)
    } catch {
      return (GateReport(unreadable: error), [])
    }
  }

  public func load() throws(CertificateError) -> CertificateBundle {
    let chain = try Disk.read(chainPath)
    let key = keyPath == chainPath ? chain : try Disk.read(keyPath)
    return try CertificateBundle(chainPEM: chain, keyPEM: key, name: chainPath)
  }

  /// What was written beside the current version; `nil` for plain files.
  public func record() throws(CertificateError) -> VersionRecord? {
    guard version != nil else { return nil }
    let path = chainPath.replacingOccurrences(of: "/fullchain.pem", with: "/meta.json")
    return try VersionRecord(json: try Disk.read(path), of: path)
  }
}

/// `meta.json`: what one version is, for people and tools that do not read X.509.
public struct VersionRecord: Codable, Equatable, Sendable {
  public enum Source: String, Codable, Sendable { case development, `import`, acme, `private` }

  public let names: [String]
  public let issuer: String
  public let notBefore: Date
  public let notAfter: Date
  public let keyType: String
  public let publicKeySHA256: String
  public let leafSHA256: String
  public let source: Source
  public let created: Date
  /// Who did it; nil where it was not noted.
  public let createdBy: String?
  /// The version that served before.
  public let previous: Int?

  private enum CodingKeys: String, CodingKey {
    case names, issuer, source, created, previous
    case createdBy = "created_by"
    case notBefore = "not_before"
    case notAfter = "not_after"
    case keyType = "key_type"
    case publicKeySHA256 = "spki_sha256"
    case leafSHA256 = "leaf_sha256"
  }

  init(_ bundle: CertificateBundle, source: Source, created: Date, previous: Int?) {
    names = bundle.names.map(\.description)
    issuer = bundle.issuer
    notBefore = bundle.notBefore
    notAfter = bundle.notAfter
    keyType = bundle.keyType
    publicKeySHA256 = bundle.publicKeySHA256
    leafSHA256 = bundle.leafSHA256
    self.source = source
    self.created = created
    createdBy = Person.current
    self.previous = previous
  }

  init(json: [UInt8], of path: String) throws(CertificateError) {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let record = try? decoder.decode(Self.self, from: Data(json)) else {
      throw CertificateError(path, "not the description of a version")
    }
    self = record
  }

  func json(of path: String) throws(CertificateError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(self) else {
      throw CertificateError(path, "cannot be written")
    }
    return Array(text) + [0x0a]
  }
}
