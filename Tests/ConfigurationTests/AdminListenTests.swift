import Configuration
import Proxy
import Testing

struct AdminListenTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    for role in ["viewer", "operator", "admin"] {
      try folder.write("\(role).token", String(repeating: role, count: 8) + "\n")
    }
    try folder.writeCertificate("www")
  }

  private func load(_ listen: String) throws -> LoadedConfiguration {
    let text = """
      listeners: { http: { bind: '127.0.0.1:80' } }
      backends: { web: { servers: [10.0.0.1:80] } }
      routes: [{ backend: web }]
      admin: { listen: \(listen) }
      """
    return try ConfigurationFile.load(try folder.write("g.yaml", text))
  }

  private func problem(_ listen: String) -> String {
    do {
      _ = try load(listen)
      return "none"
    } catch let errors as ConfigurationErrors {
      return errors.lines.joined(separator: "\n").replacing("\(folder.path)/", with: "")
    } catch {
      return "\(error)"
    }
  }

  private var ca: String { "certs/.authorities/test.pem" }

  @Test func `a door of this machine alone needs tokens, and answers to its own names`() throws {
    let loaded = try load(
      "{ bind: '127.0.0.1:9443', tokens: { viewer: viewer.token, admin: admin.token }, names: ['localhost:8443', 10.0.0.9] }"
    )
    let listen = try #require(loaded.adminListen)
    #expect(listen.addresses == [.ipv4(0x7f00_0001, port: 9443)] && !listen.isTLS)
    #expect(Set(listen.tokens.keys) == [.viewer, .admin])
    #expect(listen.tokens.values.allSatisfy { $0.count == 32 })
    #expect(
      listen.hosts == [
        "127.0.0.1:9443", "localhost:9443", "[::1]:9443", "localhost:8443", "10.0.0.9:9443",
      ])
  }

  @Test func `a port that the scheme implies may be left out of Host`() throws {
    var listen = AdminListen()
    listen.addresses = [.ipv4(0x0a00_0001, port: 443)]
    listen.certificateFolder = "certs"
    listen.names = ["admin.test", "other.test:8443"]
    #expect(listen.hosts == ["10.0.0.1", "admin.test", "other.test:8443"])
    #expect(AdminListen.authority("Admin.Test:443", isTLS: true) == "admin.test")
    #expect(AdminListen.authority("admin.test:", isTLS: true) == "admin.test")
    #expect(AdminListen.authority("admin.test:443", isTLS: false) == "admin.test:443")
  }

  @Test
  func `certificates give roles by their names, and are asked of all where there is no token`()
    throws
  {
    let roles = "viewer: ['*.staff.test'], admin: alice@example.com"
    let terms = "certificates: certs, client_auth: { ca: \(ca), \(roles) }"
    let alone = try #require(try load("{ bind: ':9443', \(terms) }").adminListen)
    #expect(alone.clientAuth?.mode == .require)
    #expect(alone.clientAuth?.allowedNames == ["*.staff.test", "alice@example.com"])
    #expect(alone.role(of: ClientNames(["bob.staff.test"]))?.role == .viewer)
    #expect(
      alone.role(of: ClientNames(["bob.staff.test", "alice@example.com"]))?.role == .admin)
    #expect(alone.role(of: ClientNames(["mallory.test"])) == nil)
    // Named by what gives him the role, not by what stands first in his certificate.
    #expect(
      alone.role(of: ClientNames(["bob@example.com", "alice@example.com"]))?.name
        == "alice@example.com")
    let both = try load("{ bind: ':9443', \(terms), tokens: { viewer: viewer.token } }")
    #expect(both.adminListen?.clientAuth?.mode == .request)
  }

  @Test(arguments: [
    (
      "{ bind: '127.0.0.1:9443' }",
      "g.yaml:4:18: listen of admin lets nobody in; write tokens or client_auth, such as tokens: { admin: secrets/admin.token }"
    ),
    (
      "{ tokens: { admin: admin.token } }",
      "g.yaml:4:18: \"bind\" is missing in listen of admin; write \":443\" (IPv4 and IPv6), \"192.0.2.1:443\" or \"[2001:db8::1]:443\", or a list of them"
    ),
    (
      "{ bind: ':9443', tokens: { admin: admin.token } }",
      "g.yaml:4:26: bind in listen of admin: 0.0.0.0:9443 without certificates would send tokens in clear; name a certificates folder, or bind 127.0.0.1"
    ),
    (
      "{ bind: '127.0.0.1:80', tokens: { admin: admin.token } }",
      "g.yaml:4:26: 127.0.0.1:80 is bound by listener \"http\", too (line 1)"
    ),
    (
      "{ bind: '127.0.0.1:9443', tokens: {} }",
      "g.yaml:4:52: no token in tokens of listen of admin; write one, such as admin: secrets/admin.token"
    ),
    (
      "{ bind: '127.0.0.1:9443', tokens: { root: admin.token } }",
      "g.yaml:4:54: unknown key \"root\" in tokens of listen of admin"
    ),
    (
      "{ bind: '127.0.0.1:9443', tokens: { admin: none.token } }",
      "g.yaml:4:61: admin in tokens of listen of admin: cannot read \"none.token\": No such file or directory"
    ),
    (
      "{ bind: '127.0.0.1:9443', tokens: { viewer: admin.token, admin: admin.token } }",
      "g.yaml:4:82: admin in tokens of listen of admin is the token of viewer, too; make one for each"
    ),
    (
      "{ bind: '127.0.0.1:9443', tokens: { admin: admin.token }, names: ['a b'] }",
      "g.yaml:4:84: names in listen of admin: \"a b\" is no host; allowed: a host, with or without a port: admin.example.com, \"localhost:8443\", or a list of them"
    ),
    (
      "{ bind: '127.0.0.1:9443', client_auth: { ca: certs/.authorities/test.pem, admin: a } }",
      "g.yaml:4:57: client_auth in listen of admin needs certificates; name their folder"
    ),
    (
      "{ bind: ':9443', certificates: certs, client_auth: { ca: certs/.authorities/test.pem } }",
      "g.yaml:4:69: client_auth in listen of admin gives nobody a role; write names for one, such as admin: alice@example.com"
    ),
    (
      "{ bind: ':9443', certificates: certs, client_auth: { ca: certs/.authorities/test.pem, admin: [] } }",
      "g.yaml:4:111: admin in client_auth of listen of admin names nobody; write a name, or leave it out"
    ),
    (
      "{ bind: ':9443', certificates: certs, client_auth: { ca: g.yaml, admin: a } }",
      "g.yaml:4:75: no CERTIFICATE in \"g.yaml\"; it must be PEM"
    ),
    (
      "{ bind: ':9443', certificates: none, tokens: { admin: admin.token } }",
      "g.yaml:4:49: cannot read the folder \"none\"; make it with: gatehouse cert dev"
    ),
  ])
  func `what is wrong is told with its place and what is allowed`(
    _ listen: String, _ wanted: String
  ) throws {
    #expect(problem(listen).hasPrefix(wanted), "\(problem(listen))")
  }

  @Test(arguments: [0o640, 0o604, 0o620])
  func `a token that others can read is refused`(_ mode: Int) throws {
    try folder.write("open.token", String(repeating: "x", count: 40), mode: mode)
    #expect(
      problem("{ bind: '127.0.0.1:9443', tokens: { admin: open.token } }")
        == "g.yaml:4:61: admin in tokens of listen of admin: \"open.token\" is open to others (mode \(String(mode, radix: 8))); type: chmod 600 open.token"
    )
  }

  @Test(arguments: [String(repeating: "x", count: 31), String(repeating: "x y", count: 20), "é"])
  func `a token that can be guessed, or not be sent, is refused`(_ token: String) throws {
    try folder.write("bad.token", token)
    #expect(
      problem("{ bind: '127.0.0.1:9443', tokens: { admin: bad.token } }").hasPrefix(
        "g.yaml:4:61: \"bad.token\" holds no token: \(token.utf8.count) characters; allowed: at least 32"
      ))
  }
}

