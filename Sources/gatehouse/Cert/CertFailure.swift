import ArgumentParser
internal import Certificates
internal import Foundation

/// Why a `cert` command stopped: one line on standard error, and exit code 2.
struct CertFailure: Error {
  static let code = ExitCode(2)
  static let warningCode = ExitCode(1)

  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// Runs `body`; what it throws is told as one line.
  static func explained(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as CertificateError {
      try fail(error.description)
    } catch let error as CertFailure {
      try fail(error.reason)
    }
  }

  private static func fail(_ reason: String) throws {
    FileHandle.standardError.write(Data("gatehouse cert: \(reason)\n".utf8))
    throw code
  }
}
