public import Foundation

/// What an authority refused, or what went wrong on the way to it.
public struct ACMEError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Whom or what it is about: an authority, a URL, a name, a file.
  public let subject: String
  public let problem: String
  /// The authority's own words, where it said some.
  public let document: ProblemDocument?
  /// How long the authority asks to be left alone, in seconds.
  public let retryAfter: TimeInterval?

  public var description: String { "\(subject): \(problem)" }

  init(
    _ subject: String, _ problem: String, document: ProblemDocument? = nil,
    retryAfter: TimeInterval? = nil
  ) {
    self.subject = subject
    self.problem = problem
    self.document = document
    self.retryAfter = retryAfter
  }

  init(_ error: CertificateError) { self.init(error.subject, error.problem) }

  /// The same trouble with a narrower or wider subject.
  func about(_ subject: String) -> ACMEError {
    ACMEError(subject, "\(self)", document: document, retryAfter: retryAfter)
  }

  /// Runs what fails in the store's words.
  static func wrapping<Value>(
    _ body: () throws(CertificateError) -> Value
  ) throws(ACMEError) -> Value {
    do throws(CertificateError) { return try body() } catch { throw ACMEError(error) }
  }
}
