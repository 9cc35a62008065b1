import Testing

@testable import Proxy

@Suite struct HeadCursorTests {
  @Test func `a token has the bytes of RFC 9110 and no other`() {
    let plain = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    let allowed = Set(plain.utf8)
    for byte in UInt8.min ... .max { #expect(HeadCursor.isToken(byte) == allowed.contains(byte)) }
  }

  @Test func `a field name is a token right before its colon`() {
    let allowed = Set("!#$%&'*+-.^_`|~".utf8)
    for byte in UInt8.min ... .max {
      let isLetter = UnicodeScalar(byte).properties.isAlphabetic && byte < 128
      let isDigit = byte >= 0x30 && byte <= 0x39
      // A colon ends the name: what follows is the value.
      guard byte != UInt8(ascii: ":") else { continue }
      let text = Array("GET / HTTP/1.1\r\nHost: a\r\nXa".utf8) + [byte] + Array(": b\r\n\r\n".utf8)
      #expect(
        (ParsedRequest(text).outcome == .head) == (allowed.contains(byte) || isLetter || isDigit),
        "byte \(byte)")
    }
  }

  @Test(arguments: [
    ("X : y", HeadRejection.badFieldName), ("X\t: y", .badFieldName), (": y", .badFieldName),
    ("X", .badFieldName), ("X y: z", .badFieldName), ("X\u{0}: y", .badFieldName),
    ("É: y", .badFieldName), ("X(: y", .badFieldName), ("\"X\": y", .badFieldName),
    ("Content-Length : 5", .badFieldName), ("Transfer-Encoding\t: chunked", .badFieldName),
    ("Transfer-Encoding\u{b}: chunked", .badFieldName), ("Host : a", .badFieldName),
    (" X: y", .foldedField), ("\tX: y", .foldedField), ("X: y\r\n z", .foldedField),
    ("X: y\r\n\tz", .foldedField), ("Transfer-Encoding:\r\n chunked", .foldedField),
    ("X:\r\n \r\n", .foldedField), (" ", .foldedField),
    ("X: y\rz", .badLineEnd), ("X: y\nz", .badLineEnd), ("X: y\nContent-Length: 5", .badLineEnd),
    ("X: \ry", .badLineEnd), ("X:\n", .badLineEnd),
  ])
  func `a bad field line is refused`(_ line: String, _ why: HeadRejection) {
    #expect(ParsedRequest.with(line).outcome == .reject(why))
    let response = "HTTP/1.1 200 OK\r\nServer: a\r\n\(line)\r\n\r\n"
    #expect(ParsedResponse(response).outcome == .reject(why))
  }

  @Test func `a space before the first field is no continuation, and refused`() {
    #expect(
      ParsedRequest("GET / HTTP/1.1\r\n Host: a\r\n\r\n").outcome == .reject(.badFieldName))
  }

  @Test func `a control byte in a value is refused, all others are kept`() {
    for byte in UInt8.min ... .max {
      let text = Array("GET / HTTP/1.1\r\nHost: a\r\nX: b".utf8) + [byte] + Array("c\r\n\r\n".utf8)
      let request = ParsedRequest(text)
      switch byte {
      case 0x09, 0x20...0x7e, 0x80...0xff:
        #expect(request.forwarded == ["X: b\(Character(UnicodeScalar(byte)))c"], "byte \(byte)")
      case 0x0a, 0x0d: #expect(request.outcome == .reject(.badLineEnd), "byte \(byte)")
      default: #expect(request.outcome == .reject(.badFieldValue), "byte \(byte)")
      }
    }
  }

  @Test(arguments: [
    ("X:y", "X: y"), ("X: \t y \t ", "X: y"), ("X:", "X: "), ("X: \t ", "X: "),
    ("X: a  b", "X: a  b"), ("X::y", "X: :y"), ("X: a:b", "X: a:b"),
  ])
  func `space around a value is not of it`(_ line: String, _ field: String) {
    #expect(ParsedRequest.with(line).forwarded == [field])
  }
}
