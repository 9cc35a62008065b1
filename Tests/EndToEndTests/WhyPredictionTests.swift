import Configuration
import Control
import Firewall
import Foundation
import Proxy
import Testing

/// What `why` says of a request is what then happens to it.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct WhyPredictionTests {
  /// How the kernel stands to the proxy's policy.
  enum Round: String, CaseIterable { case same, none, other, banned, audit, sameAgain }

  private static let casesPerRound = 170

  /// `GATEHOUSE_SEED` repeats a run.
  private static let seed: UInt64 =
    ProcessInfo.processInfo.environment["GATEHOUSE_SEED"].flatMap { UInt64($0) }
    ?? .random(in: 1...1_000_000_000)

  @Test func `root: 1,020 random requests end as why says`() throws {
    print("WhyPredictionTests: GATEHOUSE_SEED=\(Self.seed)")
    var ends: [String: Int] = [:]
    var wrong: [String] = []
    for (index, round) in Round.allCases.enumerated() {
      let site = try SiteUnderTest(round, seed: Self.seed &+ UInt64(index) &* 7919)
      let cases = site.requests(Self.casesPerRound)
      let predictions = try cases.map { try site.why($0) }
      let before = try site.facts().standings
      let seen = try site.send(cases)
      #expect(seen.count == cases.count)
      #expect(try site.facts().standings == before, "servers changed under the test")
      for (request, (prediction, seen)) in zip(cases, zip(predictions, seen)) {
        ends[prediction.word, default: 0] += 1
        if case .reply(let status, _, _) = prediction.end { ends["\(status)", default: 0] += 1 }
        if !prediction.agrees(with: seen) {
          wrong.append("\(round) \(request.words): \(prediction.sentence), but: \(seen)")
        }
      }
      for request in cases.prefix(4) { try site.checkCommand(request) }
    }
    print("WhyPredictionTests: \(ends.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })")
    #expect(
      wrong.isEmpty, "seed \(Self.seed), \(wrong.count) wrong:\n\(wrong.joined(separator: "\n"))")
    for (end, least) in [
      ("backend", 40), ("redirect", 20), ("reply", 80), ("dropped", 40), ("closed", 20),
      ("tls-alert", 5), ("stream", 5), ("no-handshake", 1), ("400", 20), ("403", 1), ("404", 1),
      ("405", 10),
    ] {
      #expect(
        ends[end, default: 0] >= least, "seed \(Self.seed): \(end) occurs \(ends[end] ?? 0) times")
    }
  }

  @Test func `a prediction that is wrong is found out`() throws {
    let seen = SeenRequest(end: "answer", status: 200, server: "web/s1")
    let explanation = try JSONDecoder().decode(
      SeenRequest.self, from: Data(#"{"end": "dropped"}"#.utf8))
    #expect(Explanation.End.backend("web", servers: ["s1"]).agrees(with: seen))
    #expect(!Explanation.End.backend("web", servers: ["s2"]).agrees(with: seen))
    #expect(!Explanation.End.backend("api", servers: ["s1"]).agrees(with: seen))
    #expect(!Explanation.End.dropped.agrees(with: seen))
    #expect(Explanation.End.dropped.agrees(with: explanation))
    #expect(!Explanation.End.reply(status: 200, title: "", reason: "").agrees(with: seen))
  }
}

extension Explanation {
  fileprivate func agrees(with seen: SeenRequest) -> Bool { end.agrees(with: seen) }
}

extension Explanation.End {
  fileprivate func agrees(with seen: SeenRequest) -> Bool {
    switch self {
    case .dropped: seen.end == "dropped"
    case .connectionRefused: seen.end == "connection-refused"
    case .closed, .noServer: seen.end == "closed"
    case .alert: seen.end == "tls-alert"
    case .noHandshake: seen.end == "no-handshake"
    case .reply(let status, _, _):
      seen.end == "answer" && seen.status == Int(status) && seen.server == nil
    case .redirect(let status, let location):
      seen.status == Int(status) && seen.location == location && seen.server == nil
    case .backend(let name, let servers), .stream(let name, let servers):
      seen.status == 200 && servers.contains { seen.server == "\(name)/\($0)" }
    case .letIn: false
    }
  }
}

/// A random site that runs in a namespace, its servers behind it, and clients on a cable.
private final class SiteUnderTest {
  private let cable: Cable
  private let folder: TemporaryFolder
  private let gate: Companion
  private let origins: Companion
  private let explainer: Explainer
  private let kernel: CompiledPolicy?
  private let banned: Set<String>
  private let client: AdminClient
  private var random: Seeded
  private let hasProxy: Bool

  private var path: String { folder.url.appendingPathComponent("gatehouse.yaml").path }

  init(_ round: WhyPredictionTests.Round, seed: UInt64) throws {
    var site = RandomSite(seed: seed, takesAllHosts: round == .audit || round == .none)
    cable = try Cable()
    folder = cable.server.folder
    try cable.server.must("ip", "route", "add", "10.77.1.0/24", "dev", "up0")
    for source in RandomSite.sources where source.hasPrefix("10.77.1.") {
      try cable.client.must("ip", "addr", "add", "\(source)/32", "dev", "down0")
    }
    try Gate.makeCertificate(in: folder)
    let own = try Self.writePolicy("policy.yaml", &site, isAudit: round == .audit, folder)
    hasProxy = own.contains("trusted_proxies")
    let file = folder.url.appendingPathComponent("gatehouse.yaml").path
    _ = try folder.write("gatehouse.yaml", site.file)
    switch round {
    case .none: kernel = nil
    case .other:
      _ = try Self.writePolicy("other.yaml", &site, isAudit: false, folder)
      kernel = try Self.apply("other.yaml", cable, folder)
    case .same, .banned, .audit, .sameAgain:
      kernel = try Self.apply("policy.yaml", cable, folder)
    }
    let up = site.servers.filter(\.isUp).map { "\($0.backend)/\($0.name)=\($0.port)" }
    origins = try cable.server.start(
      ["python3", "-u", Self.script, "serve"] + up)
    guard origins.says("ready") else { throw Gate.Failure(text: origins.text) }
    gate = try cable.server.start([Place.gatehouse, "run", "-c", file])
    guard gate.says("ready on") else { throw Gate.Failure(text: gate.text) }
    client = AdminClient(socket: folder.url.appendingPathComponent("admin.sock").path)
    try Self.waitForChecks(client, site.servers)
    banned = round == .banned ? ["10.77.0.3", "10.77.1.5", "10.77.1.20", "fd77::4"] : []
    for address in banned {
      let ban = try cable.server.gatehouse("ban", "add", address, "--for", "10m", "-c", file)
      guard ban.status == 0 else { throw Gate.Failure(text: "\(ban)") }
    }
    let facts = try client.facts(about: RandomSite.sources.compactMap(Self.address))
    explainer = try Explainer(file, try ConfigurationFile.load(file), running: facts)
    random = site.random
  }

  private static let script = Place.root.appendingPathComponent(
    "Tests/EndToEndTests/Oracle/requests.py"
  ).path

  private static func address(_ text: String) -> IPAddress? {
    Address(parsing: text).map { IPAddress($0) }
  }

  /// Draws until the checks find no fault with one.
  private static func writePolicy(
    _ name: String, _ site: inout RandomSite, isAudit: Bool, _ folder: TemporaryFolder
  ) throws -> String {
    var last = ""
    for _ in 0..<50 {
      let text = site.policy(isAudit: isAudit)
      let file = try folder.write(name, text)
      do {
        _ = try PolicyFile.load(file, at: CompiledPolicy.now)
        return text
      } catch { last = "\(error)\n\(text)" }
    }
    throw Gate.Failure(text: "no policy is good: \(last)")
  }

  private static func apply(
    _ name: String, _ cable: Cable, _ folder: TemporaryFolder
  ) throws -> CompiledPolicy {
    let file = folder.url.appendingPathComponent(name).path
    let applied = try cable.server.gatehouse("policy", "apply", file)
    guard applied.status < 2 else { throw Gate.Failure(text: "\(applied)") }
    let now = CompiledPolicy.now
    return CompiledPolicy(try PolicyFile.load(file, at: now).policy, at: now)
  }

  private static func waitForChecks(
    _ client: AdminClient, _ servers: [RandomSite.Server]
  ) throws {
    for _ in 0..<200 {
      let known = try client.servers().flatMap(\.servers)
      let isSettled = servers.allSatisfy { server in
        known.first { $0.backend == server.backend && $0.name == server.name }?.health
          == (server.isUp ? "up" : "down")
      }
      if isSettled { return }
      usleep(50_000)
    }
    throw Gate.Failure(text: "the servers' health never settled")
  }

  func facts() throws -> RunningFacts { try client.facts(about: []) }

  func requests(_ count: Int) -> [RandomRequest] {
    (0..<count).map { _ in RandomRequest(&random, hasProxy: hasProxy) }
  }

  func why(_ request: RandomRequest) throws -> Explanation {
    guard let source = Address(parsing: request.source) else { throw Gate.Failure(text: "source") }
    var question = Explainer.Question(
      client: source, port: UInt16(request.port), url: try RequestURL(parsing: request.url))
    question.via = request.via.flatMap { Address(parsing: $0) }
    question.method = request.method
    question.bodyBytes = request.body
    let peer = request.via ?? request.source
    var facts = KernelFacts(kernel == nil ? .none : .inForce, compiled: kernel)
    if kernel != nil, banned.contains(peer), let network = try? Network(parsing: peer) {
      facts.ban = KernelBans.Ban(network: network, secondsLeft: 600)
    }
    return try explainer.why(question, facts)
  }

  func send(_ cases: [RandomRequest]) throws -> [SeenRequest] {
    let input = cases.map { "\($0.line)\n" }.joined()
    let output = try run(
      "ip", ["netns", "exec", cable.client.name, "python3", Self.script, "ask"],
      input: Data(input.utf8), seconds: 120)
    let lines = output.standardOutput.split(separator: "\n")
    guard lines.count == cases.count else { throw Gate.Failure(text: output.standardError) }
    return try lines.map { try JSONDecoder().decode(SeenRequest.self, from: Data($0.utf8)) }
  }

  /// The command says what the function says.
  func checkCommand(_ request: RandomRequest) throws {
    let told = try cable.server.gatehouse(["why"] + request.words + ["-c", path])
    let expected = try why(request)
    #expect(
      told.standardOutput.hasSuffix("VERDICT  \(expected.sentence)\n"),
      "\(request.words): \(told), but \(expected.sentence)")
    #expect(told.status == (expected.isServed ? 0 : 1))
  }
}
