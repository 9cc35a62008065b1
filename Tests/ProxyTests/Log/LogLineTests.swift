import Foundation
import Testing

@testable import Proxy

/// Whatever a client sends, an exchange is one line, and JSON is valid.
@Suite struct LogLineTests {
  private static func log(_ format: ProxyConfiguration.AccessLog.Format) throws -> AccessLog {
    var plan = ProxyConfiguration.AccessLog(target: .file(path: "a"))
    plan.format = format
    var configuration = ProxyConfiguration()
    configuration.listeners = [.init(name: "https", addresses: [])]
    configuration.backends = [
      .init(name: "web", servers: [.init(name: "s1", address: .ipv4(0, port: 1))])
    ]
    configuration.routes = [.init(host: .any, path: .any, action: .backend(0))]
    configuration.policyRevision = "abc"
    let queue = try #require(LogQueue(limit: 1 << 20, counters: LogCounters()))
    return AccessLog(plan, queue, configuration)
  }

  private static func exchange() -> LoggedExchange {
    var exchange = LoggedExchange()
    exchange.endedAt = 1_795_767_213_123
    exchange.client = .ipv4(0xc000_0201)
    exchange.port = 4711
    (exchange.listener, exchange.route, exchange.backend, exchange.server) = (0, 0, 0, 0)
    exchange.status = 200
    exchange.bytesIn = 100
    exchange.bytesOut = 2750
    exchange.times = ExchangeTimes(
      began: 1_000_000, started: 1_010_500, placed: 1_020_500, connected: 1_021_750,
      answered: 1_050_000)
    exchange.ended = 1_060_250
    exchange.reason = exchange.ending.reason
    exchange.requestID = RequestID(high: 1, low: 2)
    return exchange
  }

  private static func note(
    _ bytes: [UInt8], _ format: ProxyConfiguration.AccessLog.Format = .json, keepsQuery: Bool = true
  ) -> RequestNote? {
    var head = RequestHead()
    let limits = HeadLimits(bytes: 1 << 16, targetBytes: 1 << 14, fields: 100)
    guard HeadParser.parseRequest(bytes.span, limits: limits, into: &head) == .head else {
      return nil
    }
    var plan = ProxyConfiguration.AccessLog(target: .standardError)
    plan.format = format
    plan.keepsQuery = keepsQuery
    var note = RequestNote()
    note.take(head, bytes.span, plan)
    return note
  }

  private static func line(
    _ exchange: LoggedExchange, _ note: RequestNote,
    _ format: ProxyConfiguration.AccessLog.Format = .json
  ) throws -> String {
    let log = try log(format)
    let bytes = [UInt8](capacity: LogLine.limit) { log.write(exchange, note, into: &$0) }
    return try #require(String(validating: bytes, as: UTF8.self))
  }

  private static func object(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }

  private static let request = Array(
    "GET /a?x=1 HTTP/1.1\r\nHost: www.test\r\nReferer: http://a/\"\r\nUser-Agent: c/1\r\n\r\n".utf8)

