import Foundation
import Testing

@testable import Certificates
@testable import Names

/// What an authority, a name server or whoever stands in between could send.
struct HostileAnswerTests {
  @Test func `a problem becomes one line, whatever it holds`() throws {
    let json = #"""
      {"type":"urn:ietf:params:acme:error:rejectedIdentifier","detail":"some are\u001b[31m not\nallowed",
      "subproblems":[{"type":"urn:ietf:params:acme:error:caa","detail":"CAA forbids it",
      "identifier":{"type":"dns","value":"shop.test"}},{"detail":"odd"}]}
      """#
    let problem = try #require(ProblemDocument(json: Array(json.utf8)))
    #expect(
      "\(problem)" == "rejectedIdentifier: some are [31m not allowed "
        + "(shop.test: caa CAA forbids it; a name:  odd)")
    #expect(
      ProblemDocument(json: Array(#"{"type":"about:blank"}"#.utf8))?.description == "about:blank")
    #expect(ProblemDocument(json: Array(#"{"detail":"x"}"#.utf8))?.type == "about:blank")
    #expect(ProblemDocument(json: Array("{}".utf8)) == nil)
    #expect(ProblemDocument(json: Array("[]".utf8)) == nil)
    #expect(ProblemDocument(json: Array(#"{"type":7}"#.utf8)) == nil)
    let long = #"{"detail":"\#(String(repeating: "x", count: 100_000))"}"#
    #expect((ProblemDocument(json: Array(long.utf8))?.detail.count ?? .max) <= 1_000)
    #expect(ProblemDocument(json: Array(String(repeating: "[", count: 1 << 20).utf8)) == nil)
    #expect(ProblemDocument(json: Array(String(repeating: "{\"a\":", count: 200_000).utf8)) == nil)
  }

  @Test(arguments: [
    "../../../etc/passwd", "a/b", "", "a b", "a.b", "é", "a\u{0}", "a\n", "a\"",
    String(repeating: "a", count: 257),
  ])
  func `a token that is more than base64url is never used`(_ token: String) throws {
    let key = try AccountKey(try PrivateKey.generate(), of: "test")
    #expect(throws: ACMEError.self) {
      try ChallengeAnswer(token: token, key: key, name: "shop.test")
    }
    #expect(throws: ACMEError.self) { try ChallengeAnswer(token: nil, key: key, name: "x") }
  }

  @Test(arguments: [
    "", "https://", "http://a.test/", "ftp://a.test", "https:///x", "https://a.test:0/",
    "https://a.test:65536/", "https://a.test:x/", "https://a.test:+1/", "https://user@a.test/",
    "https://a.test/#x", "https://a.test/a b", "https://a.test/\r\nX: y", "https://a.test/é",
    "https://*.a.test/", "https://[::1/", "https://[::1]x/", "https://a..test/", "https://-a.test/",
    "https://a.test\\b", "javascript:alert(1)", "https://1.2.3/",
    "https://a.test/" + String(repeating: "x", count: 5_000),
  ])
  func `a URL that leads elsewhere than it looks is refused`(_ text: String) {
    #expect(throws: ACMEError.self) { try SecureURL(text) }
  }

  @Test(arguments: [
    ("https://a.test", "a.test", 443, "/"),
    ("HTTPS://A.test:8443/d?x=1", "a.test:8443", 8443, "/d?x=1"),
    ("https://[2001:db8::1]/x", "[2001:db8::1]", 443, "/x"),
    ("https://192.0.2.7:14000/dir", "192.0.2.7:14000", 14_000, "/dir"),
    ("https://a.test?q", "a.test", 443, "/?q"), ("https://[::1]:444/", "[::1]:444", 444, "/"),
  ])
  func `a URL comes apart into host, port and target`(
    _ text: String, _ host: String, _ port: Int, _ target: String
  ) throws {
    let url = try SecureURL(text)
    #expect(url.hostField == host && Int(url.port) == port && url.target == target)
  }

  private static let answers = [
    #"{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o","meta":{}}"#,
    #"{"status":"pending","authorizations":["https://a/1"],"finalize":"https://a/f","error":{}}"#,
    #"{"status":"pending","identifier":{"type":"dns","value":"x"},"challenges":[{"type":"dns-01","#
      + #""url":"https://a/c","token":"t","error":{"type":"x","subproblems":[{}]}}],"wildcard":true}"#,
    #"{"suggestedWindow":{"start":"2027-01-01T00:00:00Z","end":"2027-01-02T00:00:00.5+01:00"}}"#,
    #"{"type":"urn:ietf:params:acme:error:badNonce","detail":"é😀","subproblems":[]}"#,
  ]

  @Test(arguments: answers)
  func `changed JSON never traps`(_ seed: String) {
    var numbers = FixedNumbers(state: 23)
    for round in 0..<3_000 {
      var bytes = Array(seed.utf8)
      for _ in 0..<Int.random(in: 0...4, using: &numbers) {
        let place = Int.random(in: bytes.indices, using: &numbers)
        switch Int.random(in: 0...3, using: &numbers) {
        case 0: bytes[place] = .random(in: 0...255, using: &numbers)
        case 1:
          bytes.insert(
            contentsOf: Array("\"{}[]:,-9e\\u".utf8).shuffled(using: &numbers).prefix(2), at: place)
        case 2: bytes.removeSubrange(place..<min(place + 3, bytes.count - 1))
        default: bytes.append(contentsOf: bytes[place...])
        }
        if bytes.isEmpty { bytes = [0x7b] }
      }
      if round % 5 == 0 {
        bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &numbers)))
      }
      let response = HTTPSResponse(status: 200, fields: [], body: bytes)
      _ = try? response.decoded(ACMEDirectory.self, "x", from: "y")
      _ = try? response.decoded(ACMEOrder.self, "x", from: "y")
      _ = try? response.decoded(ACMEAuthorization.self, "x", from: "y")
      _ = try? response.decoded(ACMEAccount.self, "x", from: "y")
      _ = ProblemDocument(json: bytes).map { "\($0)" }
      _ = RenewalWindow(json: bytes)
    }
  }

  @Test func `changed answers of HTTP never trap`() {
    let seeds = [
      "HTTP/1.1 200 OK\r\nLink: <https://a>;rel=\"alternate\"\r\nRetry-After: 7\r\n\r\nbody",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 429 No\r\nContent-Length: 5\r\n\r\nhello",
    ]
    var numbers = FixedNumbers(state: 29)
    var whole = 0
    for round in 0..<30_000 {
      var bytes = Array(seeds[round % seeds.count].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &numbers) {
        bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
          in: 0...255, using: &numbers)
      }
      var reader = ResponseReader(isOfHead: round % 7 == 0)
      var rest = bytes[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...40, using: &numbers))
        rest = rest.dropFirst(piece.count)
        guard let answer = try? reader.take(piece) else { continue }
        whole += 1
        _ = answer.links("alternate")
        _ = answer.retryAfter()
      }
      _ = try? reader.end()
    }
    #expect(whole > 3_000)
  }

  /// Name, kind, class, time to live.
  private static func record(_ kind: UInt8, _ data: [UInt8]) -> [UInt8] {
    [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
  }

  private static let message: [UInt8] =
    [0x12, 0x34, 0x84, 0, 0, 1, 0, 3, 0, 0, 0, 0, 1, 0x61, 4] + Array("test".utf8) + [
      0, 0, 16, 0, 1,
    ]
    + record(16, [3] + Array("one".utf8) + [3] + Array("two".utf8))
    + record(5, [1, 0x62, 0xc0, 14]) + record(1, [192, 0, 2, 7])

  @Test func `an answer of the DNS is read with its pointers and strings`() throws {
    let message = try #require(DNSMessage(Self.message))
    #expect(message.id == 0x1234 && message.code == 0 && !message.isTruncated)
    #expect(
      message.answers == [
        .init(name: "a.test", kind: 16, value: "onetwo", ttl: message.answers[0].ttl),
        .init(name: "a.test", kind: 5, value: "b.test", ttl: message.answers[0].ttl),
        .init(
          name: "a.test", kind: 1, value: "", address: [192, 0, 2, 7],
          ttl: message.answers[0].ttl),
      ])
  }

  @Test func `names that point at themselves or forward are refused`() {
    for target: UInt8 in [12, 14, 20, 255] {
      var bytes = Self.message
      bytes.replaceSubrange(12..<14, with: [0xc0, target])
      #expect(DNSMessage(bytes) == nil)
    }
    #expect(
      DNSMessage.question(String(repeating: "a", count: 64), .text, id: 1, wantsRecursion: true)
        == nil)
    #expect(
      DNSMessage.question(String(repeating: "a.", count: 130), .text, id: 1, wantsRecursion: true)
        == nil)
  }

  @Test func `changed answers of the DNS never trap`() {
    var numbers = FixedNumbers(state: 31)
    var readable = 0
    for _ in 0..<50_000 {
      var bytes = Self.message
      for _ in 0..<Int.random(in: 0...4, using: &numbers) {
        bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
          in: 0...255, using: &numbers)
      }
      if Bool.random(using: &numbers) {
        bytes.removeLast(Int.random(in: 0...bytes.count, using: &numbers))
      }
      readable += DNSMessage(bytes) == nil ? 0 : 1
    }
    #expect(readable > 5_000)
  }
}
