import Testing

@testable import Proxy

@Suite struct HeadMutationTests {
  static let heads = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /",
    "\r\nPOST /a/%2e?b HTTP/1.1\r\nHost: www.example.test:443\r\nContent-Length: 5\r\n\r\nhello",
    "PUT http://a:80/b HTTP/1.1\r\nHost: a:80\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n",
    "GET /s HTTP/1.1\r\nHost: [::1]:1\r\nConnection: Upgrade, x-a\r\nUpgrade: websocket\r\n"
      + "X-A: b\r\nX_B: c\r\nX-Forwarded-For: 1.2.3.4\r\nAccept: text/html\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhost:a\r\nCookie: a=b;\tc=\u{e9}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", "GET / HTTP/1.1\r\nX: y\r\n\r\n",
  ]
  static let responses = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "HTTP/1.0 301 \r\nLocation: /a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 304\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\n",
  ]

  private static let pieces = [
    "", "\r\n", "\r\n\r\n", "\r", "\n", " ", "\t", "\0", ":", ",", ";", "/", "//", "?", "#", "*",
    "[", "]", "@", "%", "_", "Host: b\r\n", "Content-Length: 5\r\n", "content-length:6\r\n",
    "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Connection: host\r\n",
    "Connection: close, x-a\r\n", "http://", "https://b", "HTTP/1.0", "HTTP/1.1", "HTTP/2",
    "99999999999999999999", "Expect: 100-continue\r\n", "CONNECT ", "OPTIONS ", "204", "\u{ff}",
  ].map { Array($0.utf8) }

  @Test(arguments: heads)
  func `where a head is cut makes no difference`(_ text: String) {
    let bytes = Array(text.utf8)
    let whole = ParsedRequest(bytes)
    #expect(whole.outcome != .needsMore)
    for one in 0...bytes.count {
      #expect(ParsedRequest(bytes, cutAt: [one]) == whole, "cut at \(one)")
      for other in one...bytes.count where other % 3 == 0 {
        #expect(ParsedRequest(bytes, cutAt: [one, other]) == whole, "cut at \(one) and \(other)")
      }
    }
    #expect(ParsedRequest(bytes, cutAt: Array(bytes.indices)) == whole, "cut everywhere")
  }

  /// A head in pieces is looked at whenever a line has ended, so all of these end with a line.
  @Test func `no change of a request traps, and where it is cut makes no difference`() {
    var random = SeededGenerator(state: 5)
    var heads = 0
    for round in 0..<30_000 {
      let original = Array(Self.heads[round % Self.heads.count].utf8)
      let bytes = random.mutated(original, with: Self.pieces) + [0x0d, 0x0a]
      let whole = ParsedRequest(bytes)
      let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
      #expect(ParsedRequest(bytes, cutAt: cuts) == whole, "\(bytes) cut at \(cuts)")
      guard whole.outcome == .head else { continue }
      heads += 1
      Self.expectForwardable(whole, bytes)
    }
    #expect(heads > 1000)
  }

  /// What is forwarded is read by the next one as we have read it, and is refused by none.
  private static func expectForwardable(_ request: ParsedRequest, _ bytes: [UInt8]) {
    guard let written = WrittenRequest(bytes) else {
      Issue.record("\(bytes) was not written")
      return
    }
    let again = ParsedRequest(written.bytes)
    let text = written.text
    // HTTP/1.0 may come without Host, and then goes to a backend that has one of its own.
    guard !request.authority.isEmpty else { return }
    #expect(again.outcome == .head, "\(text)")
    #expect(again.method == request.method)
    #expect(again.framing == request.framing, "\(text)")
    #expect(again.host == request.host, "\(text)")
    #expect(again.query == request.query, "\(text)")
    #expect(again.wantsUpgrade == request.wantsUpgrade, "\(text)")
    #expect(again.forwarded == request.forwarded, "\(text)")
  }

  @Test func `no change of a response traps`() {
    var random = SeededGenerator(state: 6)
    var heads = 0
    for round in 0..<20_000 {
      let original = Array(Self.responses[round % Self.responses.count].utf8)
      let bytes = random.mutated(original, with: Self.pieces)
      let response = ParsedResponse(bytes, to: round % 2 == 0 ? .get : .head)
      guard response.outcome == .head else { continue }
      heads += 1
      #expect(response.status >= 100 && response.status <= 599)
      let hasCoding = response.fields.contains {
        $0.lowercased().hasPrefix("transfer-encoding:")
      }
      #expect(!hasCoding, "\(bytes)")
    }
    #expect(heads > 1000)
  }
}
