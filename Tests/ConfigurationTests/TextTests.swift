import Firewall
import Foundation
import Proxy
import Testing

@testable import Configuration

/// The small languages inside values.
struct TextTests {
  @Test(
    arguments: [
      ("0", 0), ("0B", 0), ("1B", 1), ("16KiB", 16 << 10), ("1GiB", 1 << 30), ("16", nil),
      ("KiB", nil), ("1.5KiB", nil), ("-1B", nil), ("+1B", nil), ("1 B", nil), ("1kib", nil),
      ("9223372036854775807GiB", Int.max), ("99999999999999999999999B", Int.max), ("١B", nil),
    ] as [(String, Int?)])
  func `a size is a whole number with its unit`(_ text: String, _ bytes: Int?) {
    #expect(ByteSize.parse(text) == bytes)
  }

  @Test(
    arguments: [
      ("500ms", .milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)),
      ("1h", .seconds(3600)), ("10", nil), ("1d", .seconds(86_400)), ("s", nil), ("1sec", nil),
    ] as [(String, Duration?)])
  func `a duration is a whole number with its unit`(_ text: String, _ span: Duration?) {
    #expect(TimeSpan.parse(text) == span)
  }

  @Test(arguments: [
    ("timeout", "tiemout", 1), ("", "abc", 3), ("host", "hots", 1), ("abc", "abc", 0),
    ("kitten", "sitting", 3),
  ])
  func `the distance counts slips of the fingers`(_ a: String, _ b: String, _ distance: Int) {
    #expect(Suggestion.distance(Array(a.utf8), Array(b.utf8)) == distance)
  }

  @Test(arguments: [
    "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:+80", "01.2.3.4:80", "1.2.3:80",
    "::1:80", "[::1]", "[1.2.3.4]:80", "[::1:80", "a b:80", "-a:80", "a..b:80", "a.:80",
    "1.2.3.4\u{0}:80", "http://a:80", "",
  ])
  func `what is no address with a port is refused`(_ text: String) {
    #expect(AddressText.parse(text) == nil)
  }

  @Test(
    arguments: [
      ("/", .exact("/")), ("/a/", .exact("/a/")), ("/**", .any), ("/a/b/**", .prefix("/a/b")),
      ("/a%20b", .exact("/a%20b")), ("/a%2fb", nil), ("/a%2Fb", nil), ("/%41", nil), ("/%", nil),
      ("/%2", nil), ("/a%3f", nil), ("/a%3F", .exact("/a%3F")), ("//", nil), ("/a//b", nil),
      ("/a//**", nil), ("/..;x/a", nil), ("/./a", nil), ("/a/..", nil), ("/a?b", nil), ("/*", nil),
      ("a", nil), ("", nil), ("/é", nil), ("/a b", nil), ("/a\\b", nil),
    ] as [(String, ProxyConfiguration.Route.Path?)])
  func `a path is written in the form in which it is matched`(
    _ text: String, _ path: ProxyConfiguration.Route.Path?
  ) {
    #expect(PathPattern.parse(text) == path)
  }

  @Test(arguments: [
    ("a/b.yaml", "c", "a/c"), ("b.yaml", "c", "c"), ("a/b.yaml", "../c", "c"),
    ("a/b.yaml", "../../c", "../c"), ("/a/b.yaml", "../../../c", "/c"), ("a/b.yaml", "/c", "/c"),
    ("./b.yaml", "./c/", "c"),
  ])
  func `a path is relative to the file that names it`(_ file: String, _ path: String, _ to: String)
  {
    #expect(FilePath.resolve(path, from: file) == to)
  }
}
