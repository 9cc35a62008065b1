/// What a request's fields mean together, and which of them are not forwarded.
enum RequestRules {
  /// Fills in what the fields say; the reason when the request must be refused.
  static func apply(to head: inout RequestHead, _ bytes: Span<UInt8>) -> HeadRejection? {
    guard head.method != .connect else { return .connectNotServed }
    head.framing = .none
    head.keepsAlive = !head.isHTTP10
    head.expectsContinue = false
    head.wantsUpgrade = false
    head.takesTrailers = false
    head.accepts = .text
    head.host = ByteRange()
    head.authority = ByteRange()
    var seen = Seen()
    for index in head.fields.indices {
      if let why = apply(field: index, to: &head, bytes, &seen) { return why }
    }
    // Wherever it stands, it outweighs keep-alive (RFC 9112, section 9.3).
    if seen.isCloseNamed { head.keepsAlive = false }
    if let why = seen.framingConflict(isHTTP10: head.isHTTP10) { return why }
    if let why = HostRules.apply(to: &head, bytes, hostCount: seen.hosts) { return why }
    if seen.hasConnection, let why = dropNominated(&head, bytes) { return why }
    settleUpgrade(&head, bytes, seen)
    return nil
  }

  struct Seen {
    var hosts = 0
    var lengths = 0
    var codings = 0
    var hasConnection = false
    var isCloseNamed = false
    var isUpgradeNamed = false
    var upgrade: ByteRange?

    func framingConflict(isHTTP10: Bool) -> HeadRejection? {
      // Each is how requests are smuggled (RFC 9112, sections 6.1 and 6.3).
      if lengths > 1 { return .repeatedContentLength }
      if codings > 0 && lengths > 0 { return .lengthAndCoding }
      if codings > 1 { return .badCoding }
      return codings > 0 && isHTTP10 ? .codingInHTTP10 : nil
    }
  }

  private static func apply(
    field index: Int, to head: inout RequestHead, _ bytes: Span<UInt8>, _ seen: inout Seen
  ) -> HeadRejection? {
    let value = bytes.extracting(head.fields[index].value)
    switch head.fields[index].known {
    case .other:
      // `X_Real_IP` and `X-Real-IP` are one to a CGI; so none with `_` is forwarded.
      head.fields[index].isDropped = hasUnderscore(bytes.extracting(head.fields[index].name))
      return nil
    case .host:
      seen.hosts += 1
      head.authority = head.fields[index].value
    case .contentLength:
      seen.lengths += 1
      guard let length = FieldValue.contentLength(value) else { return .badContentLength }
      head.framing = .length(length)
    case .transferEncoding:
      seen.codings += 1
      guard value.isEqual("chunked") else { return .badCoding }
      head.framing = .chunked
    case .connection:
      seen.hasConnection = true
      if FieldValue.hasToken(value, "close") { seen.isCloseNamed = true }
      if head.isHTTP10, FieldValue.hasToken(value, "keep-alive") { head.keepsAlive = true }
      if FieldValue.hasToken(value, "upgrade") { seen.isUpgradeNamed = true }
    case .te: head.takesTrailers = FieldValue.hasToken(value, "trailers")
    case .upgrade: seen.upgrade = head.fields[index].value
    case .expect:
      guard value.isEqual("100-continue") else { return .unknownExpectation }
      // HTTP/1.0 knows no 1xx (RFC 9110, section 10.1.1): the wish is then ignored.
      head.expectsContinue = !head.isHTTP10
      head.fields[index].isDropped = head.isHTTP10
      return nil
    case .accept:
      head.accepts =
        FieldValue.contains(value, "text/html")
        ? .html : FieldValue.contains(value, "json") ? .json : .text
      return nil
    case .authorization, .cookie, .trailer, .trace: return nil
    case .hopByHop, .forwarding, .requestID: break
    }
    head.fields[index].isDropped = true
    return nil
  }

