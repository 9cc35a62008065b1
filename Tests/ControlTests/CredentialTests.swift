import Foundation
import Proxy
import Testing

@testable import Control

struct CredentialTests {
  @Test(
    arguments: [
      ([], .none), (["Bearer abc"], .token("abc")), (["bearer abc"], .token("abc")),
      (["BEARER   a-b._~+/="], .token("a-b._~+/=")), ([""], .malformed), (["Bearer"], .malformed),
      (["Bearer a b"], .malformed), (["Bearerabc"], .malformed), (["Basic abc"], .malformed),
      (["Bearer abc", "Bearer abc"], .malformed), (["Bearer a\u{7f}"], .malformed),
      (["Bearer \u{e9}"], .malformed), (["Bearer a\tb"], .malformed),
      (["Bearer \(String(repeating: "a", count: 1025))"], .malformed),
    ] as [([String], Credentials.Bearer)])
  func `one bearer token is taken, and nothing that is not quite one`(
    _ values: [String], _ wanted: Credentials.Bearer
  ) {
    #expect(Credentials.bearer(values) == wanted)
  }

  @Test(
    arguments: [
      (["g=1"], "1"), (["a=b; g=1"], "1"), (["a=b;g=1;c"], "1"), (["a=b", "g=1"], "1"),
      (["g=a=b"], "a=b"), ([], nil), (["g"], nil), (["g="], nil), (["G=1"], nil), (["xg=1"], nil),
      (["g =1"], nil), (["g=1; g=2"], nil), (["g=1", "g=1"], nil), (["a=\"; g=1\""], "1\""),
      (["g=\(String(repeating: "a", count: 1025))"], nil),
    ] as [([String], String?)])
  func `a cookie is taken where there is just one of its name`(
    _ values: [String], _ wanted: String?
  ) {
    #expect(Credentials.cookie("g", values) == wanted)
  }

  @Test func `whatever is sent, nothing is taken that was not there, and nothing traps`() {
    var random = SeededGenerator(state: 7)
    let pieces = [
      "Bearer", "bearer ", " ", "=", ";", "; ", "g", "g=", "__Host-g=", "\"", ",", "\t", "\u{0}",
      "\u{301}", "\u{feff}", "é", "\u{1F600}", "\r", "\n", "a", "%3d", "\u{2028}",
    ]
    for _ in 0..<20_000 {
      let values = (0..<Int.random(in: 0...2, using: &random)).map { _ in
        (0..<Int.random(in: 0...6, using: &random)).map { _ in
          pieces[Int.random(in: 0..<pieces.count, using: &random)]
        }.joined()
      }
      if case .token(let token) = Credentials.bearer(values) {
        #expect(values.count == 1 && values[0].hasSuffix(token) || values[0].contains(token))
        #expect(!token.isEmpty && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f })
        #expect(values[0].lowercased().hasPrefix("bearer "))
      }
      if let cookie = Credentials.cookie("g", values) {
        #expect(values.joined(separator: ";").contains("g=\(cookie)"))
        #expect(!cookie.contains(";") && !cookie.isEmpty)
      }
    }
  }

  @Test func `digests are compared whole`() {
    #expect(Credentials.isSame([1, 2], [1, 2]) && Credentials.isSame([], []))
    #expect(!Credentials.isSame([1, 2], [1, 3]) && !Credentials.isSame([1], [1, 2]))
    let names = Set((0..<100).map { _ in Credentials.random() })
    #expect(names.count == 100 && names.allSatisfy { $0.utf8.count == 64 })
  }
}

struct SessionBookTests {
  private let book = SessionBook()
  private let start = ContinuousClock.now

  @Test func `a session lasts 12 hours and no longer`() {
    let cookie = book.begin([1], at: start)
    #expect(book.token(of: cookie, at: start + .seconds(12 * 3600 - 1))?.digest == [1])
    #expect(book.token(of: cookie, at: start + .seconds(12 * 3600)) == nil)
    #expect(book.token(of: cookie + "x", at: start) == nil && book.token(of: "", at: start) == nil)
  }

