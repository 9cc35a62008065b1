import Testing

@testable import Proxy

@Suite struct PathNormalizerTests {
  @Test(arguments: [
    ("", "/"), ("/", "/"), ("//", "/"), ("/a", "/a"), ("/a/", "/a/"), ("//a///b//", "/a/b/"),
    ("/%61%2Db", "/a-b"), ("/%41%5a%5F%7e%30", "/AZ_~0"), ("/a%2eb", "/a.b"),
    ("/%2e%2e%2e", "/..."),
    ("/.a", "/.a"), ("/..a", "/..a"), ("/a..", "/a.."), ("/a./b", "/a./b"), ("/...", "/..."),
    ("/a;b=c/d", "/a;b=c/d"), ("/;..", "/;.."), ("/a;/b", "/a;/b"),
    ("/%3f%23%20", "/%3F%23%20"), ("/%c3%a9", "/%C3%A9"), ("/%25", "/%25"), ("/%252e", "/%252e"),
    ("/%252f..a", "/%252f..a"), ("/%3b", "/%3B"), ("/%0a%0d", "/%0A%0D"), ("/a+b:c@d", "/a+b:c@d"),
    ("*", "*"), ("/%7f", "/%7F"), ("/%ff", "/%FF"), ("/~a", "/~a"),
  ])
  func `a path is read in one way`(_ path: String, _ expected: String) {
    #expect(Self.normalised(path) == expected)
  }

  @Test(arguments: [
    "/.", "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b", "/a//../b", "..", ".",
    "./a", "/%2e", "/%2E%2e", "/.%2e/a", "/%2e./a", "/a/%2e%2e/b", "/a/%2E", "/..;", "/..;x/a",
    "/.;x", "/a/..;b=c;d/e", "/%2e%2e;x", "/..%3bx", "/..%3b", "/%2e%3B/",
  ])
  func `a segment of dots is refused, however written`(_ path: String) {
    #expect(Self.normalised(path) == nil)
  }

  @Test(arguments: [
    "/a%2fb", "/a%2Fb", "/%2f", "%2f", "/..%2f", "/a%5cb", "/a%5Cb", "/a\\b", "\\", "/a%00",
    "/%00b",
    "/%", "/%2", "/%a", "/%zz", "/%2g", "/%g2", "/%%41", "/a%", "/a%4", "/%+1", "/% 1", "/%u0041",
  ])
  func `what readers take in different ways is refused`(_ path: String) {
    #expect(Self.normalised(path) == nil)
  }

  @Test func `what is not unreserved stays encoded`() {
    let plain = Set("-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for byte in UInt8.min ... .max {
      let digits = String(byte, radix: 16, uppercase: true)
      let escape = "%" + (digits.count < 2 ? "0" : "") + digits
      for spelled in [escape, escape.lowercased()] {
        let result = Self.normalised("/a\(spelled)b")
        if [0x00, 0x2f, 0x5c].contains(byte) {
          #expect(result == nil, "\(spelled)")
        } else if plain.contains(byte) {
          #expect(result == "/a\(Character(UnicodeScalar(byte)))b", "\(spelled)")
        } else {
          #expect(result == "/a\(escape)b", "\(spelled)")
        }
      }
    }
  }

  @Test func `twice is once, and no dots or doubled slashes are left`() {
    let pieces = [
      "/", "//", ".", "..", ";", ";a", "%2e", "%2E", "%2f", "%5c", "%00", "%25", "%252e", "%3b",
      "%3F", "%", "%4", "a", "%61", "\\", "é", "*", "?", "%c3", "/..;", "~",
    ]
    var random = SeededGenerator(state: 3)
    var taken = 0
    for _ in 0..<20_000 {
      let path = (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
        pieces.randomElement(using: &random)
      }.joined()
      guard let once = Self.normalised("/" + path) else { continue }
      taken += 1
      #expect(Self.normalised(once) == once, "\(path)")
      #expect(!once.contains("//") && !once.contains("\\"), "\(path)")
      for segment in once.split(separator: "/") {
        #expect(![".", ".."].contains(segment.prefix { $0 != ";" }), "\(path)")
      }
    }
    #expect(taken > 5000)
  }

  @Test func `a path that does not fit is refused`() {
    #expect(Self.normalised("/abc", capacity: 4) == nil)
    #expect(Self.normalised("/abc", capacity: 5) == "/abc")
    #expect(Self.normalised("", capacity: 0) == nil)
  }

  private static func normalised(_ path: String, capacity: Int = 1000) -> String? {
    var isTaken = false
    let text = written(capacity: capacity) {
      isTaken = PathNormalizer.normalise(Array(path.utf8).span, into: &$0)
    }
    return isTaken ? text : nil
  }
}