struct HealthDoorFileTests {
  private func load(_ health: String) throws -> LoadedConfiguration {
    let folder = try Folder()
    let text = """
      listeners: { http: { bind: '127.0.0.1:80' } }
      backends: { web: { servers: [10.0.0.1:80] } }
      routes: [{ backend: web }]
      health: \(health)
      """
    return try ConfigurationFile.load(try folder.write("g.yaml", text))
  }

  @Test func `addresses and a grace are read`() throws {
    let loaded = try load("{ listen: [':8081', '127.0.0.1:8082'], grace: 5s }")
    #expect(
      loaded.healthAddresses == [
        .ipv4(0, port: 8081), .ipv6(0, port: 8081), .ipv4(0x7f00_0001, port: 8082),
      ])
    #expect(loaded.grace == .seconds(5))
    #expect(try load("{ listen: '127.0.0.1:8082' }").grace == .zero)
  }

  @Test(arguments: [
    ("{}", "4:9: \"listen\" is missing in health; write \":8081\""),
    ("{ listen: 8081 }", "4:19: listen in health: \"8081\" is no address with a port; allowed: "),
    (
      "{ listen: '127.0.0.1:80' }", "4:19: 127.0.0.1:80 is bound by listener \"http\", too (line 1)"
    ),
    (
      "{ listen: ':1', grace: 5 }",
      "4:32: grace in health: \"5\" has no unit; units: ms, s, m, h, d"
    ),
    ("{ listen: ':1', token: x }", "4:25: unknown key \"token\" in health"),
    (
      "{ listen: '127.0.0.1:9443' }\nadmin: { listen: { bind: '127.0.0.1:9443' } }",
      "4:19: 127.0.0.1:9443 is bound by admin.listen, too"
    ),
  ])
  func `what is wrong is told with its place`(_ health: String, _ wanted: String) throws {
    let error = #expect(throws: ConfigurationErrors.self) { _ = try load(health) }
    let lines = error?.lines ?? []
    #expect(lines.contains { $0.contains("g.yaml:\(wanted)") }, "\(lines)")
  }
}
