import Foundation
import Testing

@testable import Certificates

/// A folder of its own for one test, with the openssl command as the judge.
final class Workshop {
  struct Ended {
    let status: Int32
    let output: String
  }

  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "gatehouse-certificates-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // Without the system's defaults, a certificate holds what the test asks for and no more.
    try write("[req]\ndistinguished_name=dn\n[dn]\n", to: "empty.cnf")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
  }

  func mode(_ name: String) throws -> Int {
    let found = try FileManager.default.attributesOfItem(atPath: path(name))
    return try #require(found[.posixPermissions] as? Int)
  }

  @discardableResult
  func openssl(_ arguments: String...) throws -> Ended { try openssl(arguments) }

  @discardableResult
  func openssl(_ arguments: [String]) throws -> Ended {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Ended(
      status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
  }

  /// A self-signed certificate as `NAME.crt` and `NAME.key`, good for 30 days.
  func makeCertificate(
    _ name: String, key: [String] = elliptic, extensions: [String] = good, more: [String] = []
  ) throws {
    var arguments = ["req", "-x509", "-config", "empty.cnf", "-nodes", "-days", "30"]
    arguments += [
      "-subj", "/CN=\(name.split(separator: "/").last ?? "none")", "-keyout", "\(name).key", "-out",
      "\(name).crt",
    ]
    arguments += key + more + extensions.flatMap { ["-addext", $0] }
    let ended = try openssl(arguments)
    try #require(ended.status == 0, "\(ended.output)")
  }

  static let elliptic = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
  static let notAuthority = "basicConstraints=critical,CA:FALSE"
  static let forServers = "extendedKeyUsage=serverAuth"
  static let named = "subjectAltName=DNS:shop.test,IP:192.0.2.7"
  static let good = [notAuthority, forServers, named]
}
