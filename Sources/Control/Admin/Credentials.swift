internal import Certificates
internal import Proxy

/// What clients of the door over TCP show of themselves in a request's head.
enum Credentials {
  static let lengthLimit = 1024

  enum Bearer: Equatable {
    case none
    case token(String)
    /// Something else, or twice.
    case malformed
  }

  /// `Authorization: Bearer TOKEN` (RFC 6750), once.
  static func bearer(_ values: [String]) -> Bearer {
    guard let value = values.first else { return .none }
    let words = value.split(separator: " ", omittingEmptySubsequences: true)
    guard values.count == 1, value.first != " ", words.count == 2,
      words[0].lowercased() == "bearer",
      words[1].utf8.count <= lengthLimit, words[1].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else { return .malformed }
    return .token(String(words[1]))
  }

  /// The cookie's value where there is just one of this name; nil else. A service on another port of this
  /// host can set a second one.
  static func cookie(_ name: String, _ values: [String]) -> String? {
    let found = values.flatMap { $0.split(separator: ";") }.compactMap { pair -> Substring? in
      let pair = pair.drop { $0 == " " || $0 == "\t" }
      guard let equals = pair.firstIndex(of: "="), pair[..<equals] == name else { return nil }
      return pair[pair.index(after: equals)...]
    }
    guard found.count == 1, let value = found.first, (1...lengthLimit).contains(value.utf8.count)
    else { return nil }
    return String(value)
  }

  static func digest(_ text: String) -> [UInt8] { Digest.sha256(Array(text.utf8)) }

  /// In the same time wherever they differ.
  static func isSame(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// 32 bytes that nobody can guess, as 64 characters.
  static func random() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<32).map { _ in
      let text = String(generator.next() as UInt8, radix: 16)
      return text.count == 1 ? "0" + text : text
    }.joined()
  }
}