  @Test func `a line of JSON tells all fields by their names`() throws {
    var exchange = Self.exchange()
    exchange.judgement = Judgement(verdict: .allow, rule: .others)
    exchange.tls = unsafe .init(
      version: "TLSv1.3", cipher: CipherName(nil), isResumed: true,
      serverName: Array("www.test".utf8), clientName: Array("Ann \"A\"".utf8))
    let fields = try Self.object(
      try Self.line(exchange, try #require(Self.note(Self.request))))
    #expect(fields["ts"] as? String == "2026-11-27T08:13:33.123Z")
    #expect(fields["listener"] as? String == "https")
    #expect(fields["route"] as? String == "*/**")
    #expect(fields["backend"] as? String == "web" && fields["server"] as? String == "s1")
    #expect(fields["client_ip"] as? String == "192.0.2.1")
    #expect(fields["client_port"] as? Int == 4711)
    #expect(fields["method"] as? String == "GET" && fields["host"] as? String == "www.test")
    #expect(fields["path"] as? String == "/a?x=1" && fields["proto"] as? String == "HTTP/1.1")
    #expect(fields["status"] as? Int == 200 && fields["retries"] as? Int == 0)
    #expect(fields["bytes_in"] as? Int == 100 && fields["bytes_out"] as? Int == 2750)
    let times = try #require(fields["t"] as? [String: Double])
    #expect(
      times == [
        "req_ms": 10.5, "queue_ms": 10, "connect_ms": 1.25, "ttfb_ms": 28.25, "total_ms": 60.25,
      ])
    #expect(fields["term"] as? String == "--")
    #expect(fields["term_reason"] as? String == "the response went out whole")
    let tls = try #require(fields["tls"] as? [String: Any])
    #expect(tls["sni"] as? String == "www.test" && tls["resumed"] as? Bool == true)
    #expect(tls["client_cn"] as? String == "Ann \"A\"" && tls["version"] as? String == "TLSv1.3")
    #expect(
      fields["policy"] as? [String: String]
        == ["verdict": "allow", "rule": "others", "revision": "abc"])
    #expect(fields["trace_id"] as? String == "")
    #expect(fields["req_id"] as? String == "00000000000000010000000000000002")
  }

  @Test func `what was not reached is left out in JSON, and -1 in httplog`() throws {
    var exchange = Self.exchange()
    (exchange.backend, exchange.server) = (nil, nil)
    exchange.times = ExchangeTimes(began: 1_000_000, started: 1_000_000)
    exchange.ending = .forbidden
    let fields = try Self.object(try Self.line(exchange, RequestNote()))
    #expect(Set(try #require(fields["t"] as? [String: Double]).keys) == ["req_ms", "total_ms"])
    #expect(fields["tls"] == nil && fields["server"] as? String == "")
    let line = try Self.line(exchange, RequestNote(), .httplog)
    #expect(line.contains(" https https/<NOSRV> 0/-1/-1/-1/60 200 "))
    #expect(line.hasSuffix(" PR-- 0/0/0/0/0 0/0 \"<BADREQ>\"\n"))
  }

