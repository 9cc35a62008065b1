import Testing

@testable import Proxy

@Suite struct RequestRulesTests {
  @Test(arguments: [
    ([], BodyFraming.none), (["Content-Length: 0"], .length(0)),
    (["content-length: 5"], .length(5)),
    (["Content-Length:9223372036854775807"], .length(UInt64(Int64.max))),
    (["Transfer-Encoding: chunked"], .chunked), (["transfer-encoding:\tChunked "], .chunked),
  ])
  func `one field says how the body ends`(_ lines: [String], _ framing: BodyFraming) {
    let request = Self.request(lines)
    #expect(request.framing == framing)
    #expect(request.forwarded == [])
  }

  @Test(arguments: [
    ["5", "6"], ["5", "5"], ["0", "0"], ["5", "5", "5"],
  ])
  func `a second Content-Length is refused, even the same`(_ values: [String]) {
    #expect(
      Self.request(values.map { "Content-Length: \($0)" }).outcome
        == .reject(.repeatedContentLength))
    let spelled = zip(["Content-Length", "content-length", "CONTENT-LENGTH"], values)
    #expect(
      Self.request(spelled.map { "\($0): \($1)" }).outcome == .reject(.repeatedContentLength))
  }

  @Test(arguments: [
    "", "+5", "-1", "-0", "5, 5", "5,6", "5 5", "0x5", "5.0", "5;", "\"5\"", "five", "5\u{a0}",
    "9223372036854775808", "18446744073709551621", "99999999999999999999999",
  ])
  func `a length that is no number is refused`(_ value: String) {
    #expect(
      Self.request(["Content-Length: \(value)"]).outcome == .reject(.badContentLength))
    #expect(
      ParsedResponse("HTTP/1.1 200 OK\r\nContent-Length: \(value)\r\n\r\n").outcome
        == .reject(.badContentLength))
  }

  @Test(arguments: ["", "0", "5"])
  func `a length beside a coding is refused, in either order`(_ length: String) {
    let lines = ["Content-Length: \(length)", "Transfer-Encoding: chunked"]
    let why = HeadRejection.self
    let expected = length.isEmpty ? why.badContentLength : why.lengthAndCoding
    #expect(Self.request(lines).outcome == .reject(expected))
    #expect(Self.request(lines.reversed()).outcome == .reject(expected))
    #expect(Self.request([lines[0], "X: y", lines[1]]).outcome == .reject(expected))
  }

  @Test(arguments: [
    "", "identity", "gzip", "gzip, chunked", "chunked, identity", "chunked, chunked", "chunked,",
    ",chunked", "xchunked", "chunkedx", "chunke", "chunked;q=1", "\"chunked\"", "chu nked",
    "chunked\u{a0}", "\u{c}chunked", "x chunked", "cow", "chunKed\u{212a}",
  ])
  func `a coding that is not exactly chunked is refused`(_ value: String) {
    let expected: HeadRejection = value.contains("\u{c}") ? .badFieldValue : .badCoding
    #expect(Self.request(["Transfer-Encoding: \(value)"]).outcome == .reject(expected))
    #expect(
      ParsedResponse("HTTP/1.1 200 OK\r\nTransfer-Encoding: \(value)\r\n\r\n").outcome
        == .reject(expected))
  }

  @Test func `a second coding is refused, and any in HTTP 1 dot 0`() {
    let coding = "Transfer-Encoding: chunked"
    #expect(Self.request([coding, coding]).outcome == .reject(.badCoding))
    #expect(Self.request([coding, "Transfer-Encoding: gzip"]).outcome == .reject(.badCoding))
    #expect(
      ParsedRequest.with(coding, line: "POST / HTTP/1.0").outcome == .reject(.codingInHTTP10))
  }

  @Test(arguments: [
    "Transfer_Encoding: chunked", "Content_Length: 5", "X_Real_IP: 10.0.0.1", "_: y",
  ])
  func `a name with an underscore says nothing and is not forwarded`(_ line: String) {
    let request = Self.request([line])
    #expect(request.framing == BodyFraming.none)
    #expect(request.forwarded == [])
  }

  @Test(arguments: [
    ("HTTP/1.1", [], true), ("HTTP/1.1", ["close"], false), ("HTTP/1.1", ["a, CLOSE"], false),
    ("HTTP/1.1", ["keep-alive"], true), ("HTTP/1.1", ["keep-alive", "close"], false),
    ("HTTP/1.1", ["close, keep-alive"], false), ("HTTP/1.1", ["closed"], true),
    ("HTTP/1.0", [], false), ("HTTP/1.0", ["Keep-Alive"], true), ("HTTP/1.0", ["close"], false),
    ("HTTP/1.0", ["close, keep-alive"], false), ("HTTP/1.0", ["keep-alive, close"], false),
    ("HTTP/1.0", ["close", "keep-alive"], false), ("HTTP/1.0", ["keep-alive", "close"], false),
  ])
  func `a connection is kept as its fields say, and close wins`(
    _ version: String, _ values: [String], _ isKept: Bool
  ) {
    let lines = values.map { "Connection: \($0)\r\n" }.joined()
    let request = ParsedRequest("GET / \(version)\r\nHost: a\r\n\(lines)\r\n")
    #expect(request.keepsAlive == isKept)
    #expect(request.forwarded == [])
    let response = ParsedResponse("\(version) 200 OK\r\nContent-Length: 0\r\n\(lines)\r\n")
    #expect(response.keepsAlive == isKept)
  }

  @Test func `what Connection names is not forwarded`() {
    let request = Self.request([
      "X-One: 1", "Connection: x-one ,, X-TWO", "x-two: 2", "X-Two: 3", "X-Three: 4",
      "connection: x-four", "X-Four: 5",
    ])
    #expect(request.forwarded == ["X-Three: 4"])
  }

  @Test(arguments: [
    "Host", "Content-Length", "Transfer-Encoding", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-IP", "Forwarded",
    "X-Request-ID", "Authorization", "Cookie", "Expect", "Trailer",
  ])
  func `Connection may not name what says who asks or where the body ends`(_ name: String) {
    for list in [name, "close, \(name.lowercased())", "\(name.uppercased()),keep-alive"] {
      #expect(Self.request(["Connection: \(list)"]).outcome == .reject(.protectedNomination))
    }
  }

  @Test(arguments: [
    "Connection: close", "Keep-Alive: 5", "Proxy-Connection: close", "TE: trailers",
    "Upgrade: h2c", "HTTP2-Settings: AAA", "Transfer-Encoding: chunked", "Content-Length: 5",
    "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: b", "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 1", "X-Forwarded-Server: b", "X-Real-IP: 1.2.3.4", "Forwarded: for=1.2.3.4",
    "X-Request-ID: 1",
  ])
  func `what is about this connection, or ours to say, is not forwarded`(_ line: String) {
    let request = Self.request([line])
    #expect(request.outcome == .head)
    #expect(request.forwarded == [])
    #expect(Self.request([line.lowercased()]).forwarded == [])
  }

  @Test(arguments: [
    "Authorization: Basic AAA", "Cookie: a=b", "Accept: */*", "Trailer: x", "X-Forwarded: 1",
    "Keep-Alives: 5", "Hosts: b", "Via: 1.1 b", "Expect: 100-continue",
  ])
  func `all else is forwarded as it came`(_ line: String) {
    #expect(Self.request([line]).forwarded == [line])
  }

  @Test func `only 100-continue can be expected, and not in HTTP 1 dot 0`() {
    #expect(Self.request(["Expect: 100-Continue"]).expectsContinue)
    #expect(!Self.request([]).expectsContinue)
    let old = ParsedRequest.with("Expect: 100-continue", line: "POST / HTTP/1.0")
    #expect(!old.expectsContinue)
    #expect(old.forwarded == [])
    for value in ["", "200-ok", "100-continue, x", "100"] {
      #expect(Self.request(["Expect: \(value)"]).outcome == .reject(.unknownExpectation))
    }
  }

  @Test(arguments: [
    (["Connection: Upgrade", "Upgrade: websocket"], "GET / HTTP/1.1", true),
    (["Connection: keep-alive, upgrade", "Upgrade: WebSocket"], "GET / HTTP/1.1", true),
    (["Upgrade: websocket"], "GET / HTTP/1.1", false),
    (["Connection: Upgrade"], "GET / HTTP/1.1", false),
    (["Connection: Upgrade", "Upgrade: h2c"], "GET / HTTP/1.1", false),
    (["Connection: Upgrade", "Upgrade: websocket, h2c"], "GET / HTTP/1.1", false),
    (["Connection: Upgrade", "Upgrade: websocket"], "POST / HTTP/1.1", false),
    (["Connection: Upgrade", "Upgrade: websocket"], "GET / HTTP/1.0", false),
    (
      ["Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5"], "GET / HTTP/1.1", false
    ),
  ])
  func `only a WebSocket is an upgrade`(_ lines: [String], _ line: String, _ isUpgrade: Bool) {
    let request = Self.request(lines, line: line)
    #expect(request.wantsUpgrade == isUpgrade)
    #expect(request.forwarded == [])
  }

  @Test func `trailers and error pages are as the client would take them`() {
    #expect(Self.request(["TE: trailers"]).takesTrailers)
    #expect(Self.request(["TE: gzip, Trailers"]).takesTrailers)
    #expect(!Self.request(["TE: gzip"]).takesTrailers)
    #expect(Self.request(["Accept: text/html,*/*"]).accepts == .html)
    #expect(Self.request(["Accept: application/problem+json"]).accepts == .json)
    #expect(Self.request(["Accept: */*"]).accepts == .text)
  }

  private static func request(_ lines: [String], line: String = "POST / HTTP/1.1") -> ParsedRequest
  {
    ParsedRequest(([line, "Host: a"] + lines).map { $0 + "\r\n" }.joined() + "\r\n")
  }
}
