import ArgumentParser
internal import Certificates
internal import Foundation

/// Why a `cert` command stopped: one line, and exit code 2.
struct CertFailure: Error {
  static let code = ExitCode(2)
  static let warningCode = ExitCode(1)

  let reason: String

  init(_ reason: String) { self.reason = reason }

  /// Runs `body`; what it throws is told as one line, and the state it ends with is the exit code.
  static func explained(
    as command: String = "cert", _ body: () throws -> CertRow.State
  ) throws {
    var state = CertRow.State.failed
    do {
      state = try body()
    } catch let error as CertificateError {
      fail(error.description, command)
    } catch let error as CertFailure {
      fail(error.reason, command)
    }
    try CertRow.exit(for: [state])
  }

  private static func fail(_ reason: String, _ command: String) {
    tellFailure(CommandFailure("gatehouse \(command): \(reason)"))
  }
}
