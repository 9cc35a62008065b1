@testable import Proxy

/// A request's head with texts in place of ranges, for comparing.
struct ParsedRequest: Equatable {
  var outcome: HeadOutcome
  var method = ""
  var target = ""
  var path = ""
  var query = ""
  var host = ""
  var authority = ""
  var isHTTP10 = false
  /// `name: value`, those that are not forwarded in parentheses.
  var fields: [String] = []
  var framing = BodyFraming.none
  var keepsAlive = false
  var expectsContinue = false
  var wantsUpgrade = false
  var takesTrailers = false
  var accepts = AcceptedReply.text
  var byteCount = 0

  /// The whole text at once.
  init(_ text: String, limits: HeadLimits = .generous) {
    self.init(Array(text.utf8), limits: limits)
  }

  init(_ bytes: [UInt8], limits: HeadLimits = .generous) {
    var head = RequestHead()
    let outcome = HeadParser.parseRequest(bytes.span, limits: limits, into: &head)
    self.init(outcome, head, bytes)
  }

  /// First up to each cut, then with what follows it: as a connection receives it.
  init(_ bytes: [UInt8], cutAt cuts: [Int], limits: HeadLimits = .generous) {
    var head = RequestHead()
    var outcome = HeadOutcome.needsMore
    for end in cuts + [bytes.count] where outcome == .needsMore {
      outcome = HeadParser.parseRequest(
        bytes.span.extracting(0..<end), limits: limits, into: &head)
    }
    self.init(outcome, head, bytes)
  }

  private init(_ outcome: HeadOutcome, _ head: RequestHead, _ bytes: [UInt8]) {
    self.outcome = outcome
    guard outcome == .head else { return }
    method = bytes.text(head.methodText)
    target = bytes.text(head.target)
    path = bytes.text(head.path)
    query = bytes.text(head.query)
    host = bytes.text(head.host)
    authority = bytes.text(head.authority)
    isHTTP10 = head.isHTTP10
    fields = bytes.lines(head.fields)
    framing = head.framing
    keepsAlive = head.keepsAlive
    expectsContinue = head.expectsContinue
    wantsUpgrade = head.wantsUpgrade
    takesTrailers = head.takesTrailers
    accepts = head.accepts
    byteCount = head.byteCount
  }

  var rejection: HeadRejection? {
    guard case .reject(let why) = outcome else { return nil }
    return why
  }

  /// The fields that go on to a server.
  var forwarded: [String] { fields.filter { !$0.hasPrefix("(") } }

  /// A request with these field lines beside Host.
  static func with(
    _ lines: String..., line: String = "POST / HTTP/1.1", host: String? = "a"
  ) -> ParsedRequest {
    let all = [line] + (host.map { ["Host: \($0)"] } ?? []) + lines
    return ParsedRequest(all.map { $0 + "\r\n" }.joined() + "\r\n")
  }
}

/// A response's head, likewise.
struct ParsedResponse: Equatable {
  var outcome: HeadOutcome
  var status: UInt16 = 0
  var reason = ""
  var fields: [String] = []
  var framing = BodyFraming.none
  var keepsAlive = false

  init(_ text: String, to method: Proxy.Method = .get, limits: HeadLimits = .generous) {
    self.init(Array(text.utf8), to: method, limits: limits)
  }

  init(_ bytes: [UInt8], to method: Proxy.Method = .get, limits: HeadLimits = .generous) {
    var head = ResponseHead()
    outcome = HeadParser.parseResponse(bytes.span, to: method, limits: limits, into: &head)
    guard outcome == .head else { return }
    status = head.status
    reason = bytes.text(head.reason)
    fields = bytes.lines(head.fields)
    framing = head.framing
    keepsAlive = head.keepsAlive
  }
}

extension HeadLimits {
  static let generous = HeadLimits(bytes: 16 << 10, targetBytes: 8 << 10, fields: 100)
}

extension [UInt8] {
  /// Bytes beyond ASCII as they are, so that the text is as long as the range.
  func text(_ range: ByteRange) -> String {
    String(String.UnicodeScalarView(self[Int(range.start)..<Int(range.end)].map { .init($0) }))
  }

  fileprivate func lines(_ fields: [HeaderField]) -> [String] {
    fields.map {
      let line = "\(text($0.name)): \(text($0.value))"
      return $0.isDropped ? "(\(line))" : line
    }
  }
}
