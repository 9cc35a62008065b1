import Foundation
import Testing

/// The clock on the wall is set while a policy is in force: ends follow it, the guard does not. And hours of
/// services are worked out for some time only.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct FirewallClockTests {
  private static let hour = 3600
  private static let day = 86_400

  private let cable: Cable
  private let clock: SteppedClock
  private var space: Namespace { cable.server }

  init() throws {
    cable = try Cable()
    clock = try SteppedClock(cable.server.folder)
  }

  /// Our program, by the clock of this test.
  private func gatehouse(_ arguments: String...) throws -> Output {
    try run(
      "ip", ["netns", "exec", space.name] + clock.prefix + [Place.gatehouse] + arguments,
      environment: space.environment)
  }

  private func agent() throws -> Companion {
    let agent = try space.start(
      clock.prefix + [Place.gatehouse, "agent", "--socket", "\(space.state)/agent.sock"])
    #expect(agent.says("agent ready", seconds: 60), "\(agent.text)")
    return agent
  }

  private func policy(_ services: String) throws -> String {
    try space.folder.write(
      "p.yaml",
      """
      version: 1
      timezone: UTC
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { \(services) }

      """)
  }

  private func apply(_ services: String, _ more: String...) throws {
    let told = try run(
      "ip",
      ["netns", "exec", space.name] + clock.prefix
        + [Place.gatehouse, "policy", "apply", try policy(services)] + more,
      environment: space.environment)
    guard told.status == 0 else { throw Gate.Failure(text: "\(told)") }
  }

  private func generation() throws -> Int {
    let text = try gatehouse("policy", "status", "--json").standardOutput
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    return try #require(object?["generation"] as? Int)
  }

  private func becomes(_ what: String, _ isSo: () throws -> Bool) throws {
    for _ in 0..<600 {
      if try isSo() { return }
      usleep(100_000)
    }
    Issue.record("never: \(what)")
  }

  /// Seconds until the kernel takes the address out; nil when it does not hold it.
  private func secondsLeft(_ address: String) throws -> Int? {
    let text = try space("nft", "-j", "list", "table", "inet", "gatehouse").standardOutput
    let pattern = try Regex<(Substring, Substring)>(
      "\"val\": \"\(address)\".*?\"expires\": (\\d+)")
    return text.firstMatch(of: pattern).flatMap { Int($0.output.1) }
  }

  @Test func `root: ends are those of the clock on the wall, also after it was set, and set back`()
    throws
  {
    try apply("web: { listen: [tcp/80], allow: [10.77.0.3] }")
    let allowed = try gatehouse(
      "allow", "add", "10.77.0.4", "--to", "web", "--for", "10h", "--reason", "r", "--owner", "o")
    #expect(allowed.status == 0, "\(allowed.standardError)")
    let agent = try agent()
    #expect(try secondsLeft("10.77.0.4") ?? 0 > 9 * Self.hour)
    try clock.set(ahead: 9 * Self.hour)
    try becomes("an hour is left") { try secondsLeft("10.77.0.4") ?? .max <= Self.hour }
    #expect(agent.says("the clock was set"), "\(agent.text)")
    try clock.set(ahead: 11 * Self.hour)
    try becomes("it has ended") { try secondsLeft("10.77.0.4") == nil }
    // A clock that was wrong for a while has ended nothing for good.
    try clock.set(ahead: 0)
    try becomes("it is in force again") { try secondsLeft("10.77.0.4") ?? 0 > 9 * Self.hour }
    #expect(try gatehouse("policy", "verify", "--deep").status == 0)
  }

  /// As on a machine without a battery: the policy is in force before anybody knows what time it is.
  @Test func `root: a clock that was set while no agent ran is found by the next one`() throws {
    try clock.set(ahead: -10 * Self.hour)
    try apply("web: { listen: [tcp/80], allow: [10.77.0.3] }")
    let allowed = try gatehouse(
      "allow", "add", "10.77.0.4", "--to", "web", "--for", "20h", "--reason", "r", "--owner", "o")
    #expect(allowed.status == 0, "\(allowed.standardError)")
    #expect(try secondsLeft("10.77.0.4") ?? 0 > 19 * Self.hour)
    try clock.set(ahead: 0)
    let agent = try agent()
    try becomes("ten hours are left") { try secondsLeft("10.77.0.4") ?? .max <= 10 * Self.hour }
    #expect(agent.says("the clock was set"), "\(agent.text)")
  }

  @Test func `root: no setting of the clock moves the guard's deadline`() throws {
    try apply("web: { listen: [tcp/80], allow: [any] }")
    try apply("mail: { listen: [tcp/25], allow: [any] }", "--confirm-within", "10m")
    try clock.set(ahead: 400 * Self.day)
    // The guard looks four times a second.
    sleep(2)
    #expect(try generation() == 2)
    let kept = try Data(
      contentsOf: space.folder.url.appendingPathComponent("state/state.json"))
    let object = try JSONSerialization.jsonObject(with: kept)
    let state = try #require(object as? [String: Any])
    let token = try #require((state["pending"] as? [String: Any])?["token"] as? String)
    let confirmed = try gatehouse("policy", "confirm", token)
    #expect(confirmed.status == 0, "\(confirmed.standardError)")
    try apply("ssh: { listen: [tcp/2222], allow: [any] }", "--confirm-within", "3s")
    try clock.set(ahead: -400 * Self.day)
    try becomes("the guard went back") { try generation() == 2 }
    #expect(try space.ruleset().contains("svc_mail"))
  }

  /// Whether somebody gets an answer from the service, and not whether a packet gets through.
  private func isOpen() throws -> Bool {
    let script = """
      import socket
      try: print(socket.create_connection(("10.77.0.1", 80), 2, ("10.77.0.4", 0)).recv(9).decode())
      except OSError: print("closed")
      """
    return try cable.client("python3", "-c", script).standardOutput == "hello\n"
  }

  /// As if the policy had been applied so many days ago, and nobody had looked since.
  private func applyAlways(daysAgo days: Int) throws {
    try clock.set(ahead: -days * Self.day)
    try apply(
      "web: { listen: [tcp/80], allow: [any], schedule: { days: mon-sun, hours: \"00:00-24:00\" } }"
    )
    try clock.set(ahead: 0)
    let file = space.folder.url.appendingPathComponent("state/state.json")
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
    var state = try #require(object as? [String: Any])
    var then = try #require(state["clock"] as? [String: Any])
    // The clock was never set: time went by.
    then["offset"] = try #require(then["offset"] as? Int) + days * Self.day * 1000
    state["clock"] = then
    try JSONSerialization.data(withJSONObject: state).write(to: file)
  }

  private func serve() throws -> Companion {
    let server = try space.start(
      "python3", "-u", "-c",
      """
      import socket
      s = socket.create_server(("10.77.0.1", 80)); print("serving")
      while True:
        c, _ = s.accept(); c.sendall(b"hello"); c.close()
      """)
    #expect(server.says("serving", seconds: 30))
    return server
  }

  @Test
  func `root: hours end when nobody works them out any more, it is told, and an agent does it`()
    throws
  {
    let server = try serve()
    try applyAlways(daysAgo: 350)
    #expect(try isOpen())
    let soon = try gatehouse("policy", "verify")
    #expect(
      soon.status == 1 && soon.standardOutput.contains("\"web\" will be closed from"), "\(soon)")
    try applyAlways(daysAgo: 450)
    #expect(try !isOpen())
    let over = try gatehouse("policy", "verify")
    #expect(over.status == 1 && over.standardOutput.contains("\"web\" closed since"), "\(over)")
    let agent = try agent()
    #expect(agent.says("schedules reach further", seconds: 60), "\(agent.text)")
    #expect(try isOpen())
    #expect(try gatehouse("policy", "verify", "--deep").status == 0)
    withExtendedLifetime(server) {}
  }

  @Test func `root: verify --fix works hours out anew, and so does a start of the machine`() throws
  {
    let server = try serve()
    try applyAlways(daysAgo: 450)
    #expect(try gatehouse("policy", "verify", "--fix").status == 0)
    #expect(try isOpen())
    try applyAlways(daysAgo: 450)
    try space.must("nft", "delete", "table", "inet", "gatehouse")
    #expect(try gatehouse("policy", "boot").status == 0)
    #expect(try isOpen())
    withExtendedLifetime(server) {}
  }
}
