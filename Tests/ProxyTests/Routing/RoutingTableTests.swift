import Testing

@testable import Proxy

@Suite struct RoutingTableTests {
  private typealias Route = ProxyConfiguration.Route

  /// Least specific first: the order in the file must not matter.
  private static let routes: [(name: String, host: Route.Host, path: Route.Path)] = [
    ("any", .any, .any),
    ("any /health", .any, .exact("/health")),
    ("*.test /deep/**", .suffix("test"), .prefix("/deep")),
    ("*.a.test", .suffix("a.test"), .any),
    ("www /", .exact("www.a.test"), .prefix("/")),
    ("www /o/**", .exact("www.a.test"), .prefix("/o")),
    ("www /o/p/**", .exact("www.a.test"), .prefix("/o/p")),
    ("www /o", .exact("www.a.test"), .exact("/o")),
    ("www /o/p/q", .exact("www.a.test"), .exact("/o/p/q")),
    ("shop /only/", .exact("shop.a.test"), .prefix("/only/")),
  ]

  private static func names(_ order: [Int], _ host: String, _ path: String) -> String? {
    let table = RoutingTable(
      order.map { Route(host: routes[$0].host, path: routes[$0].path, action: .local) })
    return table.lookup(host: Array(host.utf8).span, path: Array(path.utf8).span)
      .map { routes[order[$0]].name }
  }

  @Test(arguments: [
    ("www.a.test", "/o", "www /o"), ("www.a.test", "/o/", "www /o/**"),
    ("www.a.test", "/o/x", "www /o/**"), ("www.a.test", "/o/p", "www /o/p/**"),
    ("www.a.test", "/o/p/q", "www /o/p/q"), ("www.a.test", "/o/p/q/r", "www /o/p/**"),
    ("www.a.test", "/o/pq", "www /o/**"), ("www.a.test", "/o2", "www /"),
    ("www.a.test", "/O", "www /"), ("www.a.test", "/", "www /"), ("WWW.A.Test.", "/o", "www /o"),
    ("www.a.test", "/health", "www /"), ("x.a.test", "/health", "*.a.test"),
    ("y.x.a.test", "/health", "any /health"), ("y.x.a.test", "/", "any"),
    ("a.test", "/deep/x", "*.test /deep/**"), ("a.test", "/deeper", "any"),
    ("test", "/deep", "any"), ("shop.a.test", "/only/x", "shop /only/"),
    ("shop.a.test", "/only", "*.a.test"), ("", "/", "any"), ("b", "/health", "any /health"),
    (".a.test", "/", "any"), ("[::1]", "/", "any"),
  ])
  func `the most specific route wins, in whatever order they stand`(
    _ host: String, _ path: String, _ expected: String
  ) {
    let order = Array(Self.routes.indices)
    #expect(Self.names(order, host, path) == expected)
    #expect(Self.names(order.reversed(), host, path) == expected)
    var random = SeededGenerator(state: 7)
    for _ in 0..<10 {
      #expect(Self.names(order.shuffled(using: &random), host, path) == expected)
    }
  }

  @Test func `what no route takes has none`() {
    let order = [4, 5, 9]
    #expect(Self.names(order, "www.a.test", "/x") == "www /")
    #expect(Self.names(order, "x.a.test", "/x") == nil)
    #expect(Self.names(order, "shop.a.test", "/onl") == nil)
    #expect(Self.names(order, "", "/") == nil)
    #expect(Self.names([], "a", "/") == nil)
  }

  @Test func `ten thousand hosts are told apart`() {
    let routes = (0..<10_000).map {
      Route(host: .exact("h\($0).test"), path: .prefix("/"), action: .local)
    }
    let table = RoutingTable(routes)
    for number in stride(from: 0, to: 10_000, by: 37) {
      let host = Array("H\(number).test".utf8)
      #expect(table.lookup(host: host.span, path: Array("/".utf8).span) == number)
    }
    #expect(table.lookup(host: Array("h10000.test".utf8).span, path: Array("/".utf8).span) == nil)
  }
}
