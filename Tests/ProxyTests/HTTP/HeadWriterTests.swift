import Testing

@testable import Proxy

@Suite struct HeadWriterTests {
  static let id = "X-Request-ID: 00000000000000000000000000000abc"

  @Test func `a request goes on with what it said and who said it`() {
    let request = """
      POST /a/%2e/b?c=d HTTP/1.1\r
      host: www.Example.test:8443\r
      x-PLAIN:  two words\t\r
      Content-Length: 5\r
      Connection: close, x-gone\r
      X-Gone: 1\r
      X-Forwarded-For: 9.9.9.9\r
      X-Request-ID: theirs\r
      Cookie: a=b\r
      \r
      hello
      """
    let context = RequestContext(
      address: .ipv6(1), isTLS: true, listenerPort: 8443, requestID: RequestID(high: 0, low: 0xabc))
    #expect(
      WrittenRequest(request, context: context)?.text == """
        POST /a/%2e/b?c=d HTTP/1.1\r
        Host: www.Example.test:8443\r
        x-PLAIN: two words\r
        Cookie: a=b\r
        X-Forwarded-For: ::1\r
        X-Forwarded-Proto: https\r
        X-Forwarded-Host: www.Example.test:8443\r
        X-Forwarded-Port: 8443\r
        \(Self.id)\r
        Content-Length: 5\r
        \r

        """)
  }

  @Test func `a backend's host takes the place of the client's`() {
    let text = WrittenRequest("GET / HTTP/1.0\r\n\r\n", host: "inner")?.text ?? ""
    #expect(text.hasPrefix("GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.2.3.4\r\n"))
    #expect(!text.contains("X-Forwarded-Host"))
    let named = WrittenRequest("GET / HTTP/1.1\r\nHost: outer\r\n\r\n", host: "inner")?.text ?? ""
    #expect(named.contains("\r\nHost: inner\r\n"))
    #expect(named.contains("\r\nX-Forwarded-Host: outer\r\n"))
  }

  @Test(arguments: [
    ("GET http://a/b?c", "GET /b?c"), ("GET http://a", "GET /"), ("GET http://a?c", "GET /?c"),
    ("OPTIONS http://a", "OPTIONS *"), ("OPTIONS *", "OPTIONS *"), ("GET /?", "GET /?"),
    ("OPTIONS http://a?c", "OPTIONS /?c"), ("OPTIONS http://a/", "OPTIONS /"),
  ])
  func `a target goes on without its scheme and host`(_ line: String, _ expected: String) {
    let text = WrittenRequest("\(line) HTTP/1.1\r\nHost: a\r\n\r\n")?.text
    #expect(text?.hasPrefix("\(expected) HTTP/1.1\r\nHost: a\r\n") == true)
  }

  @Test(arguments: [
    (["Transfer-Encoding: chunked"], "POST", "Transfer-Encoding: chunked\r\n"), ([], "POST", ""),
    (["Content-Length: 007"], "POST", "Content-Length: 7\r\n"),
    (["TE: trailers, gzip"], "GET", "Connection: TE\r\nTE: trailers\r\n"),
    (["TE: gzip"], "GET", ""), (["Upgrade: h2c", "Connection: upgrade"], "GET", ""),
    (
      ["Upgrade: WebSocket", "Connection: upgrade"], "GET",
      "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    ),
  ])
  func `framing and upgrades are ours`(_ lines: [String], _ method: String, _ framing: String) {
    let all = ["\(method) / HTTP/1.1", "Host: a"] + lines
    let text = WrittenRequest(all.map { $0 + "\r\n" }.joined() + "\r\n")?.text
    #expect(text?.hasSuffix("\r\n\(Self.id)\r\n\(framing)\r\n") == true)
  }

  @Test func `a head that does not fit is not begun`() {
    let many = (0..<90).map { "\(UnicodeScalar(UInt8(65 + $0 % 26))):\r\n" }.joined()
    let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n".utf8)
    let whole = WrittenRequest(request)?.text
    #expect(whole != nil)
    for capacity in 0...3000 {
      let text = WrittenRequest(request, capacity: capacity)?.text
      #expect(text == nil || text == whole, "room for \(capacity)")
    }
    #expect(WrittenRequest(request, capacity: 3000) != nil)
  }

  private static let response = """
    HTTP/1.0 200 All  Good\r
    server: x\r
    Content-Length: 5\r
    Connection: close\r
    Set-Cookie: a=b\r
    set-cookie: c=d\r
    \r

    """

  private func response(
    _ text: String = response, isHTTP10: Bool = false, keepsAlive: Bool = true,
    isUpgrade: Bool = false, isChunked: Bool = false, length: UInt64? = nil,
    setting headers: ResponseHeaders? = nil, capacity: Int = 16 << 10
  ) -> String? {
    let bytes = Array(text.utf8)
    var head = ResponseHead()
    guard
      HeadParser.parseResponse(bytes.span, to: .get, limits: .generous, into: &head) == .head
    else { return nil }
    let context = ResponseContext(
      isHTTP10: isHTTP10, keepsAlive: keepsAlive, isUpgrade: isUpgrade, isChunked: isChunked,
      length: length, requestID: RequestID(high: 0, low: 0xabc))
    var isWritten = false
    let output = written(capacity: capacity) {
      isWritten = HeadWriter.writeResponse(
        head, bytes.span, context, setting: headers, adding: [UInt8]().span, into: &$0)
    }
    return isWritten ? output : nil
  }

  private static let begin =
    "HTTP/1.1 200 All  Good\r\nserver: x\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n\(id)\r\n"

  @Test func `a response goes on with framing and connection of ours`() {
    let begin = Self.begin
    #expect(response() == "\(begin)\r\n")
    #expect(response(length: 5) == "\(begin)Content-Length: 5\r\n\r\n")
    #expect(response(isChunked: true) == "\(begin)Transfer-Encoding: chunked\r\n\r\n")
    #expect(response(keepsAlive: false) == "\(begin)Connection: close\r\n\r\n")
    #expect(response(isHTTP10: true) == "\(begin)Connection: keep-alive\r\n\r\n")
    #expect(
      response(isHTTP10: true, keepsAlive: false) == "\(begin)Connection: close\r\n\r\n")
    #expect(
      response(isUpgrade: true) == "\(begin)Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
  }

  @Test func `a route's headers take the place of the server's`() {
    let headers = ResponseHeaders([("Server", "gate"), ("SET-COOKIE", "e=f"), ("X-New", "1")])
    #expect(
      response(setting: headers)
        == "HTTP/1.1 200 All  Good\r\nServer: gate\r\nSET-COOKIE: e=f\r\nX-New: 1\r\n\(Self.id)\r\n\r\n"
    )
  }

  @Test func `a response that does not fit is not begun`() {
    let many = (0..<90).map { _ in "A:\r\n" }.joined()
    let text = "HTTP/1.1 200\r\n\(many)\r\n"
    let headers = ResponseHeaders([("X-New", String(repeating: "x", count: 500))])
    let whole = response(text, length: .max, setting: headers)
    #expect(whole != nil)
    for capacity in 0...3000 {
      let part = response(text, length: .max, setting: headers, capacity: capacity)
      #expect(part == nil || part == whole, "room for \(capacity)")
    }
  }

  @Test func `an interim response goes on as it came`() {
    let bytes = Array("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nKeep-Alive: 5\r\n\r\n".utf8)
    var head = ResponseHead()
    let outcome = HeadParser.parseResponse(
      bytes.span, to: .get, limits: .generous, into: &head)
    #expect(outcome == .head)
    var isWritten = false
    let text = written { isWritten = HeadWriter.writeInterim(head, bytes.span, into: &$0) }
    #expect(isWritten)
    #expect(text == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
  }
}
