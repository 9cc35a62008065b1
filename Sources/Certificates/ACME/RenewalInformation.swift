internal import COpenSSL
internal import Foundation

/// When an authority wants a certificate renewed (RFC 9773).
struct RenewalInformation: Codable, Equatable {
  static let shortestPoll: TimeInterval = 3_600
  static let longestPoll: TimeInterval = 86_400
  static let usualPoll: TimeInterval = 21_600

  /// The certificate it is about.
  let identifier: String
  var start: Date?
  var end: Date?
  /// A moment of the window, chosen once.
  var selected: Date?
  var explanation: String?
  var nextPoll: Date

  /// Takes in a new answer; the moment chosen stays while the window does.
  mutating func take(
    _ window: RenewalWindow, poll: TimeInterval?, now: Date,
    using random: inout some RandomNumberGenerator
  ) {
    if start != window.start || end != window.end || selected == nil {
      let length = max(0, window.end.timeIntervalSince(window.start))
      selected = window.start + length * Double.random(in: 0...1, using: &random)
    }
    (start, end, explanation) = (window.start, window.end, window.explanation)
    nextPoll = now + Self.bounded(poll ?? Self.usualPoll)
  }

  /// How soon to ask again.
  static func bounded(_ time: TimeInterval) -> TimeInterval {
    min(max(time, shortestPoll), longestPoll)
  }

  /// The name a certificate has there: its issuer's key and its number (RFC 9773, section 4.1).
  static func identifier(of certificate: X509Certificate) -> String? {
    guard let issuer = unsafe X509_get0_authority_key_id(certificate.pointer) else { return nil }
    let keyID = unsafe X509Certificate.bytes(issuer)
    guard !keyID.isEmpty, let serial = serialContent(of: certificate) else { return nil }
    return identifier(keyID: keyID, serial: serial)
  }

  static func identifier(keyID: [UInt8], serial: [UInt8]) -> String {
    "\(Base64URL.text(keyID)).\(Base64URL.text(serial))"
  }

  /// The bytes of the DER integer, the zero in front included.
  private static func serialContent(of certificate: X509Certificate) -> [UInt8]? {
    let number = unsafe X509_get0_serialNumber(certificate.pointer)
    let count = unsafe Int(i2d_ASN1_INTEGER(number, nil))
    guard count > 2 else { return nil }
    var der = [UInt8](repeating: 0, count: count)
    unsafe der.withUnsafeMutableBufferPointer {
      var end = $0.baseAddress
      _ = unsafe i2d_ASN1_INTEGER(number, &end)
    }
    // A serial has 20 bytes at most (RFC 5280), so its length is one byte.
    guard der[1] < 0x80, Int(der[1]) == count - 2 else { return nil }
    return Array(der.dropFirst(2))
  }
}

/// The window an authority suggests.
struct RenewalWindow: Equatable {
  let start: Date
  let end: Date
  let explanation: String?

  private struct Answer: Decodable {
    struct Window: Decodable {
      let start: String
      let end: String
    }
    let suggestedWindow: Window
    let explanationURL: String?
  }

  /// Nil where it is none, or one that ends before it starts.
  init?(json: [UInt8]) {
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(json)),
      let start = Self.date(answer.suggestedWindow.start),
      let end = Self.date(answer.suggestedWindow.end), start < end
    else { return nil }
    self.start = start
    self.end = end
    explanation = answer.explanationURL.map(ProblemDocument.line)
  }

  /// RFC 3339, fractions of a second or not; within what the store can write down again.
  static func date(_ text: String) -> Date? {
    guard text.utf8.count <= 40 else { return nil }
    let whole = Date.ISO8601FormatStyle()
    let date =
      (try? whole.parse(text))
      ?? (try? whole.year().month().day()
        .dateTimeSeparator(.standard).time(includingFractionalSeconds: true)
        .timeZone(separator: .colon).parse(text))
    guard let date, (0...32_503_680_000).contains(date.timeIntervalSince1970) else { return nil }
    // To the second, as the store keeps it, so that the same window is the same after a restart.
    return Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded(.down))
  }
}

extension ACMEClient {
  /// Asks when a certificate should be renewed; nil where this authority does not say.
  func renewalWindow(
    of identifier: String
  ) throws(ACMEError) -> (window: RenewalWindow, poll: TimeInterval?)? {
    guard let base = directory.renewalInfo else { return nil }
    let slash = base.hasSuffix("/") ? "" : "/"
    let url = try SecureURL("\(base)\(slash)\(identifier)")
    let response = try http.get(url)
    try Self.require(response, [200], url.description)
    guard let window = RenewalWindow(json: response.body) else {
      throw ACMEError(url.description, "no renewal window in the answer")
    }
    return (window, response.retryAfter())
  }
}
