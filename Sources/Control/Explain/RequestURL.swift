/// A URL as it is typed, taken apart; its path is left as it is, byte for byte.
public struct RequestURL: Sendable, Equatable {
  public enum Scheme: String, Sendable { case http, https, tcp }

  public let scheme: Scheme
  /// Without brackets; letters as they came.
  public let host: String
  /// As typed, or the scheme's.
  public let port: UInt16?
  /// Path and query; never empty.
  public let target: String
  private let isPortTyped: Bool

  static let byteLimit = 64 << 10

  /// Throws what is wrong with it, and what is allowed.
  public init(parsing text: String) throws(ExplainError) {
    func refuse(_ why: String) -> ExplainError {
      ExplainError(
        "\"\(AuditLog.visible(String(text.prefix(200))))\" \(why); as in https://www.example.com/path"
      )
    }
    guard text.utf8.count <= Self.byteLimit else { throw refuse("is too long") }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw refuse("has a byte that must be encoded, as %20 for a blank")
    }
    let parts = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let scheme = Scheme(rawValue: parts[0].lowercased()) else {
      throw refuse("is no URL of http, https or tcp")
    }
    self.scheme = scheme
    let rest = parts[1].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    guard !authority.contains("@") else { throw refuse("names a user, which is never sent") }
    let (host, port) = Self.split(authority)
    guard !host.isEmpty else { throw refuse("names no host") }
    self.host = host
    if let port {
      guard let number = UInt16(port), number > 0, port.allSatisfy(\.isNumber) else {
        throw refuse("has a port that is none of 1 to 65535")
      }
      self.port = number
    } else {
      self.port = scheme == .https ? 443 : scheme == .http ? 80 : nil
    }
    isPortTyped = port != nil
    let target = rest.dropFirst(authority.count)
    self.target = target.hasPrefix("/") ? String(target) : "/\(target)"
  }

  /// What a client puts into Host.
  public var hostField: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return isPortTyped ? "\(name):\(port ?? 0)" : name
  }

  /// Host and port of `host:port` and `[v6]:port`.
  private static func split(_ authority: Substring) -> (String, Substring?) {
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { return ("", nil) }
      let host = authority[authority.index(after: authority.startIndex)..<end]
      let rest = authority[authority.index(after: end)...]
      return (String(host), rest.hasPrefix(":") ? rest.dropFirst() : nil)
    }
    guard let colon = authority.lastIndex(of: ":") else { return (String(authority), nil) }
    return (String(authority[..<colon]), authority[authority.index(after: colon)...])
  }
}

/// Why a question can't be answered, and what to type instead.
public struct ExplainError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
