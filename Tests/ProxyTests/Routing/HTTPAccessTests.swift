import Testing

@testable import Proxy

@Suite struct HTTPAccessTests {
  typealias Route = ProxyConfiguration.Route

  private static let anybody = AccessRules(ipv4: [.init(first: 0, last: .max)], ipv6: [])
  private static let office = AccessRules(ipv4: [.init(first: 1, last: 1)], ipv6: [])
  private static let officer = IPAddress.ipv4(1)
  private static let stranger = IPAddress.ipv4(2)

  private static func access(
    _ paths: [Route.Path], host: Route.Host = .exact("www.example.com"),
    for sources: AccessRules = office, others: AccessRules = anybody
  ) -> HTTPAccess {
    HTTPAccess(
      rules: paths.map { .init(host: host, path: $0, sources: sources) }, others: others)
  }

  private static let guarded = access([
    .prefix("/admin"), .prefix("/@root"), .exact("/a:b"), .exact("/exact"), .exact("/a%40z"),
    .exact("/end/"),
  ])

  @Test(arguments: [
    "/admin", "/admin/x", "/admin;a=b/x", "/admin;/x", "/admin;x", "/;/admin/x", "/admin/",
    "/admin/;x", "/admin%3Bx", "/admin%3bx/y", "/;a/;b/admin", "/%3B/admin", "/admin;a%2Cb/x",
    "/exact", "/exact;v=1", "/exact/", "/exact//", "/exact/;", "/exact;/", "//exact", "/exact%3B",
    "/@root/x", "/%40root/x", "/%40root", "/%40root;x/y", "/a:b", "/a%3Ab", "/a%3ab/", "/a:b;c",
    "/a%40z", "/a@z", "/a@z;", "/a%40z/", "/end/", "/end", "/end;x",
  ])
  func `no spelling of a path leads around its rule`(_ path: String) {
    let host = "www.example.com"
    #expect(!Self.guarded.allows(Self.stranger, host: host, path: path, at: 0))
    #expect(Self.guarded.allows(Self.officer, host: host, path: path, at: 0))
    #expect(Self.guarded.matching(host: host, path: path)?.count == 1)
    #expect(Self.guarded.allows(Self.stranger, host: "other.example.com", path: path, at: 0))
  }

  @Test(arguments: [
    "/", "/;x", "/administrator", "/administrator;x/", "/exactly", "/exact/x", "/a/b;c", "/x/admin",
    "/x;/admin", "/adm;in", "/a", "/a%2540z", "/@rooted", "/%40rooted", "/Admin", "/endless/", "*",
    "/admin%20x",
  ])
  func `what no rule names stays free`(_ path: String) {
    #expect(Self.guarded.allows(Self.stranger, host: "www.example.com", path: path, at: 0))
    #expect(Self.guarded.matching(host: "www.example.com", path: path) == [])
  }

  @Test(arguments: [
    ("/open/x", true), ("/open", true), ("/open/", true), ("/open/x;v=1", true), ("/a%40z", true),
    ("/open/a%20b", true), ("/open;v=1/x", false), ("/open;x", false), ("/;/open", false),
    ("/%6fpen", true), ("/a@z", false), ("/a%40z;x", false), ("/end/", true), ("/end", false),
    ("/open%3B/x", false), ("/other", false),
  ])
  func `a rule opens only what it names as it is written`(_ path: String, _ isAllowed: Bool) {
    let access = Self.access(
      [.prefix("/open"), .exact("/a%40z"), .exact("/end/")], for: Self.anybody, others: Self.office)
    let host = "www.example.com"
    #expect(access.allows(Self.stranger, host: host, path: path, at: 0) == isAllowed)
    #expect(access.allows(Self.officer, host: host, path: path, at: 0))
    let matches = access.matching(host: host, path: path)
    #expect(matches?.contains(where: \.isAsWritten) == isAllowed)
  }

  @Test(arguments: [
    ("", true, false), ("www.example.com", true, false), ("192.0.2.1", true, false),
    ("[::1]", true, false), ("corp.example.com", true, false), ("xcorp.example.com", true, false),
    (".corp.example.com", true, false), ("x.corp.example.com.evil", true, false),
    ("x.corp.example.com", true, true), ("x.y.corp.example.com", true, true),
    ("X.Y.Z.Corp.Example.Com.", true, true),
  ])
  func `a rule names every host, or all below one`(_ host: String, _ byAny: Bool, _ bySuffix: Bool)
  {
    let hosts: [(Route.Host, Bool)] = [(.any, byAny), (.suffix("corp.example.com"), bySuffix)]
    for (pattern, isNamed) in hosts {
      let access = Self.access([.prefix("/admin")], host: pattern)
      #expect(access.allows(Self.stranger, host: host, path: "/admin/x", at: 0) != isNamed)
      #expect(access.allows(Self.stranger, host: host, path: "/other", at: 0))
    }
  }

