/// Who is asked: Host and target must name one and the same (RFC 9112, section 3.2).
enum HostRules {
  static func apply(
    to head: inout RequestHead, _ bytes: Span<UInt8>, hostCount: Int
  ) -> HeadRejection? {
    guard hostCount <= 1 else { return .repeatedHost }
    guard hostCount == 1 || head.isHTTP10 else { return .missingHost }
    if hostCount == 1 {
      guard let host = name(in: head.authority, bytes) else { return .badHost }
      head.host = host
    }
    return target(of: &head, bytes)
  }

  /// Splits the target into path and query, and holds an absolute one against Host.
  private static func target(of head: inout RequestHead, _ bytes: Span<UInt8>) -> HeadRejection? {
    let target = bytes.extracting(head.target)
    var pathStart = 0
    if target[0] == UInt8(ascii: "*") {
      guard target.count == 1, head.method == .options else { return .badTarget }
    } else if target[0] != UInt8(ascii: "/") {
      guard let authority = authority(of: target) else { return .badTarget }
      pathStart = Int(authority.end)
      let named = target.extracting(authority)
      if head.authority.isEmpty {
        let start = Int(head.target.start)
        head.authority = ByteRange(start + Int(authority.start), start + Int(authority.end))
        guard let host = name(in: head.authority, bytes) else { return .badHost }
        head.host = host
      } else if !FieldValue.isSameName(named, bytes.extracting(head.authority)) {
        return .hostMismatch
      }
    }
    var pathEnd = pathStart
    while pathEnd < target.count, target[pathEnd] != UInt8(ascii: "?") { pathEnd += 1 }
    let start = Int(head.target.start)
    head.path = ByteRange(start + pathStart, start + pathEnd)
    head.query = ByteRange(start + min(pathEnd + 1, target.count), start + target.count)
    return nil
  }

  /// Where the authority of an absolute `http` or `https` target lies in it.
  private static func authority(of target: Span<UInt8>) -> ByteRange? {
    var start = 0
    if target.count > 7, target.extracting(0..<7).isEqual("http://") { start = 7 }
    if target.count > 8, target.extracting(0..<8).isEqual("https://") { start = 8 }
    guard start > 0 else { return nil }
    var end = start
    while end < target.count, target[end] != UInt8(ascii: "/"), target[end] != UInt8(ascii: "?") {
      end += 1
    }
    return end > start ? ByteRange(start, end) : nil
  }

  /// The host in `host`, `host:port`, `[v6]` or `[v6]:port`; nil for anything else.
  private static func name(in range: ByteRange, _ bytes: Span<UInt8>) -> ByteRange? {
    let text = bytes.extracting(range)
    guard !text.isEmpty, text.count <= 255 + 6 else { return nil }
    var end = 0
    if text[0] == UInt8(ascii: "[") {
      end = 1
      while end < text.count, isHexOrColon(text[end]) { end += 1 }
      guard end < text.count, text[end] == UInt8(ascii: "]"), end > 2 else { return nil }
      end += 1
    } else {
      while end < text.count, isNameByte(text[end]) {
        // An empty label is no name: one server would take it for another host than we do.
        let isDot = text[end] == UInt8(ascii: ".")
        guard !isDot || (end > 0 && text[end - 1] != UInt8(ascii: ".")) else { return nil }
        end += 1
      }
    }
    guard end > 0, isPort(text.extracting(end...)) else { return nil }
    return ByteRange(Int(range.start), Int(range.start) + end)
  }

  /// Nothing, or a colon and a number up to 65535.
  private static func isPort(_ text: Span<UInt8>) -> Bool {
    guard !text.isEmpty else { return true }
    guard text[0] == UInt8(ascii: ":"), text.count <= 6 else { return false }
    guard text.count > 1 else { return true }
    guard let port = FieldValue.contentLength(text.extracting(1...)) else { return false }
    return port <= 65535
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    let folded = FieldValue.folded(byte)
    return folded >= 0x61 && folded <= 0x7a || byte >= 0x30 && byte <= 0x39
      || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }

  private static func isHexOrColon(_ byte: UInt8) -> Bool {
    let folded = FieldValue.folded(byte)
    return folded >= 0x61 && folded <= 0x66 || byte >= 0x30 && byte <= 0x3a
      || byte == UInt8(ascii: ".")
  }
}
