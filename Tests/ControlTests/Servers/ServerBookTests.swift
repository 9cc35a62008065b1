import Foundation
import Logging
import Synchronization
import Testing

@testable import Control
@testable import Proxy

@Suite struct ServerBookTests {
  /// What the workers would have been told last, and how often.
  private final class Told: Sendable {
    let content = Mutex<(standings: [ServerID: ServerStanding], count: Int)>(([:], 0))

    subscript(_ server: String) -> ServerStanding? {
      content.withLock { $0.standings[ServerID(backend: "web", server: server)] }
    }
    var count: Int { content.withLock { $0.count } }
  }

  private static func id(_ server: String) -> ServerID {
    ServerID(backend: "web", server: server)
  }

  private static func file(holdDown: Duration = .zero) -> ProxyConfiguration {
    var configuration = ProxyConfiguration()
    var servers = ["s1", "s2", "spare"].enumerated().map {
      ProxyConfiguration.Server(
        name: $0.element, address: .ipv4(0x7f00_0001, port: UInt16($0.offset + 1)), weight: 2)
    }
    servers[2].tier = 1
    configuration.backends = [.init(name: "web", servers: servers)]
    configuration.backends[0].tiers.holdDown = holdDown
    configuration.backends[0].health.check = .tcp
    return configuration
  }

  private static func book() -> (ServerBook, Told) {
    let book = ServerBook(file(), StateFolder(), Logger(label: "test"))
    let told = Told()
    book.begin { standings in told.content.withLock { $0 = (standings, $0.count + 1) } }
    return (book, told)
  }

  private static func report(
    _ verdict: HealthReport.Verdict, agent: ServerStanding.State? = nil
  ) -> HealthReport {
    var report = HealthReport()
    report.verdict = verdict
    report.since = 1_700_000_000
    report.lastResult = "connect: connection refused"
    report.checks = 3
    report.agentState = agent
    return report
  }

  @Test func `says at once how all stand, and again only when something changes`() {
    let (book, told) = Self.book()
    #expect(told["s1"] == ServerStanding(weight: 200))
    #expect(told["spare"] == ServerStanding(weight: 200, isInUse: false))
    let count = told.count
    _ = book.tick()
    book.told([Self.id("s1"): Self.report(.up)])
    #expect(told.count == count)
    book.told([Self.id("s1"): Self.report(.down)])
    #expect(told.count == count + 1)
    #expect(told["s1"]?.isHealthy == false && told["s2"]?.isHealthy == true)
  }

  @Test func `is asked and told while a new generation is made, which begins with the newest`()
    throws
  {
    let (book, told) = Self.book()
    var handed: [ServerID: ServerStanding]?
    let made = try book.putToWork(Self.file()) { _, handOver in
      book.told([Self.id("s1"): Self.report(.down)])
      #expect(told["s1"]?.isHealthy == false)
      #expect(book.look { $0.changes[Self.id("s1")] } == 1)
      handOver { handed = $0 }
    }
    #expect(made.backends.count == 1)
    #expect(handed?[Self.id("s1")]?.isHealthy == false)
    #expect(handed?[Self.id("s2")]?.isHealthy == true)
    // The workers may have been told of servers that this generation has not: all are told again.
    let count = told.count
    _ = book.tick()
    #expect(told.count == count + 1)
  }

  @Test func `a tier without anything healthy hands over, and takes back`() {
    let (book, told) = Self.book()
    book.told([Self.id("s1"): Self.report(.down), Self.id("s2"): Self.report(.down)])
    #expect(told["spare"]?.isInUse == true && told["s1"]?.isInUse == false)
    let status = book.look { $0.status($0.applied.backends[0], TrafficView([], TrafficHistory())) }
    #expect(status.tier == 1 && status.tiers == [0, 1])
    #expect(status.servers.map(\.state) == ["down", "down", "up"])
    #expect(status.servers[0].why == "connect: connection refused")
    #expect(status.servers[0].healthSince == Date(timeIntervalSince1970: 1_700_000_000))
    book.told([Self.id("s2"): Self.report(.up)])
    #expect(told["spare"]?.isInUse == false && told["s2"]?.isInUse == true)
    #expect(book.look { $0.changes[Self.id("s2")] } == 2)
  }

  @Test func `an agent drains its server, unless somebody wants it ready`() throws {
    let (book, told) = Self.book()
    book.told([Self.id("s1"): Self.report(.up, agent: .drain)])
    #expect(told["s1"]?.state == .drain)
    _ = try book.change { state throws(ServerRefusal) in
      try state.put(
        Self.id("s1"), .state(.ready), ChangeTerms(), ServerCaller(name: "alice", ifMatch: nil))
    }
    #expect(told["s1"]?.state == .ready)
  }

  @Test func `an ejection counts as unhealthy for tiers as long as it lasts`() {
    let (book, told) = Self.book()
    let now = Date()
    book.ejected(Self.id("s1"), until: now + 60, reason: "refused")
    #expect(told["spare"]?.isInUse == false)
    book.ejected(Self.id("s2"), until: now + 60, reason: "refused")
    #expect(told["spare"]?.isInUse == true)
    // Its check still passes: that is the workers' business.
    #expect(told["s1"]?.isHealthy == true)
    book.ejected(Self.id("s2"), until: now - 1, reason: "refused")
    _ = book.tick()
    #expect(told["spare"]?.isInUse == false)
  }

