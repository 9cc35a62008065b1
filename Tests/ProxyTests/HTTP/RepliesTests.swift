import Foundation
import Testing

@testable import Proxy

@Suite struct RepliesTests {
  private static let id = "0123456789abcdeffedcba9876543210"

  private static func context(
    isHead: Bool = false, accepts: AcceptedReply = .text, isHTTP10: Bool = false,
    keepsAlive: Bool = true
  ) -> ReplyContext {
    ReplyContext(
      requestID: RequestID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210),
      isHead: isHead, accepts: accepts, isHTTP10: isHTTP10, keepsAlive: keepsAlive)
  }

  private static func text(_ reply: Reply, _ context: ReplyContext) -> String {
    written { Replies.write(reply, context, into: &$0) }
  }

  @Test func `an error says what happened, in the form that was asked for`() {
    #expect(
      Self.text(.noRoute, Self.context()) == """
        HTTP/1.1 404 Not Found\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Length: 104\r
        X-Request-ID: \(Self.id)\r
        \r
        404 Not Found: nothing is served here under this host and path
        request \(Self.id)

        """)
    let json = Self.text(.noServer, Self.context(accepts: .json, keepsAlive: false))
    #expect(json.contains("\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"))
    #expect(json.contains("\r\nConnection: close\r\n\r\n"))
    #expect(
      json.hasSuffix(
        """
        {"status":503,"reason":"no server behind is ready; try again soon",\
        "request_id":"\(Self.id)"}

        """))
    let html = Self.text(.badGateway, Self.context(accepts: .html, isHTTP10: true))
    #expect(html.contains("\r\nConnection: keep-alive\r\n\r\n<!doctype html>"))
    #expect(html.contains("<h1>502 Bad Gateway</h1>"))
  }

  static let replies: [Reply] =
    [
      .badPath, .noRoute, .misdirected, .contentTooLarge, .headTooLarge, .requestTimeout,
      .badGateway, .noServer, .gatewayTimeout,
    ] + HeadRejectionTests.all.map { .refused($0) }

  @Test(arguments: replies)
  func `a reply is as long as it says, and fits`(_ reply: Reply) throws {
    for accepts in [AcceptedReply.text, .json, .html] {
      let whole = Self.text(reply, Self.context(accepts: accepts))
      #expect(whole.utf8.count <= Replies.limit)
      let end = try #require(whole.range(of: "\r\n\r\n")).upperBound
      #expect(whole.contains("\r\nContent-Length: \(whole[end...].utf8.count)\r\n"))
      #expect(whole.hasPrefix("HTTP/1.1 \(reply.status) "))
      #expect(whole.contains("\r\nAllow: ") == (reply.status == 405))
      let head = Self.text(reply, Self.context(isHead: true, accepts: accepts))
      #expect(head == String(whole[..<end]))
    }
  }

  @Test func `a redirect has no body`() {
    let text = written {
      Replies.writeRedirect(
        to: Array("https://a/b".utf8).span, status: 308, Self.context(),
        adding: Array("X-A: b\r\n".utf8).span, into: &$0)
    }
    #expect(
      text == """
        HTTP/1.1 308 Permanent Redirect\r
        Location: https://a/b\r
        X-A: b\r
        Content-Length: 0\r
        X-Request-ID: \(Self.id)\r
        \r

        """)
  }

  @Test func `a request's ID is 32 digits, and another each time`() {
    let id = RequestID(high: 1, low: .max)
    #expect(id.description == "0000000000000001ffffffffffffffff")
    #expect(written { id.write(into: &$0) } == id.description)
    var ids = RequestIDs()
    let some = (0..<1000).map { _ in ids.next() }
    #expect(Set(some.map(\.description)).count == 1000)
    #expect(Set(some.map(\.high)).count == 1)
  }

  @Test func `numbers are written in decimal`() {
    for number in [0, 9, 10, 99, 100, 65_535, UInt64(Int64.max), .max] {
      #expect(written { $0.put(decimal: number) } == "\(number)")
    }
  }
}
