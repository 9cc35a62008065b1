import Configuration
import Proxy
import Testing

/// What a policy makes of the listeners.
struct AccessTests {
  private static let policy = """
    version: 1
    groups:
      hq: [10.0.0.0/8, "2001:db8::/32"]
      guests: [{ cidr: 10.1.0.0/16 }, { cidr: 192.0.2.0/24, until: 2099-12-31 }]
      staff: { include: [hq, guests], except: [10.0.0.9] }
    management: { from: [10.0.0.8/31], to: [tcp/22, tcp/8000-8100] }
    deny: [10.0.0.8]
    services:
      web: { listen: [tcp/80, udp/81], allow: [staff], deny: [10.128.0.0/9] }
      open: { listen: tcp/443, allow: any }
      mixed: { listen: tcp/8080, allow: 10.0.0.0/30 }
    """

  private func load(_ bind: String) throws -> (LoadedConfiguration, Folder) {
    let folder = try Folder()
    try folder.write("policies/p.yaml", Self.policy)
    let text =
      "listeners: { a: { bind: \(bind) } }\nroutes: [{ redirect: /a }]\npolicy: policies/p.yaml\n"
    return (try ConfigurationFile.load(try folder.write("g.yaml", text)), folder)
  }

  private func access(_ bind: String) throws -> AccessRules {
    try #require(try load(bind).0.proxy.listeners.first?.access)
  }

  @Test func `deny beats allow, and what is excepted stays out`() throws {
    let end: Int64 = 4_102_444_800
    let access = try access("':80'")
    #expect(
      access.ipv4 == [
        .init(first: 0x0a00_0000, last: 0x0a00_0007), .init(first: 0x0a00_000a, last: 0x0a7f_ffff),
        .init(first: 0xc000_0200, last: 0xc000_02ff, until: end),
      ])
    #expect(access.ipv6.count == 1)
  }

  @Test func `management is beyond deny`() throws {
    #expect(
      try access("':8080'").ipv4 == [
        .init(first: 0x0a00_0000, last: 0x0a00_0003), .init(first: 0x0a00_0008, last: 0x0a00_0009),
      ])
  }

  @Test func `any is everybody but whom deny names`() throws {
    let access = try access("':443'")
    #expect(
      access.ipv4 == [
        .init(first: 0, last: 0x0a00_0007), .init(first: 0x0a00_0009, last: .max),
      ])
    #expect(access.ipv6 == [.init(first: 0, last: .max)])
  }

  @Test func `a port of no service is a warning`() throws {
    let (loaded, folder) = try load("':81'")
    #expect(loaded.proxy.listeners.first?.access == AccessRules(ipv4: [], ipv6: []))
    #expect(
      loaded.warnings.last
        == "\(folder.path)/g.yaml:1:14: warning: listener \"a\": no service of the policy listens on "
        + "tcp/81; everybody but management is refused there")
  }

  @Test func `ports with differing rules are two listeners`() throws {
    let error = #expect(throws: ConfigurationErrors.self) { try load("[':80', ':443']") }
    #expect(
      error?.lines.first?.hasSuffix(
        "g.yaml:1:14: listener \"a\": the policy allows others on tcp/443 than on tcp/80; "
          + "make it two listeners") == true)
  }

  /// Everybody may ask for what no rule of `rules` names.
  private func load(rules: String, routes: String) throws -> LoadedConfiguration {
    let folder = try Folder()
    try folder.write(
      "p.yaml",
      """
      version: 1
      management: { from: [10.0.0.8], to: [tcp/22] }
      services: { web: { listen: tcp/443, allow: any, http: [\(rules)] } }
      """)
    let text = """
      listeners: { a: { bind: ':443' } }
      backends: { web: { servers: ["127.0.0.1:1"] }, admin: { servers: ["127.0.0.1:2"] } }
      routes: [\(routes)]
      policy: p.yaml

      """
    let file = try folder.write("g.yaml", text)
    return try withExtendedLifetime(folder) { try ConfigurationFile.load(file) }
  }

  private static let hidden = "{ host: www.test, path: /admin/**, allow: [10.0.0.1] }"

  @Test(arguments: [
    (hidden, "{ backend: web }", true),
    (hidden, "{ host: www.test, path: /x, backend: web }, { backend: web }", true),
    (hidden, "{ host: www.test, backend: web }, { host: '*.test', backend: web }", false),
    (hidden, "{ host: www.test, backend: admin }, { backend: web }", false),
    (hidden, "{ host: www.test, backend: admin }, { redirect: /a }", false),
    (hidden + ", { host: '*', path: /admin/**, allow: [10.0.0.1] }", "{ backend: web }", false),
    ("{ host: www.test, allow: any }", "{ backend: web }", false),
  ])
  func `that another host leads around a rule is a warning`(
    _ rules: String, _ routes: String, _ isTold: Bool
  ) throws {
    let loaded = try load(rules: rules, routes: routes)
    let told = loaded.warnings.filter {
      $0.hasSuffix(
        "warning: listener \"a\": requests for other hosts, or for none, fall under `allow` of "
          + "service \"web\"; add a rule with host: \"*\"")
    }
    #expect(told.count == (isTold ? 1 : 0), "\(loaded.warnings)")
  }

  @Test func `a rule may name every host, and all below one`() throws {
    let loaded = try load(
      rules: "{ host: '*', path: /a, allow: [10.0.0.1] }, "
        + "{ host: '*.corp.test', path: /b, allow: [10.0.0.1] }",
      routes: "{ backend: web }")
    let http = try #require(loaded.proxy.listeners.first?.http)
    for (host, path, isAllowed) in [
      ("", "/a", false), ("other.test", "/a;x", false), ("10.0.0.7", "/a/", false),
      ("", "/b", true), ("x.corp.test", "/b", false), ("x.y.corp.test", "/b", false),
      ("corp.test", "/b", true),
    ] {
      #expect(
        http.allows(.ipv4(0x0a00_0002), host: host, path: path, at: 0) == isAllowed,
        "\(host)\(path)")
      #expect(http.allows(.ipv4(0x0a00_0001), host: host, path: path, at: 0), "\(host)\(path)")
    }
  }
}