  @Test func `what is known of servers that are gone is forgotten`() {
    let (book, told) = Self.book()
    book.told([Self.id("s1"): Self.report(.down)])
    var file = Self.file()
    file.backends[0].servers.removeFirst()
    book.adopt(file)
    #expect(told["s1"] == nil)
    book.adopt(Self.file())
    #expect(told["s1"]?.isHealthy == true)
  }

  @Test func `a file without a check makes nobody stay down`() {
    let (book, told) = Self.book()
    book.told([Self.id("s1"): Self.report(.down)])
    var file = Self.file()
    file.backends[0].health.check = nil
    book.adopt(file)
    #expect(told["s1"]?.isHealthy == true)
    book.told([Self.id("s1"): Self.report(.down)])
    #expect(told["s1"]?.isHealthy == true)
  }

  @Test func `a name that comes to have several addresses stays drained`() throws {
    let (book, told) = Self.book()
    _ = try book.change { state throws(ServerRefusal) in
      _ = state.overrides.set(
        ServerOverride(
          backend: "web", server: "s1", change: .state(.drain), configured: nil, by: "alice",
          since: Date(), reason: "", until: nil))
    }
    #expect(told["s1"]?.state == .drain)
    var moved = Self.file()
    let server = moved.backends[0].servers.removeFirst()
    for address in ["10.0.0.5", "10.0.0.6"] {
      var one = server
      one.name = "s1@\(address)"
      moved.backends[0].servers.append(one)
    }
    book.adopt(moved)
    #expect(told["s1@10.0.0.5"]?.state == .drain && told["s1@10.0.0.6"]?.state == .drain)
    #expect(told["s2"]?.state == .ready)
  }

  private static func database(_ port: UInt16 = 1) -> ProxyConfiguration {
    var configuration = file()
    configuration.backends[0].mysql = .init(monitor: .init(user: "m", passwordFile: "p"))
    configuration.backends[0].servers[0].role = .primary
    configuration.backends[0].servers[0].address = .ipv4(0x7f00_0001, port: port)
    return configuration
  }

  @Test func `a database's server has the role that it told, where it told it, and no other`() {
    let (book, told) = Self.book()
    book.adopt(Self.database())
    // The file's word is no answer of the server.
    #expect(told["s1"]?.role == nil)
    book.told([Self.id("s1"): .some(.primary), Self.id("s2"): .some(.replica)])
    #expect(told["s1"]?.role == .primary && told["s2"]?.role == .replica)
    // Somebody else listens at the new address, and has not been asked.
    #expect(book.standings(of: Self.database(9))[Self.id("s1")]?.role == nil)
    book.adopt(Self.database(9))
    #expect(told["s1"]?.role == nil && told["s2"]?.role == .replica)
    // Without `mysql` the file's word counts, whatever was told before.
    var plain = Self.file()
    plain.backends[0].servers[1].role = .primary
    book.adopt(plain)
    #expect(told["s2"]?.role == .primary)
    // A check that was under way comes too late.
    book.told([Self.id("s1"): .some(.primary)])
    #expect(told["s1"]?.role == nil)
  }

  @Test(arguments: [
    (ServerOverrideChange.removed, "s1", "none"),
    (
      .added(AddedServer(address: "127.0.0.1:7", weight: 1, tier: 0, role: .primary)), "s9",
      "s1 and s9"
    ),
  ])
  func `a split keeps its one primary`(
    _ change: ServerOverrideChange, _ server: String, _ found: String
  ) {
    let (book, _) = Self.book()
    var split = Self.file()
    split.backends[0].split = .init()
    split.backends[0].servers[0].role = .primary
    book.adopt(split)
    let refusal = #expect(throws: ServerRefusal.self) {
      try book.change { state throws(ServerRefusal) in
        try state.put(
          Self.id(server), change, ChangeTerms(), ServerCaller(name: "alice", ifMatch: nil))
        try state.checkPrimaries()
      }
    }
    #expect(refusal?.text.contains("would have \(found);") == true, "\(refusal?.text ?? "")")
    #expect(book.look { $0.overrides.overrides.isEmpty })
  }

  @Test func `a refused change leaves all as it was`() {
    let (book, told) = Self.book()
    let count = told.count
    #expect(throws: ServerRefusal.self) {
      try book.change { state throws(ServerRefusal) in
        try state.put(
          Self.id("s1"), .weight(.absolute(9)), ChangeTerms(),
          ServerCaller(name: "alice", ifMatch: nil))
        throw ServerRefusal(409, "no")
      }
    }
    #expect(told.count == count && book.look { $0.overrides.overrides.isEmpty })
  }

  @Test func `a configuration to come is judged by what is known`() {
    let (book, _) = Self.book()
    book.told([Self.id("s1"): Self.report(.down), Self.id("s2"): Self.report(.down)])
    var next = Self.file()
    next.backends[0].servers.append(
      .init(name: "s3", address: .ipv4(0x7f00_0001, port: 9), weight: 1))
    let standings = book.standings(of: next)
    #expect(
      standings[Self.id("s3")]?.isInUse == true && standings[Self.id("spare")]?.isInUse == false)
    #expect(standings[Self.id("s1")]?.isHealthy == false)
  }
}
