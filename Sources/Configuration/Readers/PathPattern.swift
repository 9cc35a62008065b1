import Proxy

/// A route's host.
enum HostPattern {
  static func parse(_ text: String) -> ProxyConfiguration.Route.Host? {
    if text.hasPrefix("*.") {
      return HostName.checked(String(text.dropFirst(2))).map { .suffix($0) }
    }
    return HostName.checked(text).map { .exact($0) }
  }

  /// Of a policy's rule for requests, which may be for every host.
  static func parseRule(_ text: String) -> ProxyConfiguration.Route.Host? {
    text == "*" ? .any : parse(text)
  }
}

/// A route's path as it is matched: in the one form that the proxy gives every request's path.
enum PathPattern {
  static let byteLimit = 4096

  static func parse(_ text: String) -> ProxyConfiguration.Route.Path? {
    if text == "/**" { return .any }
    let isPrefix = text.hasSuffix("/**")
    let path = isPrefix ? String(text.dropLast(3)) : text
    guard isNormal(path), !(isPrefix && path.hasSuffix("/")) else { return nil }
    return isPrefix ? .prefix(path) : .exact(path)
  }

  private static func isNormal(_ path: String) -> Bool {
    guard path.hasPrefix("/"), path.utf8.count <= byteLimit,
      path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"?#*\\".utf8.contains($0) })
    else { return false }
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    // `//` is merged and dots are refused before matching: such a pattern would match nothing.
    guard !segments.dropLast().contains("") else { return false }
    let names = segments.map { $0.prefix { $0 != ";" } }
    guard !names.contains("."), !names.contains("..") else { return false }
    return path.split(separator: "%", omittingEmptySubsequences: false).dropFirst()
      .allSatisfy { isKeptEscape(Array($0.utf8.prefix(2))) }
  }

  /// In upper case, and of a byte that the proxy neither decodes nor refuses.
  private static func isKeptEscape(_ digits: [UInt8]) -> Bool {
    guard digits.count == 2,
      digits.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x46).contains($0) }),
      let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    else { return false }
    let isAlphanumeric =
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    return byte != 0 && !isAlphanumeric && !"-._~/\\".utf8.contains(byte)
  }
}
