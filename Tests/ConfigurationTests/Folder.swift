import Foundation

/// A folder of files of its own for one test, gone with it.
final class Folder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/gatehouse-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ bytes: [UInt8], mode: Int = 0o600) throws -> String {
    let file = "\(path)/\(name)"
    let folder = file[..<(file.lastIndex(of: "/") ?? file.endIndex)]
    try FileManager.default.createDirectory(
      atPath: String(folder), withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    return file
  }

  @discardableResult
  func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
    try write(name, Array(text.utf8), mode: mode)
  }

  /// A chain and key in form only: nobody here looks inside.
  func writeCertificate(_ name: String) throws {
    try write("certs/\(name).pem", Self.chain + Self.key)
  }

  static let chain = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
  static let key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"

  /// The checked-out repository.
  static let repository = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// A copy of the examples and policies with certificates beside them.
  static func ofExamples() throws -> Folder {
    let folder = try Folder()
    for part in ["examples", "policies"] {
      try FileManager.default.copyItem(
        atPath: "\(repository)/\(part)", toPath: "\(folder.path)/\(part)")
    }
    try folder.writeCertificate("www")
    try folder.write("certs/README.md", "not a certificate")
    return folder
  }
}