  @Test func `a rule for every host leaves the others in force`() {
    var access = Self.access([.any], host: .any, for: Self.anybody)
    access.rules += Self.guarded.rules
    #expect(!access.allows(Self.stranger, host: "www.example.com", path: "/admin;x", at: 0))
    #expect(access.allows(Self.stranger, host: "", path: "/admin;x", at: 0))
  }

  @Test func `a path that would be refused is nobody's`() {
    for path in ["/a/../admin", "/..;/admin", "/a%2Fb", "/%"] {
      #expect(!Self.guarded.allows(Self.officer, host: "www.example.com", path: path, at: 0))
      #expect(Self.guarded.matching(host: "www.example.com", path: path) == nil)
    }
  }

  /// Against every reading asked by itself, of the path and of the patterns.
  @Test func `a request is let in if each reading of its path is`() {
    var random = SeededGenerator(state: 11)
    var refused = 0
    for _ in 0..<5000 {
      let patterns = (0..<Int.random(in: 1...3, using: &random)).map { _ in Self.path(&random) }
      let paths = patterns.map { pattern -> Route.Path in
        pattern.hasSuffix("/") || Bool.random(using: &random) ? .exact(pattern) : .prefix(pattern)
      }
      var access = Self.access(
        paths, host: .any, others: Bool.random(using: &random) ? Self.anybody : Self.office)
      for index in access.rules.indices where Bool.random(using: &random) {
        access.rules[index].sources = Self.anybody
      }
      let path = Self.path(&random)
      let isAllowed = Self.isAllowedInEachReading(access, patterns, path)
      #expect(
        access.allows(Self.stranger, host: "", path: path, at: 0) == isAllowed,
        "\(paths) \(path)")
      refused += isAllowed ? 0 : 1
    }
    #expect((500...4500).contains(refused))
  }

  private static func isAllowedInEachReading(
    _ access: HTTPAccess, _ patterns: [String], _ path: String
  ) -> Bool {
    let patterns = patterns.map(readings)
    return readings(path).enumerated().allSatisfy { reading, path in
      let named = access.rules.indices.filter { index in
        let pattern = patterns[index][reading]
        guard case .prefix = access.rules[index].path else { return pattern == path }
        let below = pattern.hasSuffix("/") ? pattern : "\(pattern)/"
        return pattern == path || path.hasPrefix(below)
      }
      return named.isEmpty
        ? access.others.allows(stranger, at: 0)
        : named.allSatisfy { access.rules[$0].sources.allows(stranger, at: 0) }
    }
  }

  /// Normalised.
  private static func path(_ random: inout SeededGenerator) -> String {
    let pieces = ["/", "/", "/a", "/b", "a", ";", ";a", "/;", "%3B", "%40", "@", "%25", "%2540"]
    let text = (0..<Int.random(in: 1...4, using: &random)).compactMap { _ in
      pieces.randomElement(using: &random)
    }.joined()
    let bytes = PathNormalizer.normalised(Array("/\(text)".utf8).span)
    return String(decoding: bytes ?? [], as: UTF8.self)
  }

  /// Every combination of what a server may do, in every order.
  private static func readings(_ path: String) -> [String] {
    [path, decoded(path), cut(path), decoded(cut(path)), cut(decoded(path))].flatMap { text in
      [text, merged(text), withoutLastSlash(text), withoutLastSlash(merged(text))]
    }
  }

  private static func decoded(_ path: String) -> String {
    path.split(separator: "%", omittingEmptySubsequences: false).enumerated().map { index, part in
      guard index > 0, let byte = UInt8(part.prefix(2), radix: 16) else { return String(part) }
      return "\(UnicodeScalar(byte))\(part.dropFirst(2))"
    }.joined()
  }

  private static func cut(_ path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).map { segment in
      String(segment.prefix { $0 != ";" })
    }.joined(separator: "/")
  }

  private static func merged(_ path: String) -> String {
    path.reduce(into: "") { text, letter in
      if letter != "/" || text.last != "/" { text.append(letter) }
    }
  }

  private static func withoutLastSlash(_ path: String) -> String {
    var path = path
    while path.count > 1, path.last == "/" { path.removeLast() }
    return path
  }
}
