import Databases
import Foundation
import Testing

/// What `RoleProbe` finds on two real servers, in each state that they can be in.
@Suite(.serialized) struct DatabaseProbeTests {
  private static let lagLimit = Duration.seconds(10)

  private static func probe(
    _ server: MariaDB, as login: DatabaseLogin = MariaDB.monitor
  ) -> RoleProbe {
    RoleProbe(address: server.address, user: login.user, password: login.password)
  }

  private static func verdict(_ probes: [RoleProbe]) -> ClusterVerdict {
    let names = ["a", "b", "c"]
    return ClusterVerdict(
      Dictionary(uniqueKeysWithValues: zip(names, probes.map { $0.check() })), lagLimit: lagLimit)
  }

  /// Checks until the verdict is as meant, at most 20 s.
  private static func wait(
    _ probes: [RoleProbe], until isMeant: (ClusterVerdict) -> Bool
  ) -> ClusterVerdict {
    let end = ContinuousClock.now + .seconds(20)
    while true {
      let found = verdict(probes)
      if isMeant(found) || .now > end { return found }
      usleep(100_000)
    }
  }

  @Test func `a healthy pair is a primary and a replica, by a user with few rights`() throws {
    let servers = try MariaDB.cluster(2)
    let probes = servers.map { Self.probe($0) }
    let found = Self.wait(probes) { $0.members["b"]?.role == .replica }
    #expect(found.writer == .one("a"))
    #expect(found.members["b"]?.role == .replica, "\(found)")
    #expect(found.warnings.isEmpty)

    let outcome = probes[1].check()
    #expect(outcome.took < .milliseconds(200))
    let facts = try #require(outcome.facts)
    #expect(facts.version.hasPrefix("10.") || facts.version.hasPrefix("11."), "\(facts.version)")
    #expect(facts.isMariaDB && facts.serverID == 2 && facts.isReadOnly)
    #expect(facts.replication?.sourcePort == servers[0].port)
    #expect(facts.replication?.usesGTID == true)
    #expect(facts.position == probes[0].check().facts?.position)
  }

  @Test func `a stopped SQL thread and a lost primary each make a replica broken`() throws {
    let servers = try MariaDB.cluster(2)
    let probes = servers.map { Self.probe($0) }
    try servers[1].root("STOP SLAVE SQL_THREAD")
    let stopped = Self.verdict(probes)
    #expect(stopped.members["b"]?.role == .broken)
    #expect(stopped.members["b"]?.reason.contains("the SQL thread is stopped") == true)
    #expect(stopped.writer == .one("a"))
    try servers[1].root("START SLAVE SQL_THREAD")

    servers[0].kill()
    let lost = Self.wait(probes) { $0.members["b"]?.role == .broken }
    #expect(lost.members["a"]?.role == .down)
    #expect(lost.members["a"]?.reason.contains("Connection refused") == true, "\(lost)")
    #expect(lost.members["b"]?.role == .broken)
    #expect(lost.members["b"]?.reason.contains("does not reach") == true, "\(lost)")
    #expect(lost.writer == .none)
  }

  @Test func `a frozen primary is down within the timeout, with a kept session and without`() throws
  {
    let servers = try MariaDB.cluster(2)
    let kept = Self.probe(servers[0])
    #expect(kept.check().facts?.isReadOnly == false)
    servers[0].freeze()
    defer { servers[0].thaw() }
    for (probe, step) in [(kept, DatabaseError.Step.query), (Self.probe(servers[0]), .greeting)] {
      let outcome = probe.check()
      #expect(outcome.answer == .failed(DatabaseError(step, .silence)))
      #expect(outcome.took < .milliseconds(1_000), "\(outcome.took)")
    }
    // The replica has not noticed yet, and says that all is well.
    #expect(Self.verdict([kept, Self.probe(servers[1])]).writer == .none)
    servers[0].thaw()
    #expect(Self.wait([kept]) { $0.writer == .one("a") }.writer == .one("a"))
  }

  @Test func `an old primary that comes back writable makes two, and none is chosen`() throws {
    let servers = try MariaDB.cluster(2)
    let probes = servers.map { Self.probe($0) }
    servers[0].kill()
    try servers[1].root("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=0")
    #expect(Self.verdict(probes).writer == .one("b"))
    try servers[0].start()
    let both = Self.verdict(probes)
    #expect(both.writer == .several(["a", "b"]))
    #expect(both.reason.contains("none is chosen"))
    try servers[0].root("SET GLOBAL read_only=1")
    #expect(Self.verdict(probes).writer == .one("b"))
  }

  @Test func `a replica that takes writes is no primary`() throws {
    let servers = try MariaDB.cluster(2)
    try servers[1].root("SET GLOBAL read_only=0")
    let found = Self.verdict(servers.map { Self.probe($0) })
    #expect(found.writer == .one("a"))
    #expect(found.members["b"]?.role == .broken)
    #expect(found.warnings.contains { $0.contains("b would take writes, too") })
  }

  @Test func `a wrong password and missing rights are told, and never taken for a role`() throws {
    let server = try MariaDB(id: 1)
    try server.root("SET GLOBAL max_connect_errors=3")
    let wrong = Self.probe(server, as: DatabaseLogin(user: "monitor", password: "wrong"))
    for _ in 0..<10 {
      let verdict = Self.verdict([wrong])
      #expect(verdict.members["a"]?.role == .unknown)
      #expect(verdict.members["a"]?.reason.contains("1045") == true, "\(verdict)")
    }
    let poor = Self.verdict([Self.probe(server, as: MariaDB.app)])
    #expect(poor.members["a"]?.role == .unknown)
    #expect(poor.members["a"]?.reason.contains("1227") == true, "\(poor)")
    // A whole login resets what the server counts against a host: it is not blocked.
    #expect(Self.verdict([Self.probe(server)]).writer == .one("a"))
  }

  @Test func `a session that was killed, or ended with its server, is made anew at once`() throws {
    let server = try MariaDB(id: 1)
    let probe = Self.probe(server)
    #expect(probe.check().facts != nil)
    let session = try server.value(
      "SELECT id FROM information_schema.processlist WHERE user='monitor'")
    try server.root("KILL \(try #require(session))")
    #expect(probe.check().facts != nil)
    try server.restart(["--read-only=1"])
    #expect(probe.check().facts?.isReadOnly == true)
  }

  @Test func `the session is kept between checks`() throws {
    let server = try MariaDB(id: 1)
    let probe = Self.probe(server)
    for _ in 0..<20 { #expect(probe.check().facts != nil) }
    let count = try server.root("SHOW GLOBAL STATUS LIKE 'Connections'").cell("Value")
    // The harness's own, and one of ours.
    #expect(try #require(count.flatMap { Int($0) }) < 15)
  }

  @Test func `an account by a plugin that is not spoken is refused with what to type`() throws {
    let server = try MariaDB(id: 1)
    try server.root("INSTALL SONAME 'auth_ed25519'")
    try server.root("CREATE USER 'odd'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('x')")
    let odd = Self.probe(server, as: DatabaseLogin(user: "odd", password: "x")).check()
    guard case .failed(let error) = odd.answer else {
      Issue.record("logged in: \(odd)")
      return
    }
    #expect(error.step == .login)
    #expect(
      error.description.contains("VIA mysql_native_password USING PASSWORD('...')"), "\(error)")
  }
}
