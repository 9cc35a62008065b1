import Testing

@testable import Proxy

@Suite struct HostRulesTests {
  @Test(arguments: [
    ("a", "a"), ("WWW.example.test", "WWW.example.test"), ("a.", "a."), ("a:80", "a"), ("a:", "a"),
    ("a:65535", "a"), ("a:0", "a"), ("1.2.3.4:8080", "1.2.3.4"), ("[::1]", "[::1]"),
    ("[fe80::1]:443", "[fe80::1]"), ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"), ("a_b-c", "a_b-c"),
  ])
  func `the host is Host without its port`(_ value: String, _ host: String) {
    let request = ParsedRequest.with(host: value)
    #expect(request.host == host)
    #expect(request.authority == value)
  }

  @Test(arguments: [
    "", ":80", "a b", "a,b", "a, b", "a/b", "a?b", "a#b", "a@b", "user@a", "user:pw@a", "a\\b",
    "a%20b", "a;b", "*", "*.a", "a:b", "a:-1", "a:+1", "a:65536", "a:99999", "a:123456", "a:80:80",
    "a: 80", "a :80", "[", "[]", "[:]", "]", "[::1", "::1", "[::1]a", "[::1]:b", "[::g]",
    "[fe80::1%25eth0]", "[[::1]]", "\"a\"", "<a>", "é", "a\u{a0}", "http://a", "a\tb",
  ])
  func `a Host that is no host is refused`(_ value: String) {
    #expect(ParsedRequest.with(host: value).outcome == .reject(.badHost))
    #expect(
      ParsedRequest.with(line: "GET / HTTP/1.0", host: value).outcome == .reject(.badHost))
  }

  @Test func `a Host is no longer than names are`() {
    let longest = String(repeating: "a", count: 255)
    #expect(ParsedRequest.with(host: "\(longest):65535").host == longest)
    #expect(ParsedRequest.with(host: "\(longest)aaaaaaa").outcome == .reject(.badHost))
  }

  @Test func `Host is there once`() {
    #expect(ParsedRequest.with(host: nil).outcome == .reject(.missingHost))
    for second in ["Host: a", "Host: b", "host: a", "HOST:a"] {
      #expect(ParsedRequest.with(second).outcome == .reject(.repeatedHost))
      #expect(
        ParsedRequest.with(second, line: "GET / HTTP/1.0").outcome == .reject(.repeatedHost))
      #expect(
        ParsedRequest.with(second, line: "GET http://a/ HTTP/1.1").outcome
          == .reject(.repeatedHost))
    }
    #expect(
      ParsedRequest.with(line: "GET http://a/ HTTP/1.1", host: nil).outcome
        == .reject(.missingHost))
  }

  @Test func `HTTP 1 dot 0 may come without Host`() {
    let request = ParsedRequest.with(line: "GET /a HTTP/1.0", host: nil)
    #expect(request.outcome == .head)
    #expect(request.host == "")
    let absolute = ParsedRequest.with(line: "GET http://b:80/a HTTP/1.0", host: nil)
    #expect(absolute.host == "b")
    #expect(absolute.authority == "b:80")
  }

  @Test(arguments: [
    ("/", "/", ""), ("/a?b", "/a", "b"), ("/a?", "/a", ""), ("/?b?c", "/", "b?c"),
    ("http://a", "", ""), ("http://a/", "/", ""), ("https://A/b?c", "/b", "c"),
    ("HTTP://a?c=/d", "", "c=/d"), ("//a/b", "//a/b", ""), ("/http://b/", "/http://b/", ""),
  ])
  func `a target is a path and a query`(_ target: String, _ path: String, _ query: String) {
    let request = ParsedRequest.with(line: "GET \(target) HTTP/1.1")
    #expect(request.outcome == .head)
    #expect(request.path == path)
    #expect(request.query == query)
    #expect(request.host == "a")
  }

  @Test func `OPTIONS may be about the server itself`() {
    #expect(ParsedRequest.with(line: "OPTIONS * HTTP/1.1").path == "*")
    #expect(ParsedRequest.with(line: "POST * HTTP/1.1").outcome == .reject(.badTarget))
  }

  @Test(arguments: [
    ("http://b/", "a"), ("http://a:80/", "a"), ("http://a/", "a:80"), ("http://a:80/", "a:81"),
    ("http://a.b/", "a"), ("http://a@b/", "b"), ("http://b@a/", "a"), ("https://b?a", "a"),
    ("http://a./", "a"), ("http://[::1]/", "a"), ("http://a%2fb/", "a"), ("http://a\\@b/", "b"),
  ])
  func `a target that names another host than Host is refused`(_ target: String, _ host: String) {
    #expect(
      ParsedRequest.with(line: "GET \(target) HTTP/1.1", host: host).outcome
        == .reject(.hostMismatch))
  }

  @Test(arguments: ["http://b@c/", "http://é/", "http://b:x/", "http://b,c/", "http://[/"])
  func `an absolute target in place of Host is held to the same`(_ target: String) {
    let request = ParsedRequest.with(line: "GET \(target) HTTP/1.0", host: nil)
    #expect(
      request.outcome == .reject(target.contains("é") ? .badTarget : .badHost))
  }
}
