/// An https URL as far as ACME needs one: host, port, target; no user, no fragment.
struct SecureURL: Equatable, Sendable, CustomStringConvertible {
  static let byteLimit = 4_096

  let description: String
  let host: ServerName
  let port: UInt16
  /// Path and query, as a request line carries them.
  let target: String

  init(_ text: String) throws(ACMEError) {
    func refusal(_ why: String) -> ACMEError {
      ACMEError(ProblemDocument.line(text), "\(why); a URL here reads https://HOST[:PORT]/PATH")
    }
    guard text.utf8.count <= Self.byteLimit else { throw refusal("longer than a URL may be") }
    guard text.lowercased().hasPrefix("https://") else { throw refusal("not an https URL") }
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"\"<>\\^`{|}#".utf8.contains($0) })
    else { throw refusal("holds a character that has no place in a URL") }
    let rest = text.dropFirst("https://".count)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let tail = rest.dropFirst(authority.count)
    let (hostText, portText) = Self.split(authority)
    guard let host = ServerName(hostText), !hostText.hasPrefix("*") else {
      throw refusal("no host in it")
    }
    guard let port = portText.isEmpty ? 443 : Self.port(portText) else {
      throw refusal("no port from 1 to 65535")
    }
    description = text
    self.host = host
    self.port = port
    target = tail.hasPrefix("/") ? String(tail) : "/" + tail
  }

  /// As a `Host` field names it.
  var hostField: String {
    let name =
      switch host {
      case .dns(let name): name
      case .address(let bytes): bytes.count == 16 ? "[\(host)]" : "\(host)"
      }
    return port == 443 ? name : "\(name):\(port)"
  }

  private static func split(_ authority: Substring) -> (host: String, port: Substring) {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      let after = authority[authority.index(after: end)...]
      // What follows the bracket is a port or an error, which no port text can be.
      let port = after.isEmpty || after.hasPrefix(":") ? after.dropFirst() : "x"
      return (String(authority[..<end].dropFirst()), port)
    }
    guard let colon = authority.firstIndex(of: ":") else { return (String(authority), "") }
    return (String(authority[..<colon]), authority[authority.index(after: colon)...])
  }

  private static func port(_ text: Substring) -> UInt16? {
    guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(text), port > 0
    else { return nil }
    return port
  }
}