  /// Drops the fields that Connection names as being about this connection only.
  private static func dropNominated(
    _ head: inout RequestHead, _ bytes: Span<UInt8>
  ) -> HeadRejection? {
    for connection in head.fields.indices where head.fields[connection].known == .connection {
      let list = bytes.extracting(head.fields[connection].value)
      var position = 0
      while let token = FieldValue.nextToken(list, &position) {
        let name = list.extracting(token)
        guard !KnownHeader(name).isProtected else { return .protectedNomination }
        for index in head.fields.indices
        where FieldValue.isSameName(bytes.extracting(head.fields[index].name), name) {
          head.fields[index].isDropped = true
        }
      }
    }
    return nil
  }

  /// Only a WebSocket is let through: `h2c` would carry requests past every rule.
  private static func settleUpgrade(
    _ head: inout RequestHead, _ bytes: Span<UInt8>, _ seen: Seen
  ) {
    guard seen.isUpgradeNamed, let upgrade = seen.upgrade, head.method == .get, !head.isHTTP10,
      head.framing == .none
    else { return }
    head.wantsUpgrade = bytes.extracting(upgrade).isEqual("websocket")
  }

  private static func hasUnderscore(_ name: Span<UInt8>) -> Bool {
    for index in name.indices where name[index] == UInt8(ascii: "_") { return true }
    return false
  }
}

/// What a response's fields mean together.
enum ResponseRules {
  static func apply(
    to head: inout ResponseHead, _ bytes: Span<UInt8>, method: Method
  ) -> HeadRejection? {
    head.framing = .untilClose
    head.keepsAlive = !head.isHTTP10
    var lengths = 0
    var codings = 0
    var isCloseNamed = false
    var isConnectionNamed = false
    for index in head.fields.indices {
      let value = bytes.extracting(head.fields[index].value)
      switch head.fields[index].known {
      case .contentLength:
        lengths += 1
        guard let length = FieldValue.contentLength(value) else { return .badContentLength }
        head.framing = .length(length)
        head.fields[index].isDropped = true
      case .transferEncoding:
        codings += 1
        guard value.isEqual("chunked") else { return .badCoding }
        head.framing = .chunked
        head.fields[index].isDropped = true
      case .connection:
        head.fields[index].isDropped = true
        if FieldValue.hasToken(value, "close") { isCloseNamed = true }
        if head.isHTTP10, FieldValue.hasToken(value, "keep-alive") { head.keepsAlive = true }
        isConnectionNamed = true
      // The request ID is ours, here as there.
      case .hopByHop, .upgrade, .requestID: head.fields[index].isDropped = true
      case .other, .host, .te, .trailer, .expect, .accept, .forwarding, .authorization, .cookie,
        .trace:
        continue
      }
    }
    if isConnectionNamed { dropNominated(&head, bytes) }
    if lengths > 1 { return .repeatedContentLength }
    if codings > 0 && lengths > 0 { return .lengthAndCoding }
    if codings > 1 { return .badCoding }
    if codings > 0 && head.isHTTP10 { return .codingInHTTP10 }
    if isCloseNamed { head.keepsAlive = false }
    settleBody(&head, method, lengths: lengths)
    return nil
  }

  /// Drops the fields that Connection names; what the framing needs has been settled before.
  private static func dropNominated(_ head: inout ResponseHead, _ bytes: Span<UInt8>) {
    for connection in head.fields.indices where head.fields[connection].known == .connection {
      let list = bytes.extracting(head.fields[connection].value)
      var position = 0
      while let token = FieldValue.nextToken(list, &position) {
        let name = list.extracting(token)
        guard !KnownHeader(name).isProtected else { continue }
        for index in head.fields.indices
        where FieldValue.isSameName(bytes.extracting(head.fields[index].name), name) {
          head.fields[index].isDropped = true
        }
      }
    }
  }

  /// Which responses have no body whatever their fields say (RFC 9112, section 6.3).
  private static func settleBody(_ head: inout ResponseHead, _ method: Method, lengths: Int) {
    let hasNone = head.status < 200 || head.status == 204 || head.status == 304
    guard hasNone || method == .head else {
      if head.framing == .untilClose { head.keepsAlive = false }
      return
    }
    head.framing = .none
    // What the length would have been is worth knowing for HEAD and 304 only.
    guard method == .head || head.status == 304, lengths == 1 else { return }
    for index in head.fields.indices where head.fields[index].known == .contentLength {
      head.fields[index].isDropped = false
    }
  }
}
