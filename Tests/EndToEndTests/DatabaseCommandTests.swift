import Databases
import Foundation
import Synchronization
import Testing

/// `gatehouse db` on real servers, with real rows.
@Suite(.serialized) struct DatabaseCommandTests {
  @Test func `status says who is what and why, and its exit code says whether all is well`() throws
  {
    let site = try DatabaseSite()
    let good = try site.db("status", "db")
    #expect(good.status == 0, "\(good.standardError)")
    #expect(good.standardOutput.hasPrefix("db: s1 takes the writes\n"), "\(good.standardOutput)")
    #expect(good.standardOutput.contains("replica"))

    site.servers[0].kill()
    let bad = try site.db("status", "--json")
    #expect(bad.status == 1)
    let data = try JSONSerialization.jsonObject(with: Data(bad.standardOutput.utf8))
    let report = try #require(data as? [String: Any])
    #expect(report["writer"] == nil)
    let servers = try #require(report["servers"] as? [[String: Any]])
    #expect(
      servers.map { $0["role"] as? String } == ["down", "broken"]
        || servers.map { $0["role"] as? String } == ["down", "replica"])
    #expect(servers[1]["read_only"] as? Bool == true)
    #expect(servers[1]["server_id"] as? Int == 2)
  }

  @Test func `a backend that has no databases, and a file that is wrong, are told`() throws {
    let site = try DatabaseSite(1)
    let none = try site.db("status", "web")
    #expect(none.status == 2)
    #expect(none.standardError.contains("web is no backend with `mysql`"))
    #expect(none.standardError.contains("backends with `mysql`: db"))
    _ = unsafe chmod(site.folder.url.appendingPathComponent("secrets/admin").path, 0o644)
    let open = try site.db("status", "db")
    #expect(open.status == 2)
    #expect(open.standardError.contains("is open to others (mode 644)"), "\(open.standardError)")
  }

  @Test func `lint flags every default of Debian that loses data, and nothing once they are set`()
    throws
  {
    let site = try DatabaseSite(1)
    let found = try site.db("lint", "db")
    #expect(found.status == 1, "\(found.standardError)")
    let lines = [
      "sync_binlog=1", "innodb_flush_log_at_trx_commit=1", "rpl_semi_sync_master_enabled=ON",
      "rpl_semi_sync_slave_enabled=ON", "rpl_semi_sync_master_wait_point=AFTER_SYNC",
      "rpl_semi_sync_master_timeout=60000", "log_slave_updates=ON", "gtid_strict_mode=ON",
      "read_only=1", "slave_net_timeout=10",
    ]
    // The harness itself sets the last one lower than Debian does.
    for line in lines.dropLast() {
      #expect(found.standardOutput.contains("\n  \(line)\n"), "\(line) in \(found.standardOutput)")
    }
    try site.servers[0].restart(lines.map { "--" + $0.replacing("=ON", with: "=1") })
    let fixed = try site.db("lint", "db")
    #expect(fixed.status == 0, "\(fixed.standardOutput)")
    #expect(fixed.standardOutput.contains("nothing found"))
    // What somebody sets while running is seen as such, and is no fault.
    try site.servers[0].root("SET GLOBAL read_only=0")
    let running = try site.db("lint", "db")
    #expect(running.status == 0, "\(running.standardOutput)")
    #expect(running.standardOutput.contains("set while running"))
  }

  @Test func `nothing is changed by a dry run, nor without a terminal to ask on`() throws {
    let site = try DatabaseSite()
    let dry = try site.db("switchover", "db", "--to", "s2", "--dry-run")
    #expect(dry.status == 0, "\(dry.standardError)")
    for text in [
      "1. s1 takes no more writes", "SET GLOBAL read_only=1", "FLUSH TABLES WITH READ LOCK",
      "MASTER_GTID_WAIT('<gtid_binlog_pos of s1>', 30)", "SET GLOBAL read_only=0",
      "MASTER_PASSWORD='<password>'", "nothing was changed",
    ] {
      #expect(dry.standardOutput.contains(text), "\(text) in \(dry.standardOutput)")
    }
    #expect(!dry.standardOutput.contains(MariaDB.replication.password))
    let silent = try site.db("switchover", "db", "--to", "s2")
    #expect(silent.status == 2)
    #expect(silent.standardError.contains("no terminal to ask on; add --yes"))
    #expect(try site.db("status").standardOutput.hasPrefix("db: s1 takes the writes"))
  }

  @Test func `a switchover under writes loses no acknowledged row, and goes back again`() throws {
    let site = try DatabaseSite(3)
    let writers = try Writers(site, count: 3)
    for target in ["s2", "s1"] {
      writers.waitForMore(50)
      let done = try site.db("switchover", "db", "--to", target, "--yes")
      #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
      #expect(done.standardOutput.contains("db: \(target) takes the writes"))
      writers.waitForMore(50)
    }
    let acknowledged = writers.stop()
    #expect(acknowledged.count > 200)
    for replica in [1, 2] { try site.servers[replica].catchUp(with: site.servers[0]) }
    for server in 0..<3 {
      let rows = Set(try site.orders(server))
      #expect(acknowledged.subtracting(rows).isEmpty, "lost at s\(server + 1)")
    }
    #expect(try site.orders(1) == site.orders(0))
    #expect(try site.orders(2) == site.orders(0))
    #expect(try site.db("status").status == 0)
  }

  @Test func `a switchover ends the sessions of those whom read_only does not stop`() throws {
    let site = try DatabaseSite()
    let privileged = try site.servers[0].session(MariaDB.owner)
    let reader = try site.servers[0].session(MariaDB.app)
    let done = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    #expect(done.standardOutput.contains("1 ended: owner"), "\(done.standardOutput)")
    #expect(throws: DatabaseError(.query, .closed)) {
      try privileged.query("INSERT INTO shop.orders VALUES (1)", within: .seconds(5))
    }
    try reader.query("SELECT 1", within: .seconds(5))
    #expect(throws: DatabaseError.self) {
      try reader.query("INSERT INTO shop.orders VALUES (1)", within: .seconds(5))
    }
  }

  @Test func `a switchover is refused to a replica that is broken, or has rows of its own`() throws
  {
    let site = try DatabaseSite()
    try site.servers[1].root("STOP SLAVE SQL_THREAD")
    let broken = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(broken.status == 2)
    #expect(broken.standardError.contains("s2 is no healthy replica: the SQL thread is stopped"))

    try site.servers[1].root("START SLAVE SQL_THREAD; INSERT INTO shop.orders VALUES (99)")
    let own = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(own.status == 2)
    #expect(own.standardError.contains("s2 has 1 to 3 transactions that s1 lacks: 0-2-3"))
    let unknown = try site.db("switchover", "db", "--to", "s9", "--yes")
    #expect(unknown.standardError.contains("there is no server \"s9\"; there are: s1, s2"))
    #expect(try site.db("switchover", "db", "--to", "s1", "--yes").status == 0)
    #expect(try site.servers[0].value("SELECT @@global.read_only") == "0")
    #expect(try site.servers[1].value("SELECT @@global.read_only") == "1")
  }

  @Test func `a switchover whose replica does not catch up puts everything back`() throws {
    let site = try DatabaseSite()
    // Its SQL thread looks alive, and waits for a row that is locked there.
    try site.insert(1, at: 0)
    try site.servers[1].catchUp(with: site.servers[0])
    let lock = try site.servers[1].session(MariaDB.owner)
    try lock.query("BEGIN", within: .seconds(5))
    try lock.query("SELECT * FROM shop.orders WHERE n=1 FOR UPDATE", within: .seconds(5))
    try site.servers[0].root("DELETE FROM shop.orders WHERE n=1")
    let failed = try site.db("switchover", "db", "--to", "s2", "--yes", "--wait", "1")
    #expect(failed.status == 2, "\(failed.standardOutput)")
    #expect(failed.standardError.contains("everything is as before"), "\(failed.standardError)")
    #expect(failed.standardError.contains("did not reach 0-1-"))
    #expect(failed.standardOutput.contains("back: SET GLOBAL read_only=0 on s1"))
    let app = try site.servers[0].session(MariaDB.app)
    try app.query("INSERT INTO shop.orders VALUES (2)", within: .seconds(5))
    lock.close()
    try site.servers[1].catchUp(with: site.servers[0])
    #expect(try site.orders(1) == [2])
    #expect(try site.db("status").status == 0)
  }
}