  @Test func `the oldest makes room, and a token that is gone takes its sessions along`() {
    let first = book.begin([1], at: start)
    let second = book.begin([2], at: start)
    for _ in 0..<SessionBook.sessionLimit - 1 { _ = book.begin([1], at: start) }
    #expect(book.count == SessionBook.sessionLimit)
    #expect(book.token(of: first, at: start) == nil)
    #expect(book.token(of: second, at: start) != nil)
    book.keep(only: [[2]])
    #expect(book.count == 1)
    book.end(second)
    #expect(book.count == 0)
  }
}

struct FailureBookTests {
  private let book = FailureBook()
  private let start = ContinuousClock.now

  @Test func `the tenth failure within a minute is the last, address by address`() {
    for _ in 0..<10 {
      #expect(book.wait(of: .ipv4(1), at: start) == nil)
      book.note(.ipv4(1), at: start)
    }
    #expect(book.wait(of: .ipv4(1), at: start + .seconds(20)) == .seconds(40))
    #expect(book.wait(of: .ipv4(2), at: start) == nil)
    #expect(book.wait(of: .ipv4(1), at: start + .seconds(60)) == nil)
    book.note(.ipv4(1), at: start + .seconds(60))
    #expect(book.wait(of: .ipv4(1), at: start + .seconds(61)) == nil)
  }

  @Test func `of IPv6 a whole network is one, and many of them are bounded`() {
    for number in 0..<10 as Range<UInt128> { book.note(.ipv6(1 << 64 | number), at: start) }
    #expect(book.wait(of: .ipv6(1 << 64 | 99), at: start) != nil)
    #expect(book.wait(of: .ipv6(2 << 64), at: start) == nil)
    for number in 0..<10_000 as Range<UInt128> { book.note(.ipv6(number << 64), at: start) }
    #expect(book.addressCount <= FailureBook.addressLimit)
  }
}

struct CrossSiteTests {
  private func refusal(_ method: String, _ fields: [(String, String)], _ origin: String?) -> Bool {
    var request = LocalRequest(method: method, path: "/")
    request.fields = fields.map { LocalField($0.0, $0.1) }
    return CrossSite.refusal(of: request, to: origin) != nil
  }

  @Test func `only our own pages, typed addresses and programs are answered`() {
    let own = "https://gate.test:9443"
    for (method, fields, isRefused) in [
      ("POST", [], false), ("POST", [("origin", own)], false),
      ("POST", [("origin", "HTTPS://Gate.Test:9443")], false),
      ("POST", [("sec-fetch-site", "same-origin")], false),
      ("GET", [("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], false),
      ("POST", [("sec-fetch-site", "none")], true), ("HEAD", [("sec-fetch-site", "none")], true),
      ("GET", [("sec-fetch-site", "")], true), ("GET", [("sec-fetch-site", "Same-Origin")], true),
      ("GET", [("origin", "")], true), ("GET", [("origin", "null")], true),
      ("GET", [("origin", own + ".evil")], true), ("GET", [("origin", "https://gate.test")], true),
      ("GET", [("origin", "https://gate.test:9443/")], true),
      ("GET", [("origin", "http://gate.test:9443")], true),
      ("GET", [("origin", own), ("origin", own)], true),
      ("GET", [("sec-fetch-dest", "image")], true), ("GET", [("sec-fetch-user", "?1")], true),
    ] as [(String, [(String, String)], Bool)] {
      #expect(refusal(method, fields, own) == isRefused, "\(method) \(fields)")
      // No page is ever at the Unix socket.
      #expect(refusal(method, fields, nil) == !fields.isEmpty, "\(method) \(fields)")
    }
  }
}

/// SplitMix64: the same every run.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
