public import Foundation

/// `index.json`: every certificate an authority signed, and which of them are revoked.
public struct AuthorityIndex: Codable, Sendable {
  public struct Entry: Codable, Sendable {
    /// In hexadecimal.
    public let serial: String
    public let subject: String
    public let isForServers: Bool
    public let signed: Date
    public let notAfter: Date
    public let by: String
    public var revoked: Date?
    public var reason: RevocationReason?
  }

  public var entries: [Entry] = []
  /// Of the list signed last; each is one more than the one before (RFC 5280, section 5.2.3).
  public var listNumber = 0

  public var revoked: [Entry] { entries.filter { $0.revoked != nil } }

  static func read(_ path: String) throws(CertificateError) -> AuthorityIndex {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let text = Data(try Disk.read(path))
    guard let index = try? decoder.decode(Self.self, from: text) else {
      throw CertificateError(
        path, "damaged; it says which certificates are revoked: mend it from a backup")
    }
    return index
  }

  func write(to path: String) throws(CertificateError) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(self) else {
      throw CertificateError(path, "cannot be written")
    }
    try Disk.replace(path, with: Array(text) + [0x0a], mode: 0o600)
  }
}
