import Databases
import Foundation
import Testing

/// A primary that is lost, and comes back.
@Suite(.serialized) struct DatabaseLossTests {
  @Test func `a dead primary's replica is promoted, and the others follow it`() throws {
    let site = try DatabaseSite(3)
    for number in 1...20 { try site.insert(number, at: 0) }
    for replica in [1, 2] { try site.servers[replica].catchUp(with: site.servers[0]) }
    site.servers[0].kill()
    try waitForLoss(site)
    let done = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    #expect(done.standardOutput.contains("transactions of s1 are lost is not known"))
    #expect(done.standardOutput.contains("db: s2 takes the writes"))
    try site.insert(21, at: 1)
    try site.servers[2].catchUp(with: site.servers[1])
    #expect(try site.orders(2) == Array(1...21))
  }

  @Test func `no server is promoted beside one that takes writes, or may do so`() throws {
    let site = try DatabaseSite()
    let beside = try site.db("promote", "db", "--server", "s2", "--yes", "--force")
    #expect(beside.status == 2)
    #expect(beside.standardError.contains("s1 takes writes; to change places"))

    site.servers[0].freeze()
    let frozen = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(frozen.status == 2)
    #expect(frozen.standardError.contains("may only be frozen"), "\(frozen.standardError)")
    site.servers[0].thaw()

    try site.servers[0].root(
      "SET sql_log_bin=0; ALTER USER 'monitor'@'%' IDENTIFIED BY 'changed'")
    let unknown = try site.db("promote", "db", "--server", "s2", "--yes", "--force")
    #expect(unknown.status == 2)
    #expect(
      unknown.standardError.contains("s1 runs and does not tell whether it takes writes"),
      "\(unknown.standardError)")
    #expect(try site.servers[1].value("SELECT @@global.read_only") == "1")
  }

  @Test func `what a replica has received is applied before it takes writes`() throws {
    let site = try DatabaseSite()
    try site.servers[1].root("STOP SLAVE SQL_THREAD")
    for number in 1...30 { try site.insert(number, at: 0) }
    let last = try site.servers[0].value("SELECT @@global.gtid_binlog_pos")
    for _ in 0..<200 {
      let status = try site.servers[1].root("SHOW SLAVE STATUS")
      if status.cell("Gtid_IO_Pos") == last { break }
      usleep(50_000)
    }
    site.servers[0].kill()
    try waitForLoss(site)
    let done = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    #expect(try site.orders(1) == Array(1...30))
  }

  @Test func `a replica that another one is ahead of is not promoted, unless by force`() throws {
    let site = try DatabaseSite(3)
    try site.servers[1].root("STOP SLAVE")
    for number in 1...5 { try site.insert(number, at: 0) }
    try site.servers[2].catchUp(with: site.servers[0])
    site.servers[0].kill()
    try waitForLoss(site, replica: 2)
    let behind = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(behind.status == 2)
    #expect(behind.standardError.contains("s3 has more than s2"), "\(behind.standardError)")
    let ahead = try site.db("promote", "db", "--server", "s3", "--yes")
    #expect(ahead.standardOutput.contains("db: s3 takes the writes"))
    #expect(try site.orders(2) == Array(1...5))
  }

  @Test func `an old primary without rows of its own rejoins, though it came back writable`() throws
  {
    let site = try DatabaseSite()
    for number in 1...5 { try site.insert(number, at: 0) }
    try site.servers[1].catchUp(with: site.servers[0])
    site.servers[0].kill()
    try waitForLoss(site)
    #expect(try site.db("promote", "db", "--server", "s2", "--yes").status == 0)
    try site.insert(6, at: 1)
    try site.servers[0].start()
    let two = try site.db("status")
    #expect(two.status == 1)
    #expect(two.standardOutput.contains("s1 and s2 both take writes"), "\(two.standardOutput)")

    let done = try site.db("rejoin", "db", "--server", "s1", "--yes")
    #expect(done.status == 0, "\(done.standardOutput)\n\(done.standardError)")
    try site.servers[0].catchUp(with: site.servers[1])
    #expect(try site.orders(0) == Array(1...6))
    let again = try site.db("rejoin", "db", "--server", "s1", "--yes")
    #expect(again.status == 0)
    #expect(again.standardOutput.contains("s1 replicates from s2 already"))
  }

  @Test func `an old primary that took a row of its own is refused, and the row is named`() throws {
    let site = try DatabaseSite()
    try site.insert(1, at: 0)
    try site.servers[1].catchUp(with: site.servers[0])
    site.servers[0].kill()
    try waitForLoss(site)
    #expect(try site.db("promote", "db", "--server", "s2", "--yes").status == 0)
    try site.servers[0].start()
    try site.insert(77, at: 0)
    let mine = try #require(try site.servers[0].value("SELECT @@global.gtid_binlog_pos"))
    try site.insert(2, at: 1)
    let refused = try site.db("rejoin", "db", "--server", "s1", "--yes")
    #expect(refused.status == 2)
    #expect(refused.standardError.contains("s1 has 1 transaction that s2 lacks, up to \(mine)"))
    #expect(refused.standardError.contains("mariadb-backup"))
    #expect(try site.orders(0) == [1, 77])
    #expect(try site.servers[0].root("SHOW SLAVE STATUS").rows.isEmpty)
  }

  @Test func `how many transactions were lost is said once the old primary can be asked`() throws {
    let site = try DatabaseSite()
    try site.insert(1, at: 0)
    try site.servers[1].catchUp(with: site.servers[0])
    // What it does not get in time is lost with the primary.
    try site.servers[1].root("STOP SLAVE IO_THREAD")
    for number in 101...107 { try site.insert(number, at: 0) }
    site.servers[0].kill()
    let promoted = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(promoted.status == 0, "\(promoted.standardOutput)\n\(promoted.standardError)")
    #expect(promoted.standardOutput.contains("gatehouse db rejoin says how many"))
    for number in 2...4 { try site.insert(number, at: 1) }
    try site.servers[0].start()
    let lost = Set(try site.orders(0)).subtracting(try site.orders(1)).count
    #expect(lost == 7)
    let refused = try site.db("rejoin", "db", "--server", "s1", "--yes")
    #expect(refused.status == 2)
    #expect(
      refused.standardError.contains("s1 has \(lost) transactions that s2 lacks, up to 0-1-"),
      "\(refused.standardError)")
  }

  /// Waits until a replica has noticed that its primary is gone, at most 20 s.
  private func waitForLoss(_ site: DatabaseSite, replica: Int = 1) throws {
    for _ in 0..<200 {
      let status = try site.servers[replica].root("SHOW SLAVE STATUS")
      if status.cell("Slave_IO_Running") != "Yes" { return }
      usleep(100_000)
    }
  }
}
