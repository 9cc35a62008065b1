/// Where a client is sent; every byte of host and target has been checked, so no field can be smuggled
/// into it.
enum RedirectTarget {
  /// To the same host and target under https.
  static func secure(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, port: UInt16
  ) -> [UInt8] {
    let host = [UInt8](copying: bytes.extracting(head.host))
    let start = Int(head.path.start)
    var path = [UInt8](copying: bytes.extracting(start..<Int(head.target.end)))
    if path.first != UInt8(ascii: "/") { path.insert(UInt8(ascii: "/"), at: 0) }
    let suffix = port == 443 ? [] : Array(":\(port)".utf8)
    return Array("https://".utf8) + host + suffix + path
  }

  /// A route's, with `{path}` and `{host}` put in.
  static func filled(
    _ pattern: String, _ head: borrowing RequestHead, _ bytes: Span<UInt8>
  ) -> [UInt8] {
    let path = String(copying: bytes.extracting(head.target))
    let host = String(copying: bytes.extracting(head.host))
    return Array(pattern.replacing("{path}", with: path).replacing("{host}", with: host).utf8)
  }
}
