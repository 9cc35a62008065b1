import Databases
import Foundation
import Glibc
import Testing

/// How far behind a replica is by a table of heartbeats, at real servers.
@Suite(.serialized) struct DatabaseHeartbeatTests {
  private static let table = """
    CREATE DATABASE percona;
    CREATE TABLE percona.heartbeat (ts VARCHAR(26) NOT NULL,
      server_id INT UNSIGNED NOT NULL PRIMARY KEY)
    """
  private static let grant =
    "SET sql_log_bin=0; GRANT SELECT ON percona.heartbeat TO 'monitor'@'%'"

  /// As pt-heartbeat --utc writes it.
  private static func beat(_ offset: Int = 0) -> String {
    """
    REPLACE INTO percona.heartbeat VALUES (DATE_FORMAT(
      UTC_TIMESTAMP(6) + INTERVAL \(offset) SECOND, '%Y-%m-%dT%H:%i:%s.%f'), @@server_id)
    """
  }

  @Test func `a heartbeat tells the lag, and what cannot be asked is no good replica`() throws {
    let site = try DatabaseSite(mysql: ["heartbeat: percona.heartbeat"])
    let (primary, replica) = (site.servers[0], site.servers[1])
    func expect(_ words: String..., isGood: Bool = false) throws {
      try replica.catchUp(with: primary)
      let status = try site.db("status")
      #expect(status.status == (isGood ? 0 : 1), "\(status.standardOutput)")
      #expect(status.standardOutput.contains("lagging") != isGood, "\(status.standardOutput)")
      for text in words {
        #expect(status.standardOutput.contains(text), "\(text) in \(status.standardOutput)")
      }
    }
    try expect("error 1142", "GRANT SELECT ON percona.heartbeat")
    try primary.root(Self.table)
    for server in site.servers {
      try replica.catchUp(with: primary)
      try server.root(Self.grant)
    }
    try expect("has no row of its primary (server_id 1)")
    try primary.root(Self.beat())
    try expect("s behind by its heartbeat", isGood: true)
    try primary.root(Self.beat(-60))
    try expect("does pt-heartbeat run?")
    try primary.root(Self.beat(3600))
    try expect("in the future: clocks differ")
    // A TIMESTAMP is read in UTC, whatever the server's zone.
    try primary.root(
      """
      DROP TABLE percona.heartbeat;
      CREATE TABLE percona.heartbeat (ts TIMESTAMP(6) NOT NULL, server_id INT UNSIGNED PRIMARY KEY);
      REPLACE INTO percona.heartbeat VALUES (NOW(6), @@server_id)
      """)
    try replica.root("SET GLOBAL time_zone='+05:00'")
    try expect("s behind by its heartbeat", isGood: true)
    try primary.root("DROP TABLE percona.heartbeat")
    try expect("error 1146", "pt-heartbeat --create-table")
  }

  @Test func `heartbeats that end take the reads away, those of a frozen primary do not`() throws {
    let site = try DatabaseSite()
    let (write, read) = (RawSocket.quietPort(), RawSocket.quietPort())
    let secrets = site.folder.url.appendingPathComponent("secrets").path
    try site.servers[0].root(Self.table)
    try site.servers[1].catchUp(with: site.servers[0])
    for server in site.servers { try server.root(Self.grant) }
    let gate = try Gate(
      [.named("s1")],
      edit: { file in
        file.replacing(
          "listeners:\n",
          with: """
            listeners:
              write: { bind: "127.0.0.1:\(write)", backend: db, role: primary }
              read: { bind: "127.0.0.1:\(read)", backend: db, role: replica }

            """
        ).replacing(
          "backends:\n",
          with: """
            backends:
              db:
                health: { interval: 500ms, fast_interval: 200ms, timeout: 800ms, fall: 2 }
                mysql:
                  { user: monitor, password: "\(secrets)/monitor", lag: 4s,
                    heartbeat: percona.heartbeat }
                servers:
                  s1: { address: "127.0.0.1:\(site.servers[0].port)" }
                  s2: { address: "127.0.0.1:\(site.servers[1].port)" }

            """)
      })
    func serverID(_ port: UInt16) -> Int? {
      guard
        let session = try? MySQLSession(
          to: .loopback(port: port), as: MariaDB.app, within: .seconds(3))
      else { return nil }
      defer { session.close() }
      let answer = try? session.query("SELECT @@server_id", within: .seconds(3))
      return answer?.rows.first?.first?.flatMap { Int($0) }
    }
    func why() -> String {
      (try? gate.command("status", "--socket", gate.socket).standardOutput) ?? ""
    }
    func isRead(by server: Int, beating: Bool) -> Bool {
      wait(for: {
        if beating { _ = try? site.servers[0].root(Self.beat()) }
        return serverID(read) == server
      })
    }
    // No heartbeat yet: the primary has the reads.
    #expect(isRead(by: 1, beating: false), "\(why())")
    #expect(isRead(by: 2, beating: true), "\(why())")
    #expect(isRead(by: 1, beating: false), "\(why())")
    #expect(isRead(by: 2, beating: true), "\(why())")
    site.servers[0].freeze()
    defer { site.servers[0].thaw() }
    #expect(wait(for: { serverID(write) == nil }), "\(why())")
    // Well after the last heartbeat: what it has is as good as ever (decision 016).
    let begin = ContinuousClock.now
    while ContinuousClock.now - begin < .seconds(6) {
      #expect(serverID(read) == 2, "\(why())")
      usleep(200_000)
    }
  }
}
