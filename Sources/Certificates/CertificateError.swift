internal import COpenSSL
internal import Glibc

/// What could not be done with a certificate, and to which file or name.
public struct CertificateError: Error, Equatable, Sendable, CustomStringConvertible {
  public let subject: String
  public let problem: String

  public var description: String { "\(subject): \(problem)" }

  public init(_ subject: String, _ problem: String) {
    self.subject = subject
    self.problem = problem
  }

  /// What OpenSSL says last; its queue is empty afterwards.
  static func openSSL(_ subject: String, _ attempt: String) -> CertificateError {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
      return CertificateError(subject, attempt)
    }
    return unsafe CertificateError(subject, "\(attempt): \(String(cString: text))")
  }

  /// What the kernel says of the last call.
  static func system(_ subject: String, _ attempt: String) -> CertificateError {
    let number = errno
    guard let text = unsafe strerror(number) else {
      return CertificateError(subject, "\(attempt): error \(number)")
    }
    return unsafe CertificateError(subject, "\(attempt): \(String(cString: text))")
  }
}
