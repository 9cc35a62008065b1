import Foundation
import Testing

@Suite struct RefusalTests {
  static let malformed: [(String, Int)] = [
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    (
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /../etc HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", 400),
    (
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\(String(repeating: "x", count: 9000))\r\n",
      400
    ),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
    ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 20000))\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: a\r\n", count: 120))\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", 417),
  ]

  @Test func `refuses what is malformed or ambiguous, closes, and asks no server`() throws {
    let origin = Origin.named("s1")
    let gate = try Gate([origin])
    for (request, status) in Self.malformed {
      let answer = try gate.raw(request)
      #expect(
        answer.hasPrefix("HTTP/1.1 \(status) "),
        "\(request.prefix(90).debugDescription): \(answer.prefix(60))")
    }
    #expect(!origin.notes.contains { $0.contains("transfer-encoding: chunked\r\n\r\n0") })
    #expect(try gate.curl().standardOutput == "s1\n")
  }

  @Test func `refuses an unknown server name and serves a named one`() throws {
    let gate = try Gate([.named("s1")])
    let unknown = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "other.test"],
      input: Data())
    #expect(unknown.standardError.contains("unrecognized name"))
    let wild = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "A.WILD.test"],
      input: Data())
    #expect(wild.standardOutput.contains("CN = www.test"))
    let deep = try run(
      "openssl",
      ["s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "a.b.wild.test"],
      input: Data())
    #expect(deep.standardError.contains("unrecognized name"))
  }

  @Test func `serves a URL with an address by the certificate that names it`() throws {
    let gate = try Gate([.named("s1")])
    let output = try run(
      "curl", ["-sS", "--cacert", gate.ca, "https://127.0.0.1:\(gate.https)/"])
    #expect(output.standardOutput == "s1\n")
  }

  @Test func `sends 421 for a host that no certificate names`() throws {
    let gate = try Gate([.named("s1")])
    let output = try gate.curl("-H", "Host: other.test", "-w", "%{http_code}", "-o", "/dev/null")
    #expect(output.standardOutput == "421")
  }

  @Test func `redirects plain HTTP to HTTPS, path and query kept`() throws {
    let gate = try Gate([.named("s1")], redirects: true)
    let output = try run(
      "curl",
      [
        "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "--resolve",
        "www.test:\(gate.http):127.0.0.1", "http://www.test:\(gate.http)/a/b?c=d",
      ])
    #expect(output.standardOutput == "308 https://www.test:\(gate.https)/a/b?c=d")
  }

  @Test func `answers 408 to a head that does not end`() throws {
    let gate = try Gate([.named("s1")], extra: "timeouts: { head: 1s }")
    let answer = try gate.raw("GET / HTTP/1.1\r\nHost: a\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 408 "))
  }

  @Test func `ends a handshake that does not`() throws {
    let gate = try Gate([.named("s1")], extra: "timeouts: { handshake: 1s }")
    let socket = try RawSocket(port: gate.https)
    socket.send(Data([0x16, 0x03, 0x01]))
    #expect(socket.receiveAll().isEmpty)
  }

  @Test func `answers 502 to a response that may not be forwarded`() throws {
    for answer in [
      "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "",
    ] {
      let gate = try Gate([.scripted(answer)])
      let output = try gate.curl("-w", "%{http_code}", "-o", "/dev/null")
      #expect(output.standardOutput == "502", "\(answer.debugDescription)")
    }
  }
}
