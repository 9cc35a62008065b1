import Testing

@testable import Proxy

@Suite struct ChunkWriterTests {
  @Test(arguments: [
    (1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (256, "100"),
    (65_535, "ffff"), (65_536, "10000"), (0x123_4567_89ab, "123456789ab"),
  ])
  func `a size is written in hexadecimal`(_ count: Int, _ digits: String) {
    #expect(written { ChunkWriter.writeSize(count, into: &$0) } == "\(digits)\r\n")
  }

  @Test func `what is written can be read`() {
    for count in [1, 2, 15, 16, 17, 255, 4096] {
      let size = written { ChunkWriter.writeSize(count, into: &$0) }
      let end = written { ChunkWriter.writeEnd(into: &$0) }
      let bytes = Array((size + String(repeating: "x", count: count) + "\r\n" + end).utf8)
      var decoder = ChunkedDecoder()
      var position = 0
      let start = size.utf8.count
      #expect(
        decoder.next(bytes.span, from: &position) == .data(ByteRange(start, start + count)))
      #expect(decoder.next(bytes.span, from: &position) == .end)
      #expect(position == bytes.count)
    }
  }

  @Test(arguments: [
    ("", ""), ("A: b\r\n", "A: b\r\n"), ("a:b\r\nC:\t d \r\n", "a: b\r\nC: d\r\n"),
    ("Host: b\r\nA: c\r\n", "A: c\r\n"),
  ])
  func `trailers go on as fields of ours`(_ trailers: String, _ expected: String) {
    #expect(Self.end(trailers) == "0\r\n\(expected)\r\n")
  }

  @Test(arguments: [
    "Content-Length", "Transfer-Encoding", "Host", "Connection", "TE", "Trailer", "Upgrade",
    "Expect", "Accept", "Keep-Alive", "Proxy-Connection", "X-Forwarded-For", "X-Real-IP",
    "Forwarded", "X-Request-ID", "Authorization", "Cookie", "Content-Type", "Content-Encoding",
    "content-range", "Set-Cookie", "WWW-Authenticate", "Proxy-Authenticate",
    "Proxy-Authorization", "Location", "Cache-Control", "Age", "Expires", "Date", "Vary",
    "Max-Forwards", "Range", "Retry-After", "HTTP2-Settings",
  ])
  func `a trailer that only a head may say is dropped`(_ name: String) {
    #expect(Self.end("\(name): 1\r\nA: b\r\n") == "0\r\nA: b\r\n\r\n")
    #expect(Self.end("\(name.lowercased()): 1\r\n") == "0\r\n\r\n")
  }

  @Test(arguments: [
    " A: b\r\n", "A : b\r\n", "A: b\r\n c\r\n", "A\r\n", ": b\r\n", "A: b\u{0}\r\n",
    "A(: b\r\n", String(repeating: "A: b\r\n", count: 65),
  ])
  func `a malformed trailer is refused`(_ trailers: String) {
    #expect(Self.end(trailers) == nil)
  }

  @Test func `trailers that do not fit are refused`() {
    // Each may grow by the space that follows its colon.
    let trailers = String(repeating: "a:b\r\n", count: 64)
    let needed = "0\r\n\r\n".utf8.count + 64 * "a: b\r\n".utf8.count
    for capacity in 5...(needed + 100) {
      let text = Self.end(trailers, capacity: capacity)
      #expect(text == nil || text?.utf8.count == needed, "room for \(capacity)")
    }
    #expect(Self.end(trailers, capacity: needed + 100) != nil)
  }

  private static func end(_ trailers: String, capacity: Int = 16 << 10) -> String? {
    var decoder = ChunkedDecoder()
    let bytes = Array("0\r\n\(trailers)\r\n".utf8)
    var position = 0
    #expect(decoder.next(bytes.span, from: &position) == .end)
    var isWritten = false
    let text = written(capacity: capacity) {
      isWritten = ChunkWriter.writeEnd(decoder, into: &$0)
    }
    return isWritten ? text : nil
  }
}