  @Test func `httplog and combined stand as their makers document them`() throws {
    let note = try #require(Self.note(Self.request, .combined))
    let line = try Self.line(Self.exchange(), note, .httplog)
    let start = try #require(line.range(of: "]: 192.0.2.1"))
    #expect(line.hasPrefix("Nov 27 08:13:33 "))
    #expect(
      line[line.index(start.lowerBound, offsetBy: 3)...]
        == "192.0.2.1:4711 [27/Nov/2026:08:13:33.063] https web/s1 10/10/1/28/60 200 2750 - - ---- "
        + "0/0/0/0/0 0/0 \"GET /a?x=1 HTTP/1.1\"\n")
    #expect(
      try Self.line(Self.exchange(), note, .combined)
        == "192.0.2.1 - - [27/Nov/2026:08:13:33 +0000] \"GET /a?x=1 HTTP/1.1\" 200 2750 "
        + "\"http://a/\\x22\" \"c/1\"\n")
  }

  @Test(arguments: [
    ("/a?token=b&x=1", "/a?token=***&x=1"), ("/a?x=1;Password=b", "/a?x=1;Password=***"),
    ("/a?%74oken=b", "/a?%74oken=***"), ("/a?access_token", "/a?access_token"),
    ("/a?tokens=b", "/a?tokens=b"), ("/a?sig=", "/a?sig=***"),
    ("http://www.test/a?pwd=b", "/a?pwd=***"),
  ])
  func `a secret in a query is not told`(_ target: String, _ told: String) throws {
    let bytes = Array("GET \(target) HTTP/1.1\r\nHost: www.test\r\n\r\n".utf8)
    let fields = try Self.object(
      try Self.line(Self.exchange(), try #require(Self.note(bytes))))
    #expect(fields["path"] as? String == told)
    let bare = try Self.object(
      try Self.line(Self.exchange(), try #require(Self.note(bytes, keepsQuery: false))))
    #expect(bare["path"] as? String == "/a")
  }

  @Test func `nor are passwords in a Referer`() throws {
    let text =
      "GET / HTTP/1.1\r\nHost: a\r\nReferer: https://ann:secret@a/b?jwt=secret\r\n"
      + "Authorization: Basic secret\r\nCookie: s=secret\r\n\r\n"
    let note = try #require(Self.note(Array(text.utf8), .combined))
    let line = try Self.line(Self.exchange(), note, .combined)
    #expect(line.contains("\"***@a/b?jwt=***\"") && !line.contains("secret"))
  }

  @Test func `no bytes make two lines, or JSON that cannot be read`() throws {
    var random = SeededGenerator(state: 7)
    for _ in 0..<3000 {
      var bytes = Self.request
      // What the parser lets through only; the bytes of names are any.
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      let noise = (0..<Int.random(in: 0...300, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      var exchange = Self.exchange()
      exchange.tls = unsafe .init(
        version: "TLSv1.2", cipher: CipherName(nil), isResumed: false, serverName: noise,
        clientName: noise)
      let note = Self.note(bytes, .combined) ?? RequestNote()
      for format in ProxyConfiguration.AccessLog.Format.allCases {
        let line = try Self.line(exchange, note, format)
        #expect(line.hasSuffix("\n"))
        #expect(
          line.dropLast().unicodeScalars.allSatisfy {
            $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value)
          })
        if format == .json { _ = try Self.object(line) }
      }
    }
  }

  @Test func `the longest line has room`() throws {
    let target = "/" + String(repeating: "a", count: 8000)
    let worst = [UInt8](repeating: 0xff, count: 4000)
    let host = String(repeating: "h", count: 250)
    let text = "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nReferer: "
    let bytes =
      Array(text.utf8) + worst + Array("\r\nUser-Agent: ".utf8) + worst + [13, 10, 13, 10]
    let note = try #require(Self.note(bytes, .combined))
    var exchange = Self.exchange()
    exchange.tls = unsafe .init(
      version: "TLSv1.2", cipher: CipherName(nil), isResumed: false, serverName: worst,
      clientName: worst)
    for format in ProxyConfiguration.AccessLog.Format.allCases {
      #expect(try Self.line(exchange, note, format).utf8.count < LogLine.limit)
    }
  }

  @Test func `no reason needs escaping`() {
    let reasons =
      Ending.allCases.map(\.reason.description)
      + (0..<40).compactMap { HeadRejection(rawValue: $0)?.reason.description }
    #expect(reasons.count > 50)
    #expect(reasons.allSatisfy { !$0.contains("\"") && !$0.contains("\\") })
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_400_001, "2000-02-29T00:00:00.001Z"),
    (4_107_542_399_999, "2100-02-28T23:59:59.999Z"), (-5, "1970-01-01T00:00:00.000Z"),
    (Int64.max, "9999-12-31T23:59:59.999Z"),
  ])
  func `a time is told by the calendar`(_ time: Int64, _ text: String) {
    #expect(String(decoding: CivilTime(unixMilliseconds: time).rfc3339, as: UTF8.self) == text)
  }

  @Test func `a queue drops what is above its limit, and counts it`() throws {
    let counters = LogCounters()
    let queue = try #require(LogQueue(limit: 100, counters: counters))
    let memory = ByteBuffer(capacity: 100)
    defer { memory.free() }
    #expect(queue.add(memory, 0..<60, lines: 3, at: 0) == .taken)
    #expect(queue.add(memory, 0..<60, lines: 2, at: 0) == .droppedAndUntold)
    #expect(queue.add(memory, 0..<60, lines: 2, at: 1) == .dropped)
    #expect(counters.dropped == 4 && queue.heldBytes == 60)
    #expect(queue.take([]).count == 60 && queue.heldBytes == 60)
    queue.keep(0)
    #expect(queue.add(memory, 0..<100, lines: 2, at: 0) == .taken)
  }
}
