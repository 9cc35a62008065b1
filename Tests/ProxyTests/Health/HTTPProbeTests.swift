import Testing

@testable import Proxy

struct HTTPProbeTests {
  static let cases: [(answer: String, text: String)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "200"),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "200"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nO\r\n1\r\nK\r\n0\r\n\r\n", "200"),
    ("HTTP/1.1 200 OK\r\n\r\nall is OK here", "200"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nOK", "body lacks \"OK\""),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "body lacks \"OK\""),
    ("HTTP/1.1 204 None\r\n\r\n", "body lacks \"OK\""),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "body lacks \"OK\""),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx", "no HTTP: a chunk is malformed"),
    ("HTTP/1.1 500 No\r\n\r\nOK", "status 500, not 200...399"),
    ("SSH-2.0-OpenSSH\r\n", "no HTTP: the version is neither HTTP/1.1 nor HTTP/1.0"),
    (
      String(repeating: "HTTP/1.1 102 Wait\r\n\r\n", count: 9),
      "more than 8 interim answers"
    ),
    (
      "HTTP/1.1 200 OK\r\nA: " + String(repeating: "a", count: 33_000),
      "no HTTP: the head is too large"
    ),
    (
      "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "O", count: 66_000), "body lacks \"OK\""
    ),
  ]

  @Test(arguments: cases.indices)
  func `an answer is judged the same whole and in pieces`(_ index: Int) {
    let (answer, text) = Self.cases[index]
    var check = ProxyConfiguration.Health.HTTPCheck(path: "/")
    check.body = "OK"
    let bytes = Array(answer.utf8)
    for size in [bytes.count, bytes.count > 1000 ? 999 : 1] {
      var probe = HTTPProbe(check, host: "a")
      var finding: ProbeFinding?
      var rest = bytes[...]
      while finding == nil, !rest.isEmpty {
        let piece = Array(rest.prefix(size))
        rest.removeFirst(piece.count)
        finding = probe.take(piece.span)
      }
      #expect((finding ?? probe.end()).text == text)
    }
  }

  @Test func `a status that was asked for passes, and its body is not waited for`() {
    var check = ProxyConfiguration.Health.HTTPCheck(path: "/a?b")
    check.expected = [503...503]
    check.method = "HEAD"
    var probe = HTTPProbe(check, host: "b.example")
    #expect(
      String(decoding: probe.outgoing, as: UTF8.self).hasPrefix(
        "HEAD /a?b HTTP/1.1\r\nHost: b.example\r\n"))
    #expect(probe.outgoing.suffix(4) == [13, 10, 13, 10])
    let bytes = Array("HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n".utf8)
    #expect(probe.take(bytes.span) == ProbeFinding(isGood: true, text: "503"))
  }
}
