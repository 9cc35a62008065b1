internal import Foundation

/// Where the account at one authority is kept: its key, and what the authority called it.
struct AccountFolder {
  /// `account.json`.
  struct Record: Codable, Equatable {
    let url: String
    let directory: String
    let email: String?
    let created: Date
  }

  let path: String
  private let directory: String

  /// Below the certificates folder, one for each directory URL.
  init(in certificates: String, directory: String) {
    let digest = Digest.sha256(Array(directory.utf8)).hex
    path = "\(certificates)/.acme/\(digest.prefix(12))"
    self.directory = directory
  }

  private var keyPath: String { "\(path)/account.key" }
  private var recordPath: String { "\(path)/account.json" }

  /// The key that is there, or a new one; a damaged one is never replaced by itself, since the
  /// account would be lost with it.
  func key() throws(ACMEError) -> AccountKey {
    let bytes = try ACMEError.wrapping { () throws(CertificateError) -> [UInt8] in
      try Disk.makeDirectory(Disk.parent(of: path), mode: 0o700)
      try Disk.makeDirectory(path, mode: 0o700)
      return try Disk.locked(path) { () throws(CertificateError) -> [UInt8] in
        if Disk.exists(keyPath) {
          try Disk.requirePrivate(keyPath)
          return try Disk.read(keyPath)
        }
        let new = try PrivateKey.generate().pem()
        try Disk.replace(keyPath, with: new, mode: 0o600)
        // The account of a key that is gone is out of reach.
        Disk.remove(recordPath)
        return new
      }
    }
    let key = try ACMEError.wrapping { () throws(CertificateError) -> PrivateKey in
      try PrivateKey.read(from: bytes, of: keyPath)
    }
    return try AccountKey(key, of: keyPath)
  }

  /// What is known of the account; nil where there is none yet, or what is there cannot be read: the
  /// authority finds it again by its key.
  func record() -> Record? {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let bytes = try? Disk.read(recordPath),
      let record = try? decoder.decode(Record.self, from: Data(bytes)),
      record.directory == directory
    else { return nil }
    return record
  }

  func write(_ record: Record) throws(ACMEError) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(record) else {
      throw ACMEError(recordPath, "cannot be written")
    }
    try ACMEError.wrapping { () throws(CertificateError) in
      try Disk.locked(path) { () throws(CertificateError) in
        try Disk.replace(recordPath, with: Array(json) + [0x0a], mode: 0o600)
      }
    }
  }

  func newRecord(url: String, email: String?, now: Date = Date()) -> Record {
    Record(url: url, directory: directory, email: email, created: now)
  }
}
