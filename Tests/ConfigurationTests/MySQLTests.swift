import Configuration
import Proxy
import Testing

struct MySQLTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    try folder.write("secrets/monitor", "m0nitor\n")
    try folder.write("secrets/admin", "ad min")
  }

  private func load(_ mysql: String) throws -> LoadedConfiguration {
    let text = """
      listeners: { http: { bind: ':80' } }
      backends: { db: { servers: [10.0.0.1:3306, 10.0.0.2:3306], mysql: \(mysql) } }
      """
    return try ConfigurationFile.load(try folder.write("g.yaml", text))
  }

  private func problem(_ mysql: String) -> String {
    do {
      _ = try load(mysql)
      return "none"
    } catch let errors as ConfigurationErrors {
      return errors.lines.joined(separator: "\n").replacing("\(folder.path)/", with: "")
    } catch {
      return "\(error)"
    }
  }

  @Test func `accounts, their password files and the lag are read`() throws {
    let loaded = try load(
      """
      { user: monitor, password: secrets/monitor, lag: 5s, \
      admin: { user: root, password: secrets/admin }, \
      replication: { user: repl, password: secrets/monitor } }
      """)
    let mysql = try #require(loaded.proxy.backends.first?.mysql)
    #expect(
      mysql.monitor == .init(user: "monitor", passwordFile: "\(folder.path)/secrets/monitor"))
    #expect(mysql.admin?.user == "root")
    #expect(mysql.replication?.user == "repl")
    #expect(mysql.lag == .seconds(5))
    #expect(try PasswordFile.read(mysql.monitor.passwordFile) == "m0nitor")
    #expect(try PasswordFile.read("\(folder.path)/secrets/admin") == "ad min")
  }

  @Test func `what is left out has its standard`() throws {
    let loaded = try load("{ user: monitor, password: secrets/monitor }")
    let mysql = try #require(loaded.proxy.backends.first?.mysql)
    #expect(mysql.lag == .seconds(10) && mysql.admin == nil && mysql.replication == nil)
  }

  @Test func `TLS is off, on, or with its own authority and name`() throws {
    func tls(_ text: String) throws -> ProxyConfiguration.MySQL.TLS? {
      try load("{ user: monitor, password: secrets/monitor\(text) }").proxy.backends[0].mysql?.tls
    }
    #expect(try tls("") == nil)
    #expect(try tls(", tls: false") == nil)
    #expect(try tls(", tls: true") == .init())
    try folder.write("ca.pem", Folder.chain)
    let own = try #require(try tls(", tls: { ca: ca.pem, server_name: db.example }"))
    #expect(own.verify && own.serverName == "db.example")
    #expect(own.authoritiesPEM == Array(Folder.chain.utf8))
    #expect(try tls(", tls: { verify: false }")?.verify == false)
    for (text, why) in [
      ("prefer", "tls in mysql of backend \"db\": \"prefer\" is wrong; allowed: true, false, or"),
      ("{ ca: secrets/monitor }", "no CERTIFICATE in \""),
      ("{ server_name: \"a b\" }", "is no host name"),
      ("{ mode: prefer }", "unknown key \"mode\" in tls of mysql of backend \"db\""),
    ] {
      let found = problem("{ user: monitor, password: secrets/monitor, tls: \(text) }")
      #expect(found.contains(why), "\(found)")
    }
    let first = """
      listeners: { http: { bind: ':80' } }
      backends: { db: { servers: [10.0.0.1:3306], tls: { verify: false }, \
      mysql: { user: monitor, password: secrets/monitor } } }
      """
    let error = #expect(throws: ConfigurationErrors.self) {
      _ = try ConfigurationFile.load(try folder.write("g.yaml", first))
    }
    #expect(error?.lines.first?.contains("write mysql: { tls: ... }") == true)
  }

  @Test func `a table of heartbeats is named with its schema`() throws {
    let loaded = try load(
      "{ user: monitor, password: secrets/monitor, heartbeat: percona.heartbeat }")
    #expect(loaded.proxy.backends[0].mysql?.heartbeat == "percona.heartbeat")
    for text in ["heartbeat", "a.b.c", "'a.b`c'", "a.", "'a.b c'"] {
      let found = problem("{ user: monitor, password: secrets/monitor, heartbeat: \(text) }")
      #expect(found.contains("is no table with its schema"), "\(text): \(found)")
    }
  }

  @Test(arguments: [0o640, 0o604, 0o620, 0o601])
  func `a password file that is open to others is refused with what to type`(_ mode: Int) throws {
    try folder.write("secrets/open", "secret", mode: mode)
    let text = problem("{ user: monitor, password: secrets/open }")
    #expect(
      text == "g.yaml:2:94: password in mysql of backend \"db\": \"secrets/open\" is open to "
        + "others (mode \(String(mode, radix: 8))); type: chmod 600 secrets/open")
  }

  @Test func `a password file that has no password in it is refused`() throws {
    for (name, bytes, why) in [
      ("empty", "", "is empty"), ("blank", "\n", "is empty"),
      ("two", "one\ntwo\n", "has more than one line"),
      ("long", String(repeating: "x", count: 1025), "larger than 1KiB"),
    ] {
      try folder.write("secrets/\(name)", bytes)
      let text = problem("{ user: monitor, password: secrets/\(name) }")
      #expect(text.contains(why), "\(text)")
    }
    #expect(
      problem("{ user: monitor, password: secrets/none }").contains("No such file or directory"))
  }

  @Test func `an account without its password, and a user that is none, are told`() throws {
    #expect(
      problem("{ user: monitor }").contains(
        "\"password\" is missing in mysql of backend \"db\"; write a path"))
    #expect(
      problem("{ user: \"a\\nb\", password: secrets/monitor }").contains(
        "is no user of a database"))
    #expect(
      problem("{ user: monitor, password: secrets/monitor, admin: { user: root } }").contains(
        "\"password\" is missing in admin of mysql of backend \"db\""))
  }
}
