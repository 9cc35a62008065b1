/// What the log tells of a request, kept from its head; secrets are left out of it from the start.
struct RequestNote {
  static let methodLimit = 32
  static let pathLimit = 2048
  static let hostLimit = 255
  static let refererLimit = 1024
  static let agentLimit = 512

  private var bytes: [UInt8] = []
  private var methodEnd = 0
  private var pathEnd = 0
  private var hostEnd = 0
  private var refererEnd = 0
  private(set) var isHTTP10 = false

  /// Nothing was understood, so nothing is told.
  var isEmpty: Bool { bytes.isEmpty }

  init() {}

  /// Of a request that began before there was a log: what its exchange still knows, and `-` for the rest.
  init(of method: Method, isHTTP10: Bool) {
    bytes = Array((method.text.map { "\($0)" } ?? "-").utf8)
    methodEnd = bytes.count
    bytes.append(UInt8(ascii: "-"))
    (pathEnd, hostEnd, refererEnd) = (bytes.count, bytes.count, bytes.count)
    self.isHTTP10 = isHTTP10
  }

  var method: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(0..<methodEnd) }
  }
  /// With the query, where that is told.
  var path: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(methodEnd..<pathEnd) }
  }
  var host: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(pathEnd..<hostEnd) }
  }
  var referer: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(hostEnd..<refererEnd) }
  }
  var agent: Span<UInt8> {
    @_lifetime(borrow self)
    get { bytes.span.extracting(refererEnd..<bytes.count) }
  }

  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    (methodEnd, pathEnd, hostEnd, refererEnd) = (0, 0, 0, 0)
    isHTTP10 = false
  }

  mutating func take(
    _ head: borrowing RequestHead, _ input: Span<UInt8>, _ plan: ProxyConfiguration.AccessLog
  ) {
    removeAll()
    isHTTP10 = head.isHTTP10
    bytes.append(input.extracting(head.methodText), atMost: Self.methodLimit)
    methodEnd = bytes.count
    // Of an absolute target without its authority, which may have a password in it.
    let target = input.extracting(Int(head.path.start)..<Int(head.target.end))
    takeURL(target, atMost: Self.pathLimit, keepsQuery: plan.keepsQuery)
    if pathEnd == methodEnd, bytes.count == methodEnd { bytes.append(UInt8(ascii: "/")) }
    pathEnd = bytes.count
    bytes.append(input.extracting(head.host), atMost: Self.hostLimit)
    hostEnd = bytes.count
    if plan.format == .combined, let value = value(of: "referer", head, input) {
      takeURL(input.extracting(value), atMost: Self.refererLimit, keepsQuery: plan.keepsQuery)
    }
    refererEnd = bytes.count
    if plan.format == .combined, let value = value(of: "user-agent", head, input) {
      bytes.append(input.extracting(value), atMost: Self.agentLimit)
    }
  }

  private func value(
    of name: StaticString, _ head: borrowing RequestHead, _ input: Span<UInt8>
  ) -> ByteRange? {
    for index in head.fields.indices where head.fields[index].known == .other {
      if input.extracting(head.fields[index].name).isEqual(name) { return head.fields[index].value }
    }
    return nil
  }

  /// A path or URL without passwords: neither before an `@`, nor in a query's values by their names.
  private mutating func takeURL(_ url: Span<UInt8>, atMost limit: Int, keepsQuery: Bool) {
    let end = min(url.count, limit)
    var position = SecretNames.userEnd(url)
    if position > 0 { bytes.append(contentsOf: SecretNames.mask) }
    let queryStart = url.firstIndex(of: UInt8(ascii: "?"), from: position) ?? url.count
    if position < end {
      bytes.append(url.extracting(position..<min(queryStart, end)), atMost: limit)
    }
    guard keepsQuery, queryStart < end else { return }
    position = queryStart
    while position < end {
      // The separator, a name, and perhaps a value.
      var next = position + 1
      var nameEnd: Int?
      while next < url.count, url[next] != UInt8(ascii: "&"), url[next] != UInt8(ascii: ";") {
        if nameEnd == nil, url[next] == UInt8(ascii: "=") { nameEnd = next }
        next += 1
      }
      if let nameEnd, SecretNames.contain(url.extracting(position + 1..<nameEnd)) {
        bytes.append(url.extracting(position..<min(nameEnd + 1, end)), atMost: limit)
        bytes.append(contentsOf: SecretNames.mask)
      } else {
        bytes.append(url.extracting(position..<min(next, end)), atMost: limit)
      }
      position = next
    }
  }
}

/// Parts of a URL that nobody but the server may read.
enum SecretNames {
  static let mask = Array("***".utf8)

  /// In lower case.
  static let all = [
    "access_token", "id_token", "refresh_token", "token", "auth_token", "jwt", "password", "passwd",
    "pass", "pwd", "secret", "client_secret", "api_key", "apikey", "auth",
    "authorization", "session", "session_id", "sessionid", "signature", "sig", "x_amz_signature",
    "x_amz_credential", "x_amz_security_token", "x_goog_signature", "x_goog_credential",
    "code", "key", "access_key", "secret_key", "private_key", "otp",
  ].map { Array($0.utf8) }

  /// Longer names are no such names.
  private static let longest = 256

  /// Percent-encoded or not, in either case, with `-` for `_`, with blanks, and within brackets: all that
  /// frameworks take for the same name.
  static func contain(_ name: Span<UInt8>) -> Bool {
    guard name.count <= longest else { return false }
    let marks = [UInt8(ascii: "["), UInt8(ascii: "]")]
    return plain(name).split(whereSeparator: { marks.contains($0) }).contains { part in
      all.contains { $0.elementsEqual(part) }
    }
  }

  private static func plain(_ name: Span<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    var position = 0
    while position < name.count {
      var byte = name[position]
      position += 1
      if byte == UInt8(ascii: "%"), position + 1 < name.count,
        let high = digit(name[position]), let low = digit(name[position + 1])
      {
        byte = high << 4 | low
        position += 2
      }
      switch byte {
      case UInt8(ascii: "+"), 0...0x20: continue
      case UInt8(ascii: "-"): text.append(UInt8(ascii: "_"))
      default: text.append(FieldValue.folded(byte))
      }
    }
    return text
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  /// Where `scheme://user:password` ends that an `@` follows; 0 where there is none.
  static func userEnd(_ url: Span<UInt8>) -> Int {
    guard url.count > 0, url[0] != UInt8(ascii: "/"),
      let colon = url.firstIndex(of: UInt8(ascii: ":"), from: 0), colon + 2 < url.count,
      url[colon + 1] == UInt8(ascii: "/"), url[colon + 2] == UInt8(ascii: "/")
    else { return 0 }
    var end = 0
    var index = colon + 3
    while index < url.count {
      switch url[index] {
      case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return end
      case UInt8(ascii: "@"): end = index
      default: break
      }
      index += 1
    }
    return end
  }
}

extension Span<UInt8> {
  fileprivate func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    var index = start
    while index < count {
      if self[index] == byte { return index }
      index += 1
    }
    return nil
  }
}

extension [UInt8] {
  fileprivate mutating func append(_ span: Span<UInt8>, atMost limit: Int) {
    let part = span.extracting(0..<Swift.min(limit, span.count))
    unsafe part.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
