import Foundation
import Testing

@testable import Certificates

struct ResponseReaderTests {
  /// Fed in pieces of that size; an answer without a length ends with the bytes.
  private func read(
    _ bytes: [UInt8], by size: Int, isOfHead: Bool = false
  ) throws(ResponseReader.Refusal) -> HTTPSResponse {
    var reader = ResponseReader(isOfHead: isOfHead)
    var rest = bytes[...]
    while !rest.isEmpty {
      if let response = try reader.take(rest.prefix(size)) { return response }
      rest = rest.dropFirst(size)
    }
    return try reader.end()
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello world", "hello"),
    ("HTTP/1.1 200\r\n\r\nhello", "hello"), ("HTTP/1.0 200 OK\n\nhello", "hello"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
    ("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", ""),
    (
      "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hint\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello",
      "hello"
    ),
    (
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      "hello"
    ),
    (
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\nX: y\r\n\r\n",
      "hello"
    ),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""),
  ])
  func `an answer is read the same in pieces of any size`(_ text: String, _ body: String) throws {
    for size in [1, 2, 3, 7, 1_000] {
      let response = try read(Array(text.utf8), by: size)
      #expect(String(decoding: response.body, as: UTF8.self) == body)
    }
  }

  @Test func `fields are found whatever their case, spaces around them gone`() throws {
    let text = "HTTP/1.1 201 Created\r\nREPLAY-nonce: \t aB_-9 \t\r\nEmpty:\r\n\r\n"
    let response = try read(Array(text.utf8), by: 4, isOfHead: true)
    #expect(response.status == 201)
    #expect(response["replay-nonce"] == "aB_-9")
    #expect(response["empty"] == "")
    #expect(response["none"] == nil)
  }

  @Test(arguments: [
    "", "HTTP/1.1 200 OK\r\n", "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "ICY 200 OK\r\n\r\n", "\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n: none\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\n folded\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: b\u{0}c\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
    String(repeating: "HTTP/1.1 100 Go\r\n\r\n", count: 9) + "HTTP/1.1 200 OK\r\n\r\n",
  ])
  func `an answer that could be understood in two ways is refused`(_ text: String) {
    for size in [1, 5, 1_000] {
      #expect(throws: ResponseReader.Refusal.self) { try read(Array(text.utf8), by: size) }
    }
  }

  @Test func `heads, trailers and bodies end at their limits`() {
    let field = "X: " + String(repeating: "y", count: 1_000) + "\r\n"
    let long = "HTTP/1.1 200 OK\r\n" + String(repeating: field, count: 33)
    for text in [long, long + "\r\n"] {
      #expect(throws: ResponseReader.Refusal.self) { try read(Array(text.utf8), by: 4_096) }
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    let trailers = chunked + "0\r\n" + String(repeating: field, count: 40) + "\r\n"
    let sizes = chunked + "1;" + String(repeating: "x", count: 2_000)
    let mebibyte = String(repeating: "x", count: 1 << 20)
    let body = chunked + "100000\r\n\(mebibyte)\r\n1\r\nx\r\n0\r\n\r\n"
    for text in [trailers, sizes, body, "HTTP/1.1 200 OK\r\n\r\nx" + mebibyte] {
      #expect(throws: ResponseReader.Refusal.self) { try read(Array(text.utf8), by: 4_096) }
    }
  }

  @Test func `links are found by their relation`() throws {
    let text = """
      HTTP/1.1 200 OK\r
      Link: <https://a.test/dir>;rel="index", <https://a.test/1,2>; title=x; rel="alternate"\r
      Link: <https://a.test/3>;REL=alternate\r
      Link: <https://a.test/broken;rel="alternate"\r
      Content-Length: 0\r
      \r\n
      """
    let response = try read(Array(text.utf8), by: 9)
    #expect(response.links("alternate") == ["https://a.test/1,2", "https://a.test/3"])
    #expect(response.links("up") == [])
  }

  @Test(
    arguments: [
      ("0", 0), ("120", 120), ("-1", nil), ("x", nil), ("99999999999", nil),
      ("Fri, 15 Jan 2027 08:01:00 GMT", 60), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
    ] as [(String, Double?)])
  func `Retry-After is seconds or a date`(_ text: String, _ expected: Double?) {
    let response = HTTPSResponse(status: 429, fields: [("retry-after", text)])
    #expect(response.retryAfter(now: Date(timeIntervalSince1970: 1_800_000_000)) == expected)
  }
}
