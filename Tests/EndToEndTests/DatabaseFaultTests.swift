import Databases
import Foundation
import Glibc
import Testing

/// A primary and its replica behind two listeners, and what clients see of their faults.
@Suite(.serialized) struct DatabaseFaultTests {
  private let site: DatabaseSite
  private let gate: Gate
  private let write = RawSocket.quietPort()
  private let read = RawSocket.quietPort()

  init() throws {
    let site = try DatabaseSite()
    let (write, read) = (write, read)
    let secrets = site.folder.url.appendingPathComponent("secrets").path
    gate = try Gate(
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
                mysql: { user: monitor, password: "\(secrets)/monitor" }
                servers:
                  s1: { address: "127.0.0.1:\(site.servers[0].port)" }
                  s2: { address: "127.0.0.1:\(site.servers[1].port)" }

            """)
      })
    self.site = site
  }

  /// Which server answers there; nil when none does.
  private func serverID(_ port: UInt16) -> Int? {
    guard
      let session = try? MySQLSession(
        to: .loopback(port: port), as: MariaDB.app, within: .seconds(3))
    else { return nil }
    defer { session.close() }
    let answer = try? session.query("SELECT @@server_id", within: .seconds(3))
    return answer?.rows.first?.first?.flatMap { Int($0) }
  }

  private func settles(_ expected: (write: Int?, read: Int?)) -> Bool {
    wait(for: { serverID(write) == expected.write && serverID(read) == expected.read })
  }

  private var verdict: String {
    let output = try? gate.command("status", "--socket", gate.socket).standardOutput
    return String(output?.prefix { $0 != "\n" } ?? "")
  }

  /// In the status, the metrics that the alert asks, the events and the log.
  private func expectAlarm() throws {
    let status = try gate.command("status", "--json", "--socket", gate.socket).standardOutput
    #expect(status.contains("\"writers\" : 2") && status.contains("none is chosen"), "\(status)")
    let metrics = try run(
      "curl", ["-sS", "--unix-socket", gate.socket, "http://gatehouse/metrics"]
    ).standardOutput
    #expect(metrics.contains("gatehouse_db_writers{backend=\"db\"} 2\n"))
    let events = try gate.command(
      "events", "--json", "--last", "1000", "--socket", gate.socket
    ).standardOutput.split(separator: "}")
    let event = try #require(events.last { $0.contains("both take writes") })
    #expect(
      event.contains("\"severity\" : \"error\"") && event.contains("\"subject\" : \"db\""),
      "\(event)")
    #expect(gate.waitForLog("both take writes"))
    let rules = try String(
      contentsOf: Place.root.appendingPathComponent("packaging/prometheus/gatehouse.rules.yml"),
      encoding: .utf8)
    #expect(rules.contains("gatehouse_db_writers > 1"))
  }

  @Test func `writes and reads find their servers, and a dead primary stops only the writes`()
    throws
  {
    #expect(settles((1, 2)))
    try site.servers[1].root("STOP SLAVE SQL_THREAD")
    #expect(settles((1, 1)))
    try site.servers[1].root("START SLAVE SQL_THREAD")
    #expect(settles((1, 2)))
    let session = try MySQLSession(to: .loopback(port: write), as: MariaDB.app, within: .seconds(3))
    site.servers[0].kill()
    #expect(throws: DatabaseError.self) { try session.query("SELECT 1", within: .seconds(10)) }
    #expect(settles((nil, 2)))
    #expect(wait(for: { verdict.contains("no server takes writes") }), "\(verdict)")
    // Its replica reads on, though it reaches nobody.
    for _ in 0..<10 { #expect(serverID(read) == 2) }
    try site.servers[0].start()
    #expect(settles((1, 2)))
  }

  @Test func `a frozen primary loses its sessions, and comes back writable in vain`() throws {
    #expect(settles((1, 2)))
    let session = try MySQLSession(to: .loopback(port: write), as: MariaDB.app, within: .seconds(3))
    let begin = Load.now
    site.servers[0].freeze()
    // Nobody answers, but the connection ends: the client need not wait for his own timeout.
    let failure = #expect(throws: DatabaseError.self) {
      try session.query("SELECT 1", within: .seconds(20))
    }
    #expect(failure?.reason == .closed, "\(String(describing: failure))")
    print("FAULT primary frozen: its sessions were cut after \(Load.now - begin) s")
    #expect(wait(for: { serverID(write) == nil }))
    let promoted = try site.db("promote", "db", "--server", "s2", "--force", "--yes")
    #expect(promoted.status < 2, "\(promoted.standardOutput)\(promoted.standardError)")
    #expect(wait(for: { serverID(write) == 2 }))
    site.servers[0].thaw()
    // Two that take writes: nobody is chosen.
    #expect(wait(for: { verdict.contains("both take writes") }), "\(verdict)")
    #expect(serverID(write) == nil)
    try expectAlarm()
    try site.servers[0].root("SET GLOBAL read_only=1")
    #expect(wait(for: { serverID(write) == 2 }))
  }

  @Test func `an old primary in maintenance is no second one`() throws {
    #expect(settles((1, 2)))
    let socket = gate.socket
    #expect(
      try gate.command("server", "set", "db/s1", "--state", "maint", "--socket", socket).status == 0
    )
    #expect(wait(for: { serverID(write) == nil }))
    try site.servers[1].root("STOP SLAVE; SET GLOBAL read_only=0")
    #expect(wait(for: { serverID(write) == 2 }))
    // Checked again, both take writes.
    #expect(
      try gate.command("server", "set", "db/s1", "--state", "ready", "--socket", socket).status == 0
    )
    #expect(wait(for: { serverID(write) == nil && verdict.contains("both take writes") }))
  }

  @Test func `a planned switchover under writes through the gate loses no acknowledged row`() throws
  {
    #expect(settles((1, 2)))
    let writers = try Writers(site, count: 3, at: [.loopback(port: write)])
    writers.waitForMore(200)
    // The replica moves on while servers are asked one after another: it is not ahead for that.
    for _ in 0..<20 {
      let looked = try site.db("switchover", "db", "--to", "s2", "--dry-run")
      #expect(looked.status == 0, "\(looked.standardError)")
    }
    let begin = Load.now
    let output = try site.db("switchover", "db", "--to", "s2", "--yes")
    #expect(output.status == 0, "\(output.standardOutput)\(output.standardError)")
    #expect(wait(for: { serverID(write) == 2 }))
    print("FAULT planned switchover: writes went on after \(Load.now - begin) s")
    writers.waitForMore(200)
    let acknowledged = writers.stop()
    #expect(acknowledged.count >= 400)
    #expect(Set(try site.orders(1)).isSuperset(of: acknowledged))
    try site.servers[0].catchUp(with: site.servers[1])
    #expect(try site.orders(0) == site.orders(1))
    #expect(settles((2, 1)))
  }

  @Test func `an unplanned one says what was lost`() throws {
    #expect(settles((1, 2)))
    let writers = try Writers(site, count: 3, at: [.loopback(port: write)])
    writers.waitForMore(200)
    site.servers[0].kill()
    let begin = Load.now
    #expect(wait(for: { serverID(write) == nil }))
    let promoted = try site.db("promote", "db", "--server", "s2", "--yes")
    #expect(promoted.status < 2, "\(promoted.standardOutput)\(promoted.standardError)")
    #expect(wait(for: { serverID(write) == 2 }))
    print("FAULT primary killed, replica promoted: writes went on after \(Load.now - begin) s")
    writers.waitForMore(100)
    let acknowledged = writers.stop()
    let lost = acknowledged.subtracting(try site.orders(1))
    print("FAULT primary killed, replica promoted: \(lost.count) of \(acknowledged.count) lost")
    // What the promoted one had received it kept: only the last moments may be gone.
    #expect(lost.count <= 50)
  }

  @Test func `a replica that is behind gets no reads until it has caught up`() throws {
    #expect(settles((1, 2)))
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    try text.replacing("user: monitor,", with: "user: monitor, lag: 1s,").write(
      toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status < 2)
    try site.servers[1].root("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=4; START SLAVE")
    let writers = try Writers(site, count: 1, at: [.loopback(port: write)])
    #expect(wait(for: { serverID(read) == 1 }))
    _ = writers.stop()
    try site.servers[1].root("STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=0; START SLAVE")
    #expect(wait(for: { serverID(read) == 2 }))
  }
}
