/// Asks over HTTP/1.1 and judges the status, and the beginning of the body where that is wanted.
struct HTTPProbe: ProbeExchange {
  var outgoing: [UInt8]
  private let check: ProxyConfiguration.Health.HTTPCheck
  private let needle: [UInt8]
  private var head = ResponseHead()
  private var hasHead = false
  private var pending: [UInt8] = []
  private var body: [UInt8] = []
  private var bodyLeft: UInt64?
  private var chunks = ChunkedDecoder()
  private var interims = 0

  /// Of the body, in which the wanted text must stand.
  static let bodyLimit = 64 << 10
  static let interimLimit = 8
  static let headLimits = HeadLimits(bytes: 32 << 10, targetBytes: 0, fields: 200)

  init(_ check: ProxyConfiguration.Health.HTTPCheck, host: String) {
    self.check = check
    needle = Array((check.body ?? "").utf8)
    outgoing = Array(
      """
      \(check.method) \(check.path) HTTP/1.1\r
      Host: \(host)\r
      User-Agent: gatehouse-health\r
      Accept: */*\r
      Connection: close\r
      \r\n
      """.utf8)
  }

  var awaited: String { hasHead ? "\"\(check.body ?? "")\" in the body" : "the head" }

  mutating func take(_ bytes: Span<UInt8>) -> ProbeFinding? {
    if hasHead { return takeBody(bytes) }
    for index in bytes.indices { pending.append(bytes[index]) }
    while true {
      var head = ResponseHead()
      let outcome = HeadParser.parseResponse(
        pending.span, to: check.method == "HEAD" ? .head : .get, limits: Self.headLimits,
        into: &head)
      self.head = head
      switch outcome {
      case .needsMore: return nil
      case .reject(let why): return .bad("no HTTP: \(why.reason)")
      case .head: break
      }
      guard head.isInterim else { return judgeHead() }
      interims += 1
      guard interims <= Self.interimLimit else {
        return .bad("more than \(Self.interimLimit) interim answers")
      }
      pending.removeFirst(head.byteCount)
    }
  }

  mutating func end() -> ProbeFinding {
    guard hasHead else { return .bad("closed before the head was whole") }
    return lacking
  }

  private mutating func judgeHead() -> ProbeFinding? {
    hasHead = true
    let status = Int(head.status)
    let expected = check.expected.isEmpty ? [200...399] : check.expected
    guard expected.contains(where: { $0.contains(status) }) else {
      let allowed = expected.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0)" }
      return .bad("status \(status), not \(allowed.joined(separator: ", "))")
    }
    guard !needle.isEmpty else { return ProbeFinding(isGood: true, text: "\(status)") }
    switch head.framing {
    case .none: return lacking
    case .length(let length): bodyLeft = length
    case .chunked, .untilClose: break
    }
    if bodyLeft == 0 { return lacking }
    let rest = Array(pending.dropFirst(head.byteCount))
    pending = []
    return takeBody(rest.span)
  }

  private mutating func takeBody(_ bytes: Span<UInt8>) -> ProbeFinding? {
    guard head.framing == .chunked else {
      let count = Int(min(UInt64(bytes.count), bodyLeft ?? .max))
      bodyLeft = bodyLeft.map { $0 - UInt64(count) }
      return search(bytes.extracting(0..<count)) ?? (bodyLeft == 0 ? lacking : nil)
    }
    var position = 0
    while true {
      switch chunks.next(bytes, from: &position) {
      case .needsMore: return nil
      case .end: return lacking
      case .reject(let why): return .bad("no HTTP: \(why.reason)")
      case .data(let range): if let found = search(bytes.extracting(range)) { return found }
      }
    }
  }

  /// Looks only at what could not have been seen before.
  private mutating func search(_ bytes: Span<UInt8>) -> ProbeFinding? {
    let start = max(0, body.count - needle.count + 1)
    for index in bytes.indices where body.count < Self.bodyLimit { body.append(bytes[index]) }
    var position = start
    while position + needle.count <= body.count {
      if body[position] == needle[0], body[position..<position + needle.count].elementsEqual(needle)
      {
        return ProbeFinding(isGood: true, text: "\(head.status)")
      }
      position += 1
    }
    return body.count >= Self.bodyLimit ? lacking : nil
  }

  private var lacking: ProbeFinding { .bad("body lacks \"\(check.body ?? "")\"") }
}
