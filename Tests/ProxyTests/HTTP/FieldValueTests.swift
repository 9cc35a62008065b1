import Testing

@testable import Proxy

@Suite struct FieldValueTests {
  @Test(arguments: [
    ("0", 0), ("5", 5), ("007", 7), ("4294967296", 1 << 32),
    ("9223372036854775807", UInt64(Int64.max)),
  ])
  func `a length is digits`(_ text: String, _ length: UInt64) {
    #expect(FieldValue.contentLength(Array(text.utf8).span) == length)
  }

  @Test(arguments: [
    "", " ", "+5", "-5", "5 ", " 5", "5,5", "5, 6", "5;", "0x5", "5e3", "5.0", "1_000", "٥",
    "9223372036854775808", "9999999999999999999", "18446744073709551616",
    "00000000000000000005", "\u{0}5", "5\u{0}",
  ])
  func `a length is nothing else`(_ text: String) {
    #expect(FieldValue.contentLength(Array(text.utf8).span) == nil)
  }

  @Test(arguments: [
    ("close", ["close"]), ("a,b", ["a", "b"]), (" a ,\tb\t, ,c ", ["a", "b", "c"]),
    ("", []), (" ,\t, ", []), ("a b,c", ["a b", "c"]), (",,a", ["a"]), ("a,,", ["a"]),
  ])
  func `a list is taken apart at its commas`(_ text: String, _ expected: [String]) {
    let bytes = Array(text.utf8)
    var position = 0
    var tokens: [String] = []
    while let token = FieldValue.nextToken(bytes.span, &position) {
      tokens.append(bytes.text(token))
    }
    #expect(tokens == expected)
  }

  @Test(arguments: [
    ("close", true), ("CLOSE", true), ("keep-alive, Close", true), ("closed", false),
    ("disclose", false), ("close;q=1", false), ("close keep-alive", false), ("", false),
  ])
  func `a token is found whole, whatever its case`(_ list: String, _ isThere: Bool) {
    #expect(FieldValue.hasToken(Array(list.utf8).span, "close") == isThere)
  }

  @Test(arguments: [
    ("text/html", true), ("a,Text/HTML;q=1", true), ("text/htm", false), ("", false),
    ("xtext/html", true),
  ])
  func `a part is found anywhere`(_ value: String, _ isThere: Bool) {
    #expect(FieldValue.contains(Array(value.utf8).span, "text/html") == isThere)
  }

  @Test func `names are the same but for the case of letters`() {
    // `[` and `{`, `@` and backquote differ in the bit that tells letters' cases apart.
    for (one, other, isSame) in [
      ("Host", "hOST", true), ("Host", "Hosts", false), ("a[", "a{", false), ("a@", "a`", false),
      ("x-a", "x_a", false),
    ] {
      #expect(FieldValue.isSameName(Array(one.utf8).span, Array(other.utf8).span) == isSame)
    }
  }
}
