internal import Foundation

/// One version of a stored certificate, and what became of it.
public struct StoredVersion: Equatable, Sendable {
  public enum State: Equatable, Sendable {
    case current
    /// Served once, or was never asked to.
    case retired
    /// Must not serve again, and why.
    case quarantined(String)
  }

  public let number: Int
  public let chainPath: String
  public let keyPath: String
  public let state: State
  /// `nil` where `meta.json` cannot be read.
  public let record: VersionRecord?

  public var name: String { CertificateStore.versionName(number) }

  func issued() throws(CertificateError) -> IssuedCertificate {
    IssuedCertificate(chainPEM: try Disk.read(chainPath), keyPEM: try Disk.read(keyPath))
  }
}

/// The file beside a version that must not serve again; the version itself never changes.
struct Quarantine: Codable {
  let state: String
  let reason: String
  let since: Date
  let by: String
}

extension CertificateStore {
  static func statePath(_ number: Int, in folder: String) -> String {
    "\(folder)/\(versionName(number)).state.json"
  }

  /// Oldest first; none for files of another tool.
  public func versions(of stored: StoredCertificate) -> [StoredVersion] {
    let folder = "\(directory)/\(stored.name)"
    return stored.versions.map { number in
      let path = "\(folder)/\(Self.versionName(number))"
      let meta = "\(path)/meta.json"
      let record = try? VersionRecord(json: try Disk.read(meta), of: meta)
      return StoredVersion(
        number: number, chainPath: "\(path)/fullchain.pem", keyPath: "\(path)/key.pem",
        state: state(number, in: folder, current: stored.version), record: record)
    }
  }

  private func state(_ number: Int, in folder: String, current: Int?) -> StoredVersion.State {
    let path = Self.statePath(number, in: folder)
    guard Disk.exists(path) else { return number == current ? .current : .retired }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    let found = try? decoder.decode(Quarantine.self, from: Data(try Disk.read(path)))
    // What cannot be read was written for a reason.
    return .quarantined(found?.reason ?? "for a reason that cannot be read from \(path)")
  }

  /// Keeps a version from serving again.
  func quarantine(_ number: Int, of name: String, because reason: String) throws(CertificateError) {
    let path = Self.statePath(number, in: "\(directory)/\(name)")
    let note = Quarantine(state: "quarantined", reason: reason, since: Date(), by: Person.current)
    try Disk.replace(path, with: try json(note, path), mode: 0o644)
  }

  func endQuarantine(_ number: Int, of name: String) {
    Disk.remove(Self.statePath(number, in: "\(directory)/\(name)"))
  }

  func json(_ value: some Encodable, _ path: String) throws(CertificateError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(value) else {
      throw CertificateError(path, "cannot be written")
    }
    return Array(text) + [0x0a]
  }
}

extension StoredCertificate {
  /// The same certificate with another of its versions to look at.
  public func showing(_ version: StoredVersion) -> StoredCertificate {
    StoredCertificate(
      name: name, chainPath: version.chainPath, keyPath: version.keyPath, version: version.number,
      versions: versions)
  }
}
