import Testing

@testable import Control

@Suite struct RequestURLTests {
  @Test(arguments: [
    ("https://www.example.com", "www.example.com", 443, "/", "www.example.com"),
    ("HTTP://a.test:8080/x?y#z", "a.test", 8080, "/x?y", "a.test:8080"),
    ("http://a?b=c", "a", 80, "/?b=c", "a"),
    (
      "https://[2001:db8::1]:8443/a%2fb/../c", "2001:db8::1", 8443, "/a%2fb/../c",
      "[2001:db8::1]:8443"
    ),
    ("https://[::1]/", "::1", 443, "/", "[::1]"),
  ])
  func `a URL is taken apart, its path as it is`(
    _ text: String, _ host: String, _ port: Int, _ target: String, _ field: String
  ) throws {
    let url = try RequestURL(parsing: text)
    #expect(url.host == host && url.port == UInt16(port) && url.target == target)
    #expect(url.hostField == field)
  }

  @Test(arguments: [
    "", "www.test", "ftp://a/", "https://", "https:///x", "https://a:0/", "https://a:70000/",
    "https://a:/x", "https://a:+1/", "https://u@a/", "https://a/b c", "https://a/\u{e9}",
    "https://a/\r\nX: y", "https://[::1", "https://" + String(repeating: "a", count: 70_000),
  ])
  func `what is no URL is refused with an example`(_ text: String) {
    #expect(throws: ExplainError.self) { try RequestURL(parsing: text) }
  }
}
