import Databases
import Foundation
import Glibc
import Testing

/// A switchover in which a server is lost at each of its steps: never do two take writes.
@Suite(.serialized) struct SwitchoverFaultTests {
  enum Fault: String, CaseIterable {
    case newKilled, newFrozen, oldKilled
  }

  private static func cluster(_ servers: [MariaDB]) -> DatabaseCluster {
    DatabaseCluster(
      servers.enumerated().map { index, server in
        let probe = RoleProbe(
          address: server.address, user: MariaDB.monitor.user, password: MariaDB.monitor.password)
        return .init(
          name: "s\(index + 1)", host: "127.0.0.1", port: server.port, outcome: probe.check())
      }, lagLimit: .seconds(10))
  }

  /// Steps up to the one that makes the new one take writes.
  @Test(arguments: Fault.allCases, [0, 1, 2, 3, 4, 5])
  func `a server that is lost at a step of a switchover leaves one writer at most`(
    _ fault: Fault, _ lost: Int
  ) throws {
    let servers = try MariaDB.cluster(2)
    let (old, new) = (servers[0], servers[1])
    try old.root("INSERT INTO shop.orders VALUES (1)")
    try new.catchUp(with: old)
    let plan = SwitchoverPlan.make(Self.cluster(servers), to: "s2", wait: 3)
    guard case .steps(let steps, _) = plan else {
      Issue.record("\(plan)")
      return
    }
    #expect(steps[5].isPointOfNoReturn)
    var began = 0
    var back: [String] = []
    let runner = StepRunner(
      at: ["s1": old.address, "s2": new.address], as: MariaDB.admin,
      replication: MariaDB.replication
    ) { event in
      switch event {
      case .began:
        if began == lost { Self.strike(fault, old, new) }
        began += 1
      case .wentBack(let server, let statement, nil): back.append("\(server): \(statement)")
      case .wentBack, .done, .failed: break
      }
    }
    let outcome = runner.run(steps)
    new.thaw()
    try check(fault, lost, outcome, old, new)
  }

  private static func strike(_ fault: Fault, _ old: MariaDB, _ new: MariaDB) {
    switch fault {
    case .newKilled: new.kill()
    case .newFrozen: new.freeze()
    case .oldKilled: old.kill()
    }
  }

  private func check(
    _ fault: Fault, _ lost: Int, _ outcome: StepRunner.Outcome, _ old: MariaDB, _ new: MariaDB
  ) throws {
    let isOldWritable = try isWritable(old)
    let isNewWritable = try isWritable(new)
    #expect(!(isOldWritable && isNewWritable), "\(outcome)")
    switch (fault, lost) {
    case (.oldKilled, 5):
      // What the new one needed of it, it had: only the old one is left to rejoin.
      #expect(isNewWritable)
      guard case .done(let left) = outcome else { break }
      #expect(left.contains { $0.hasPrefix("s1 ") })
    case (.oldKilled, 3...4):
      // It had told its last transaction; the step after it needs it no more.
      #expect(isNewWritable, "\(outcome)")
    case (.oldKilled, _):
      #expect(!isNewWritable)
      guard case .stuck(let why) = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(why.contains("SET GLOBAL read_only=0 on s1"), "\(why)")
    case (_, 5):
      // The statement may have arrived: the old one stays as it is, and that is said.
      #expect(!isOldWritable)
      guard case .stuck(let why) = outcome else {
        Issue.record("\(outcome)")
        return
      }
      #expect(why.contains("not known whether s2 takes writes"), "\(why)")
    case (_, _):
      #expect(isOldWritable, "\(outcome)")
      if case .done = outcome { Issue.record("done without a new primary") }
      try old.session(MariaDB.app).query(
        "INSERT INTO shop.orders VALUES (2)", within: .seconds(5))
    }
  }

  private func isWritable(_ server: MariaDB) throws -> Bool {
    guard server.isRunning else { return false }
    return try server.value("SELECT @@global.read_only") == "0"
  }

  @Test func `a long statement on the primary stops a switchover, and it is not left read-only`()
    throws
  {
    let servers = try MariaDB.cluster(2)
    try servers[0].root("INSERT INTO shop.orders VALUES (1)")
    try servers[1].catchUp(with: servers[0])
    let done = DispatchSemaphore(value: 0)
    let slow = servers[0].address
    Thread.detachNewThread {
      let session = try? MySQLSession(to: slow, as: MariaDB.app, within: .seconds(5))
      _ = try? session?.query("SELECT SLEEP(40) FROM shop.orders", within: .seconds(50))
      done.signal()
    }
    for _ in 0..<100 {
      let busy = try servers[0].value(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")
      if busy == "1" { break }
      usleep(50_000)
    }
    guard case .steps(let steps, _) = SwitchoverPlan.make(Self.cluster(servers), to: "s2", wait: 3)
    else {
      Issue.record("refused")
      return
    }
    let begin = ContinuousClock.now
    let runner = StepRunner(
      at: ["s1": servers[0].address, "s2": servers[1].address], as: MariaDB.admin,
      replication: MariaDB.replication
    ) { _ in }
    let outcome = runner.run(steps)
    #expect(ContinuousClock.now - begin < .seconds(30))
    switch outcome {
    case .undone: #expect(try servers[0].value("SELECT @@global.read_only") == "0")
    case .done: #expect(try servers[1].value("SELECT @@global.read_only") == "0")
    case .stuck(let why): Issue.record("stuck: \(why)")
    }
    servers[0].kill()
    done.wait()
  }
}
