import Testing

@testable import Proxy

@Suite struct HeadParserTests {
  @Test func `a request's head is taken apart`() {
    let text = """
      GET /a/b;c?d=e?f HTTP/1.1\r
      Host: www.Example.test:8443\r
      X-Plain:  two words\t \r
      X-Empty:\r
      x-latin: \u{e9}\r
      \r
      the body
      """
    let request = ParsedRequest(text)
    #expect(request.outcome == .head)
    #expect(request.method == "GET")
    #expect(request.target == "/a/b;c?d=e?f")
    #expect(request.path == "/a/b;c")
    #expect(request.query == "d=e?f")
    #expect(request.host == "www.Example.test")
    #expect(request.authority == "www.Example.test:8443")
    #expect(
      request.fields == [
        "(Host: www.Example.test:8443)", "X-Plain: two words", "X-Empty: ",
        "x-latin: \u{c3}\u{a9}",
      ])
    #expect(request.framing == BodyFraming.none)
    #expect(request.keepsAlive && !request.isHTTP10)
    #expect(request.byteCount == text.utf8.count - "the body".utf8.count)
  }

  @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
  func `a method that is known is known by its exact name`(_ name: String) {
    #expect(Proxy.Method(Array(name.utf8).span) != .other)
    #expect(Proxy.Method(Array(name.lowercased().utf8).span) == .other)
    #expect(Proxy.Method(Array("\(name)X".utf8).span) == .other)
    #expect(Proxy.Method(Array(name.dropLast().utf8).span) == .other)
    #expect(ParsedRequest.with(line: "\(name) / HTTP/1.1").method == name)
  }

  @Test(arguments: ["PURGE", "get", "M-SEARCH", "!#$%&'*+-.^_`|~09", "A"])
  func `any token is a method`(_ name: String) {
    #expect(ParsedRequest.with(line: "\(name) / HTTP/1.1").method == name)
  }

  @Test(arguments: [
    ("", HeadRejection.badMethod), (" / HTTP/1.1", .badMethod), ("G(T / HTTP/1.1", .badMethod),
    ("GET: / HTTP/1.1", .badMethod), ("GET\t/ HTTP/1.1", .badMethod), ("GET\r", .badMethod),
    ("GÉT / HTTP/1.1", .badMethod), ("\u{0}GET / HTTP/1.1", .badMethod), ("GET", .badMethod),
    (" GET / HTTP/1.1", .badMethod),
    (String(repeating: "A", count: 33) + " / HTTP/1.1", .badMethod),
    ("GET  / HTTP/1.1", .badTarget), ("GET /a b HTTP/1.1", .badVersion),
    ("GET /\t HTTP/1.1", .badTarget), ("GET /\u{0} HTTP/1.1", .badTarget),
    ("GET /é HTTP/1.1", .badTarget), ("GET /\u{7f} HTTP/1.1", .badTarget),
    ("GET /a#b HTTP/1.1", .badTarget), ("GET a HTTP/1.1", .badTarget),
    ("GET * HTTP/1.1", .badTarget), ("OPTIONS ** HTTP/1.1", .badTarget),
    ("OPTIONS *a HTTP/1.1", .badTarget), ("GET a:443 HTTP/1.1", .badTarget),
    ("GET ftp://a/ HTTP/1.1", .badTarget), ("GET http:///a HTTP/1.1", .badTarget),
    ("GET http://?a HTTP/1.1", .badTarget), ("GET http:// HTTP/1.1", .badTarget),
    ("GET http:/a/ HTTP/1.1", .badTarget), ("GET https:// HTTP/1.1", .badTarget),
    ("GET ?a HTTP/1.1", .badTarget), ("GET \\a HTTP/1.1", .badTarget),
    ("GET /", .badVersion), ("GET / ", .badVersion), ("GET /  HTTP/1.1", .badVersion),
    ("GET / HTTP/1.2", .badVersion), ("GET / HTTP/2.0", .badVersion),
    ("GET / HTTP/0.9", .badVersion), ("GET / http/1.1", .badVersion),
    ("GET / HTTP/1", .badVersion), ("GET / HTTP/1.", .badVersion),
    ("GET / HTTP/01.1", .badVersion), ("GET / HTTP /1.1", .badVersion),
    ("GET / HTTP/1.1 ", .badLineEnd), ("GET / HTTP/1.10", .badLineEnd),
    ("GET / HTTP/1.1\r", .badLineEnd), ("GET / HTTP/1.1\u{b}", .badLineEnd),
    ("CONNECT a:443 HTTP/1.1", .connectNotServed),
  ])
  func `a bad request line is refused`(_ line: String, _ why: HeadRejection) {
    // The first is an empty line, which is passed over: the field below then is the request line.
    #expect(ParsedRequest.with("X: y", line: line).outcome == .reject(why))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\rHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n",
    "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\n\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n",
  ])
  func `a line ends with CR LF and nothing less`(_ text: String) {
    #expect(ParsedRequest(text).outcome == .reject(.badLineEnd))
  }

  @Test func `one empty line before a request is let pass, and no more`() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(ParsedRequest("\r\n\(request)").byteCount == request.utf8.count + 2)
    #expect(ParsedRequest("\r\n\r\n\(request)").outcome == .reject(.badMethod))
    #expect(ParsedRequest("\n\(request)").outcome == .reject(.badMethod))
    #expect(ParsedRequest("\r\(request)").outcome == .reject(.badMethod))
    #expect(ParsedRequest("\r\n ").outcome == .reject(.badMethod))
  }

  @Test func `a head that is not whole needs more, however short`() {
    let text = Array("\r\nGET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".utf8)
    for count in text.indices {
      #expect(ParsedRequest(Array(text[..<count])).outcome == .needsMore)
    }
  }

  @Test func `what follows a head is left alone`() {
    let one = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
    for rest in ["\0\0", one, "\r\n", "x"] {
      #expect(ParsedRequest(one + rest) == ParsedRequest(one))
    }
  }

  @Test func `a head is as large as its limits, and no larger`() {
    let limits = HeadLimits(bytes: 1000, targetBytes: 20, fields: 3)
    func outcome(_ lines: Int, _ target: Int = 1, _ value: Int = 0) -> HeadOutcome {
      let line = "GET /\(String(repeating: "a", count: target - 1)) HTTP/1.1\r\nHost: a\r\n"
      let fields = String(repeating: "X: y\r\n", count: lines)
      return ParsedRequest(
        "\(line)\(fields)Y: \(String(repeating: "v", count: value))\r\n\r\n", limits: limits
      ).outcome
    }
    #expect(outcome(1) == .head)
    #expect(outcome(2) == .reject(.tooManyFields))
    #expect(outcome(0, 20) == .head)
    #expect(outcome(0, 21) == .reject(.targetTooLong))
    let rest = "GET / HTTP/1.1\r\nHost: a\r\nY: \r\n\r\n".utf8.count
    #expect(outcome(0, 1, 1000 - rest) == .head)
    #expect(outcome(0, 1, 1001 - rest) == .reject(.headTooLarge))
  }

  @Test(arguments: [
    ("GET /" + String(repeating: "a", count: 200), HeadRejection.targetTooLong),
    ("GET /a HTTP/1.1\r\nX: " + String(repeating: "a", count: 200), .headTooLarge),
    ("GET /a HTTP/1.1\r\n" + String(repeating: "a", count: 200), .headTooLarge),
    ("GET /a HTTP/1.1\r\n" + String(repeating: "a:\r\n", count: 50), .headTooLarge),
  ])
  func `a head that does not end is refused once it is too large`(
    _ text: String, _ why: HeadRejection
  ) {
    let limits = HeadLimits(bytes: 100, targetBytes: 50, fields: 100)
    let bytes = Array(text.utf8)
    let cuts = Array(1..<bytes.count)
    #expect(ParsedRequest(bytes, cutAt: cuts, limits: limits).outcome == .reject(why))
  }
}
