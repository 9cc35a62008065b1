import Certificates
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

  /// For www.example.com.
  func writeCertificate(_ name: String) throws {
    try write("certs/\(name).pem", Self.chain + Self.key)
    try write("certs/.authorities/test.pem", Self.authority)
  }

  static let chain = String(decoding: issued?.chainPEM ?? [], as: UTF8.self)
  static let key = String(decoding: issued?.keyPEM ?? [], as: UTF8.self)

  private static let authority = made?.authority ?? ""
  private static let issued = made?.issued

  /// One for all tests, of an authority that is thrown away.
  private static let made: (issued: IssuedCertificate, authority: String)? = {
    guard let folder = try? Folder(), let name = ServerName("www.example.com"),
      let authority = try? DevelopmentAuthority.open(in: folder.path),
      let issued = try? authority.issue(for: [name]),
      let pem = try? String(contentsOfFile: authority.certificatePath, encoding: .utf8)
    else { return nil }
    return (issued, pem)
  }()

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
    try folder.write("ca/staff/ca.pem", authority)
    return folder
  }
}
