import COpenSSL
import Foundation

@testable import Databases

/// A self-signed certificate for `db.test`, which a stub shows and a client may trust.
final class StubCertificate: Sendable {
  let pem: [UInt8]
  private let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/gatehouse-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let openssl = Process()
    openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    openssl.arguments = [
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-days", "30", "-subj", "/CN=db.test", "-addext", "subjectAltName=DNS:db.test", "-keyout",
      "\(folder)/key.pem", "-out", "\(folder)/certificate.pem",
    ]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
    pem = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/certificate.pem")))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Nil where the client does not go on.
  func accept(_ client: Int32) -> OpaquePointer? {
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return nil }
    defer { unsafe SSL_CTX_free(context) }
    unsafe SSL_CTX_use_certificate_file(context, "\(folder)/certificate.pem", SSL_FILETYPE_PEM)
    unsafe SSL_CTX_use_PrivateKey_file(context, "\(folder)/key.pem", SSL_FILETYPE_PEM)
    guard let ssl = unsafe SSL_new(context) else { return nil }
    unsafe SSL_set_fd(ssl, client)
    guard unsafe SSL_accept(ssl) == 1 else {
      unsafe SSL_free(ssl)
      return nil
    }
    return unsafe ssl
  }
}
