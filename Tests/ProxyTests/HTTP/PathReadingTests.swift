import Testing

@testable import Proxy

@Suite struct PathReadingTests {
  @Test(arguments: [
    ("/", "/"), ("*", "*"), ("/a", "/a"), ("/a/b", "/a/b"), ("/a/", "/a"), ("/a;x", "/a"),
    ("/a;x/b", "/a/b"), ("/a;/b;c=d;e", "/a/b"), ("/;/a", "/a"), ("/;x", "/"), ("/;a/;b/", "/"),
    ("/a/;x/b", "/a/b"), ("/a/;x", "/a"), ("/%40a", "/@a"), ("/a%3Ab", "/a:b"),
    ("/a%3Bb/c", "/a/c"), ("/a%3Bb;c", "/a"), ("/a%2540", "/a%40"), ("/a%252Fb", "/a%2Fb"),
    ("/a%2Fb", "/a%2Fb"), ("/a%20/", "/a "), ("/a%", "/a%"), ("/a%4", "/a%4"), ("/a/%3B", "/a"),
  ])
  func `the loosest reading has all done that a server may do`(_ path: String, _ loosest: String) {
    let bytes = PathReading.loosest(Array(path.utf8).span)
    #expect(String(decoding: bytes, as: UTF8.self) == loosest)
    let isPlain = PathReading.isPlain(bytes.span)
    #expect(isPlain != loosest.contains("%"))
  }

  @Test(arguments: [
    ("/", true), ("*", true), ("/a", true), ("/a/b.c-d~e", true), ("/a@b:c", true), ("/a/", false),
    ("/a;b", false), ("/;", false), ("/a%20b", false), ("/a/b/", false),
  ])
  func `a plain path has one reading`(_ path: String, _ isPlain: Bool) {
    let bytes = Array(path.utf8)
    let found = PathReading.isPlain(bytes.span)
    #expect(found == isPlain)
    let loosest = PathReading.loosest(bytes.span)
    #expect((loosest == bytes) == isPlain)
  }
}
