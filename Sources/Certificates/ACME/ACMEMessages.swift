internal import Foundation

/// What an authority can do, and where (RFC 8555, section 7.1.1).
struct ACMEDirectory: Decodable, Equatable {
  struct Meta: Decodable, Equatable {
    let termsOfService: String?
    let externalAccountRequired: Bool?
  }

  let newNonce: String
  let newAccount: String
  let newOrder: String
  let revokeCert: String?
  /// Where renewal windows are asked for (RFC 9773).
  let renewalInfo: String?
  let meta: Meta?
}

/// What a certificate is to name.
struct ACMEIdentifier: Codable, Hashable {
  let type: String
  let value: String

  init(_ name: ServerName) {
    switch name {
    case .dns(let text): (type, value) = ("dns", text)
    case .address: (type, value) = ("ip", "\(name)")
    }
  }
}

/// The words an authority describes the state of a thing with.
enum ACMEStatus: String, Decodable, Equatable {
  case pending, ready, processing, valid, invalid, deactivated, expired, revoked, unknown

  init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    self = Self(rawValue: text) ?? .unknown
  }
}

struct ACMEAccount: Decodable { let status: ACMEStatus? }

struct ACMEOrder: Decodable {
  let status: ACMEStatus
  let authorizations: [String]
  let finalize: String
  let certificate: String?
  let error: ProblemDocument?
}

struct ACMEAuthorization: Decodable {
  let status: ACMEStatus
  let identifier: ACMEIdentifier
  let challenges: [ACMEChallenge]
  let wildcard: Bool?

  /// As a person wrote it.
  var name: String { wildcard == true ? "*.\(identifier.value)" : identifier.value }
}

struct ACMEChallenge: Decodable {
  let type: String
  let url: String
  let token: String?
  let error: ProblemDocument?
}

extension HTTPSResponse {
  /// The body as one of the things above; `what` is its name in words.
  func decoded<Value: Decodable>(
    _ type: Value.Type, _ what: String, from url: String
  ) throws(ACMEError) -> Value {
    guard let value = try? JSONDecoder().decode(type, from: Data(body)) else {
      throw ACMEError(url, "answered \(status) with something that is no \(what)")
    }
    return value
  }

  /// How long the answer asks to wait: seconds, or until a date (RFC 9110, section 10.2.3).
  func retryAfter(now: Date = Date()) -> TimeInterval? {
    guard let text = self["retry-after"] else { return nil }
    if text.utf8.count <= 9, let seconds = UInt32(text) { return TimeInterval(seconds) }
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.timeZone = TimeZone(secondsFromGMT: 0)
    format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
    return format.date(from: text).map { max(0, $0.timeIntervalSince(now)) }
  }
}
