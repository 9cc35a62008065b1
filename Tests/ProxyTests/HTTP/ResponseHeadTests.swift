import Testing

@testable import Proxy

@Suite struct ResponseHeadTests {
  @Test func `a response's head is taken apart`() {
    let response = ParsedResponse(
      """
      HTTP/1.1 404 Not  Here\r
      Server: x\r
      Set-Cookie: a=b\r
      set-cookie: c=d\r
      Content-Length: 5\r
      Connection: keep-alive\r
      Keep-Alive: timeout=5\r
      \r
      hello
      """)
    #expect(response.status == 404)
    #expect(response.reason == "Not  Here")
    #expect(
      response.fields == [
        "Server: x", "Set-Cookie: a=b", "set-cookie: c=d", "(Content-Length: 5)",
        "(Connection: keep-alive)", "(Keep-Alive: timeout=5)",
      ])
    #expect(response.framing == .length(5))
    #expect(response.keepsAlive)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 ", ""), ("HTTP/1.1 200", ""), ("HTTP/1.0 599  é", " \u{c3}\u{a9}"),
  ])
  func `a status may come without a reason`(_ line: String, _ reason: String) {
    let response = ParsedResponse("\(line)\r\n\r\n")
    #expect(response.outcome == .head)
    #expect(response.reason == reason)
  }

  @Test(arguments: [
    ("HTTP/1.1 099 x", HeadRejection.badStatus), ("HTTP/1.1 600 x", .badStatus),
    ("HTTP/1.1 20 OK", .badStatus), ("HTTP/1.1 2000 OK", .badStatus),
    ("HTTP/1.1 200OK", .badStatus), ("HTTP/1.1 -20 OK", .badStatus),
    ("HTTP/1.1  200 OK", .badStatus), ("HTTP/1.1\t200 OK", .badStatus),
    ("HTTP/1.1OK200", .badStatus),
    ("HTTP/1.1 2x0 OK", .badStatus), ("HTTP/2 200 OK", .badVersion), ("ICY 200 OK", .badVersion),
    ("", .badVersion), ("HTTP/1.1 200 O\u{0}K", .badLineEnd), ("HTTP/1.1 200 O\nK", .badLineEnd),
    ("HTTP/1.1 200 O\rK", .badLineEnd), ("HTTP/1.1 200\n", .badLineEnd),
  ])
  func `a bad status line is refused`(_ line: String, _ why: HeadRejection) {
    #expect(ParsedResponse("\(line)\r\nServer: x\r\n\r\n").outcome == .reject(why))
  }

  @Test(arguments: [
    ("GET", 200, [], BodyFraming.untilClose, []),
    ("GET", 200, ["Content-Length: 5"], .length(5), []),
    ("GET", 200, ["Transfer-Encoding: chunked"], .chunked, []),
    ("HEAD", 200, ["Content-Length: 5"], .none, ["Content-Length: 5"]),
    ("HEAD", 200, ["Transfer-Encoding: chunked"], .none, []),
    ("HEAD", 200, [], .none, []),
    ("GET", 304, ["Content-Length: 5"], .none, ["Content-Length: 5"]),
    ("GET", 204, ["Content-Length: 5"], .none, []),
    ("GET", 100, ["Content-Length: 5"], .none, []),
    ("GET", 103, ["Transfer-Encoding: chunked"], .none, []),
    ("GET", 101, [], .none, []),
  ])
  func `some responses have no body whatever their fields say`(
    _ method: String, _ status: Int, _ lines: [String], _ framing: BodyFraming,
    _ forwarded: [String]
  ) {
    let text = (["HTTP/1.1 \(status) x"] + lines).map { "\($0)\r\n" }.joined() + "\r\n"
    let response = ParsedResponse(text, to: Proxy.Method(Array(method.utf8).span))
    #expect(response.framing == framing)
    #expect(response.fields.filter { !$0.hasPrefix("(") } == forwarded)
    // What only the close ends can't be followed by another.
    #expect(response.keepsAlive == (framing != .untilClose))
  }

  @Test(arguments: [
    (["Content-Length: 5", "Content-Length: 5"], HeadRejection.repeatedContentLength),
    (["Content-Length: 5", "Content-Length: 6"], .repeatedContentLength),
    (["Content-Length: 5", "Transfer-Encoding: chunked"], .lengthAndCoding),
    (["Transfer-Encoding: chunked", "Content-Length: 5"], .lengthAndCoding),
    (["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], .badCoding),
    (["Content-Length: 5, 5"], .badContentLength),
  ])
  func `a response whose end is in doubt is refused, to HEAD and with 304 too`(
    _ lines: [String], _ why: HeadRejection
  ) {
    for status in [200, 204, 304] {
      let text = (["HTTP/1.1 \(status) x"] + lines).map { "\($0)\r\n" }.joined() + "\r\n"
      #expect(ParsedResponse(text).outcome == .reject(why))
      #expect(ParsedResponse(text, to: .head).outcome == .reject(why))
    }
    #expect(
      ParsedResponse("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").outcome
        == .reject(.codingInHTTP10))
  }

  @Test func `a response's head is no larger than its limits`() {
    let text = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n"
    func outcome(bytes: Int, fields: Int) -> HeadOutcome {
      ParsedResponse(
        text, limits: HeadLimits(bytes: bytes, targetBytes: 0, fields: fields)
      ).outcome
    }
    #expect(outcome(bytes: text.utf8.count, fields: 2) == .head)
    #expect(outcome(bytes: text.utf8.count - 1, fields: 2) == .reject(.headTooLarge))
    #expect(outcome(bytes: text.utf8.count, fields: 1) == .reject(.tooManyFields))
    let limits = HeadLimits(bytes: 20, targetBytes: 0, fields: 2)
    #expect(
      ParsedResponse(String(text.prefix(19)), limits: limits).outcome == .reject(.headTooLarge))
  }

  @Test func `a head that is not whole needs more, however short`() {
    let text = Array("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n".utf8)
    for count in text.indices {
      #expect(ParsedResponse(Array(text[..<count])).outcome == .needsMore)
    }
  }

  @Test func `1xx is interim but for 101`() {
    for (status, isInterim) in [(100, true), (103, true), (101, false), (200, false)] {
      var head = ResponseHead()
      head.status = UInt16(status)
      #expect(head.isInterim == isInterim)
    }
  }
}
