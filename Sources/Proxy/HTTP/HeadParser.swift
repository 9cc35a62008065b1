/// HTTP/1 heads (RFC 9112): bytes in, ranges out; what is malformed or ambiguous is rejected.
enum HeadParser {
  static func parseRequest(
    _ bytes: Span<UInt8>, limits: HeadLimits, into head: inout RequestHead
  ) -> HeadOutcome {
    // A head that comes in pieces is looked at anew only when a line has ended.
    guard head.scanned == 0 || hasLineFeed(bytes, from: head.scanned) else {
      return incomplete(bytes, limits, &head)
    }
    var cursor = HeadCursor(bytes)
    guard cursor.skipEmptyLine() else { return incomplete(bytes, limits, &head) }
    if let outcome = requestLine(&cursor, limits, into: &head) {
      return outcome == .needsMore ? incomplete(bytes, limits, &head) : outcome
    }
    switch FieldParser.parse(&cursor, limits: limits, into: &head.fields) {
    case .needsMore: return incomplete(bytes, limits, &head)
    case .reject(let why): return .reject(why)
    case .head: break
    }
    head.byteCount = cursor.position
    head.scanned = 0
    guard head.byteCount <= limits.bytes else { return .reject(.headTooLarge) }
    if let why = RequestRules.apply(to: &head, bytes) { return .reject(why) }
    return .head
  }

  static func parseResponse(
    _ bytes: Span<UInt8>, to method: Method, limits: HeadLimits, into head: inout ResponseHead
  ) -> HeadOutcome {
    var cursor = HeadCursor(bytes)
    if let outcome = statusLine(&cursor, into: &head) { return bounded(outcome, bytes, limits) }
    let outcome = FieldParser.parse(&cursor, limits: limits, into: &head.fields)
    guard outcome == .head else { return bounded(outcome, bytes, limits) }
    head.byteCount = cursor.position
    guard head.byteCount <= limits.bytes else { return .reject(.headTooLarge) }
    if let why = ResponseRules.apply(to: &head, bytes, method: method) { return .reject(why) }
    return .head
  }

  private static func hasLineFeed(_ bytes: Span<UInt8>, from start: Int) -> Bool {
    var index = start
    while index < bytes.count {
      if bytes[index] == 0x0a { return true }
      index += 1
    }
    return false
  }

  private static func bounded(
    _ outcome: HeadOutcome, _ bytes: Span<UInt8>, _ limits: HeadLimits
  ) -> HeadOutcome {
    outcome == .needsMore && bytes.count >= limits.bytes ? .reject(.headTooLarge) : outcome
  }

  private static func incomplete(
    _ bytes: Span<UInt8>, _ limits: HeadLimits, _ head: inout RequestHead
  ) -> HeadOutcome {
    head.scanned = bytes.count
    guard bytes.count >= limits.bytes else { return .needsMore }
    return .reject(hasLineFeed(bytes, from: 2) ? .headTooLarge : .targetTooLong)
  }

  /// Nil when the line is whole and well-formed.
  private static func requestLine(
    _ cursor: inout HeadCursor, _ limits: HeadLimits, into head: inout RequestHead
  ) -> HeadOutcome? {
    let start = cursor.position
    guard cursor.skipToken() else { return .needsMore }
    guard cursor.position > start, cursor.position - start <= 32, cursor.byte == 0x20 else {
      return .reject(.badMethod)
    }
    head.methodText = ByteRange(start, cursor.position)
    cursor.advance()
    let targetStart = cursor.position
    guard cursor.skipTarget() else {
      return cursor.position - targetStart > limits.targetBytes
        ? .reject(.targetTooLong) : .needsMore
    }
    head.target = ByteRange(targetStart, cursor.position)
    guard head.target.count <= limits.targetBytes else { return .reject(.targetTooLong) }
    guard !head.target.isEmpty, cursor.byte == 0x20 else {
      return .reject(cursor.byte == 0x0a || cursor.byte == 0x0d ? .badVersion : .badTarget)
    }
    cursor.advance()
    guard let minor = version(&cursor) else {
      return cursor.isAtEnd ? .needsMore : .reject(.badVersion)
    }
    head.isHTTP10 = minor == 0
    switch cursor.lineEnd() {
    case .needsMore: return .needsMore
    case .bad: return .reject(.badLineEnd)
    case .passed: break
    }
    head.method = Method(cursor.bytes.extracting(head.methodText))
    return nil
  }

  private static func statusLine(
    _ cursor: inout HeadCursor, into head: inout ResponseHead
  ) -> HeadOutcome? {
    guard let minor = version(&cursor) else {
      return cursor.isAtEnd ? .needsMore : .reject(.badVersion)
    }
    head.isHTTP10 = minor == 0
    guard cursor.remaining >= 5 else { return .needsMore }
    guard cursor.byte == 0x20 else { return .reject(.badStatus) }
    cursor.advance()
    var status: UInt16 = 0
    for _ in 0..<3 {
      guard cursor.byte >= 0x30, cursor.byte <= 0x39 else { return .reject(.badStatus) }
      status = status * 10 + UInt16(cursor.byte - 0x30)
      cursor.advance()
    }
    guard status >= 100, status <= 599 else { return .reject(.badStatus) }
    head.status = status
    // Servers leave the space out when they give no reason; `2000` is no status.
    guard cursor.byte == 0x20 || cursor.byte == 0x0d || cursor.byte == 0x0a else {
      return .reject(.badStatus)
    }
    if cursor.byte == 0x20 { cursor.advance() }
    let start = cursor.position
    guard cursor.skipFieldValue() else { return .needsMore }
    head.reason = ByteRange(start, cursor.position)
    switch cursor.lineEnd() {
    case .needsMore: return .needsMore
    case .bad: return .reject(.badLineEnd)
    case .passed: return nil
    }
  }

  /// The minor version after `HTTP/1.`, nil when it is another or not whole (then at the end).
  private static func version(_ cursor: inout HeadCursor) -> UInt8? {
    let prefix: StaticString = "HTTP/1."
    let expected = unsafe UnsafeBufferPointer(
      start: prefix.utf8Start, count: prefix.utf8CodeUnitCount)
    for index in expected.indices {
      guard !cursor.isAtEnd, unsafe cursor.byte == expected[index] else { return nil }
      cursor.advance()
    }
    guard !cursor.isAtEnd, cursor.byte == 0x30 || cursor.byte == 0x31 else { return nil }
    let minor = cursor.byte - 0x30
    cursor.advance()
    return minor
  }
}
