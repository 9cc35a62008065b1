import Databases
import Foundation
import Glibc
import Testing

/// Logins over TLS and by other plugins, at real servers.
@Suite(.serialized) struct DatabaseSecrecyTests {
  /// Its certificate is for `www.test` and 127.0.0.1, and its own authority.
  private let folder: TemporaryFolder
  private let options: [String]
  private let ca: String

  init() throws {
    folder = try TemporaryFolder()
    try Gate.makeCertificate(in: folder)
    ca = folder.url.appendingPathComponent("site.crt").path
    let key = folder.url.appendingPathComponent("site.key").path
    options = ["--ssl-cert=\(ca)", "--ssl-key=\(key)"]
  }

  private func tls(_ name: String? = nil) throws -> DatabaseTLS {
    DatabaseTLS(
      authoritiesPEM: Array(try Data(contentsOf: URL(fileURLWithPath: ca))), serverName: name)
  }

  private func probe(_ server: MariaDB, over tls: DatabaseTLS?) -> ProbeOutcome {
    RoleProbe(
      address: server.address, user: MariaDB.monitor.user, password: MariaDB.monitor.password,
      over: tls, timeout: .seconds(5)
    ).check()
  }

  @Test func `an account that requires TLS logs in over it, by address or by name`() throws {
    let server = try MariaDB(id: 1, options: options)
    try server.root("ALTER USER 'monitor'@'%' REQUIRE SSL")
    guard case .failed(let error) = probe(server, over: nil).answer else {
      Issue.record("logged in without TLS")
      return
    }
    #expect(error.description.contains("1045"), "\(error)")
    for name in [nil, "www.test"] {
      let session = try MySQLSession(
        to: server.address, as: MariaDB.monitor, over: try tls(name), within: .seconds(5))
      let version = try session.query("SHOW STATUS LIKE 'Ssl_version'", within: .seconds(5))
      #expect(version.cell("Value")?.hasPrefix("TLSv1.") == true, "\(version)")
      // More than one record each way.
      let text = String(repeating: "x", count: 100_000)
      let long = try session.query("SELECT '\(text)' AS text", within: .seconds(5))
      #expect(long.cell("text") == text)
      session.close()
    }
    let facts = probe(server, over: try tls())
    #expect(facts.facts?.isReadOnly == false, "\(facts)")
    let other = probe(server, over: try tls("other.test"))
    #expect("\(other)".contains("certificate is not to be trusted"), "\(other)")
  }

  @Test func `a server without TLS is refused, and its role unknown`() throws {
    let site = try DatabaseSite(1, mysql: ["tls: { ca: \(ca) }"])
    let status = try site.db("status")
    #expect(status.status == 1)
    #expect(status.standardOutput.contains("offers no TLS"), "\(status.standardOutput)")
    #expect(status.standardOutput.contains("unknown"))
    let lint = try site.db("lint")
    #expect(lint.standardOutput.contains("offers no TLS"), "\(lint.standardOutput)")
  }

  @Test func `a switchover where all accounts require TLS keeps replication within it`() throws {
    let site = try DatabaseSite(options: options, mysql: ["tls: { ca: \(ca) }"])
    let accounts = ["monitor", "admin", "repl"].map { "ALTER USER '\($0)'@'%' REQUIRE SSL" }
    for server in site.servers {
      try server.root("SET sql_log_bin=0; " + accounts.joined(separator: "; "))
    }
    try site.servers[1].root("STOP SLAVE; CHANGE MASTER TO MASTER_SSL=1; START SLAVE")
    try site.insert(1, at: 0)
    try site.servers[1].catchUp(with: site.servers[0])
    let dry = try site.db("switchover", "db", "--to", "s2", "--dry-run")
    #expect(
      dry.standardOutput.contains("MASTER_SSL=1"), "\(dry.standardOutput)\(dry.standardError)")
    let done = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    try site.insert(2, at: 1)
    try site.servers[0].catchUp(with: site.servers[1])
    #expect(try site.orders(0) == [1, 2])
    let status = try site.servers[0].root("SHOW SLAVE STATUS")
    #expect(status.cell("Master_SSL_Allowed") == "Yes")
  }

  @Test func `replication over TLS stays so, though the checks have none`() throws {
    let site = try DatabaseSite(options: options)
    try site.servers[1].root(
      """
      STOP SLAVE;
      CHANGE MASTER TO MASTER_SSL=1, MASTER_SSL_CA='\(ca)', MASTER_SSL_VERIFY_SERVER_CERT=1;
      START SLAVE
      """)
    try site.insert(1, at: 0)
    try site.servers[1].catchUp(with: site.servers[0])
    let done = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    let status = try site.servers[0].root("SHOW SLAVE STATUS")
    #expect(status.cell("Master_SSL_CA_File") == ca)
    #expect(status.cell("Master_SSL_Verify_Server_Cert") == "Yes")
    try site.insert(2, at: 1)
    try site.servers[0].catchUp(with: site.servers[1])
  }

  @Test func `ed25519 logs in with a password of 32 bytes, and says so of another`() throws {
    let server = try MariaDB(id: 1)
    let password = "0123456789abcdef0123456789abcdef"
    try server.root(
      """
      INSTALL SONAME 'auth_ed25519';
      CREATE USER 'signer'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('\(password)');
      CREATE USER 'odd'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('odd-secret')
      """)
    // One challenge in 256 ends with a zero.
    for _ in 0..<1_000 {
      try server.session(DatabaseLogin(user: "signer", password: password)).close()
    }
    let wrong = #expect(throws: DatabaseError.self) {
      _ = try server.session(
        DatabaseLogin(user: "signer", password: "0123456789abcdef0123456789abcdeF"))
    }
    #expect(wrong?.description.contains("1045") == true)
    let odd = DatabaseLogin(user: "odd", password: "odd-secret")
    let refused = #expect(throws: DatabaseError.self) { _ = try server.session(odd) }
    let words = refused?.description ?? ""
    #expect(words.contains("openssl rand -hex 16"), "\(words)")
    // What it says to type instead works, and keeps the password.
    try server.root(
      "ALTER USER 'odd'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('odd-secret')")
    try server.session(odd).close()
    #expect(throws: DatabaseError.self) {
      _ = try server.session(DatabaseLogin(user: "odd", password: ""))
    }
  }
}
