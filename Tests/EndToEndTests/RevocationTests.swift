import Foundation
import Testing

/// What an apply and a ban do to connections that are open.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct RevocationTests {
  private let cable: Cable
  private let echo: Companion

  /// Echoes on tcp/80, for IPv4 and IPv6.
  private static let server = """
    import socket, threading
    def serve(connection):
        try:
            while (data := connection.recv(100)): connection.sendall(data)
        except OSError: pass
        connection.close()
    listener = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """

  /// Says every 50 ms that its connection lives, until it does not; two seconds without an echo are
  /// its end, too.
  private static let talker = """
    import socket, sys, time
    source, destination = sys.argv[1:]
    connection = socket.create_connection((destination, 80), 5, (source, 0))
    connection.settimeout(2)
    print("open", flush=True)
    try:
        while True:
            connection.sendall(b"x")
            if not connection.recv(100): break
            time.sleep(0.05)
            print("alive", flush=True)
    except OSError: pass
    print("closed", flush=True)
    """

  init() throws {
    cable = try Cable()
    echo = try cable.server.start("python3", "-u", "-c", Self.server)
    guard echo.says("ready") else { throw Gate.Failure(text: echo.text) }
  }

  private func apply(_ allow: String, _ more: String = "", _ web: String = "") throws -> Output {
    let file = try cable.server.folder.write(
      "policy.yaml",
      """
      version: 1
      \(more)
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { web: { listen: [tcp/80], allow: [\(allow)]\(web) } }

      """)
    return try cable.server.gatehouse("policy", "apply", file)
  }

  private func talk(_ source: String, _ destination: String = "10.77.0.1") throws -> Companion {
    let talker = try cable.client.start("python3", "-u", "-c", Self.talker, source, destination)
    guard talker.says("alive") else { throw Gate.Failure(text: "\(source): \(talker.text)") }
    return talker
  }

  /// It goes on: five more echoes come.
  private func goesOn(_ talker: Companion) -> Bool {
    let before = talker.text.count
    for _ in 0..<100 {
      if talker.text.count > before + 5 * 6 { return !talker.text.contains("closed") }
      usleep(50_000)
    }
    return false
  }

  @Test func `root: an address that is revoked loses its open connections, others keep theirs`()
    throws
  {
    #expect(try apply("10.77.0.2, 10.77.0.3, \"fd77::2\"").status == 0)
    let stays = try talk("10.77.0.2")
    let goes = try talk("10.77.0.3")
    let six = try talk("fd77::2", "fd77::1")
    #expect(goesOn(stays) && goesOn(goes) && goesOn(six))
    let applied = try apply("10.77.0.2")
    #expect(applied.status == 0)
    #expect(applied.standardOutput.contains("closed 2 connection(s)"), "\(applied.standardOutput)")
    #expect(goes.says("closed") && six.says("closed"))
    #expect(goesOn(stays))
  }

  @Test func `root: with existing_connections: keep they stay open, and no new ones come in`()
    throws
  {
    #expect(try apply("10.77.0.2, 10.77.0.3").status == 0)
    let kept = try talk("10.77.0.3")
    let applied = try apply("10.77.0.2", "existing_connections: keep")
    #expect(applied.status == 0 && !applied.standardOutput.contains("closed"))
    #expect(goesOn(kept))
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.3") }
  }

  @Test func `root: going back closes what the earlier policy does not let in`() throws {
    #expect(try apply("10.77.0.2").status == 0)
    #expect(try apply("10.77.0.2, 10.77.0.3").status == 0)
    let stays = try talk("10.77.0.2")
    let goes = try talk("10.77.0.3")
    #expect(try cable.server.gatehouse("policy", "rollback", "1").status == 0)
    #expect(goes.says("closed"))
    #expect(goesOn(stays))
  }

  @Test func `root: the first policy ends what it would not have let in`() throws {
    let stranger = try talk("10.77.0.4")
    let friend = try talk("10.77.0.2")
    #expect(try apply("10.77.0.2").status == 0)
    #expect(stranger.says("closed"))
    #expect(goesOn(friend))
  }

  @Test func `root: a ban ends open connections, keeps new ones out, and ends by itself`() throws {
    #expect(try apply("any").status == 0)
    let banned = try talk("10.77.0.5")
    let six = try talk("fd77::5", "fd77::1")
    let other = try talk("10.77.0.6")
    let told = try cable.server.gatehouse("ban", "add", "10.77.0.5", "--for", "3s")
    #expect(told.status == 0 && told.standardOutput.contains("closed 1 connection(s)"))
    #expect(banned.says("closed"))
    #expect(goesOn(other) && goesOn(six))
    #expect(try cable.server.gatehouse("ban", "add", "fd77::/64", "--for", "3s").status == 0)
    #expect(six.says("closed"))
    sleep(4)
    #expect(try goesOn(talk("10.77.0.5")))
    #expect(try cable.server.gatehouse("ban", "list").standardOutput == "nobody is banned\n")
  }

  @Test func `root: management is not banned, by hand or otherwise`() throws {
    #expect(try apply("any", "bans: { never: [10.77.0.8] }").status == 0)
    for network in ["10.77.0.9", "10.77.0.0/24", "10.77.0.8"] {
      let told = try cable.server.gatehouse("ban", "add", network)
      #expect(told.status == 2 && told.standardError.contains("never bans"))
    }
    #expect(try cable.server.gatehouse("ban", "list").standardOutput == "nobody is banned\n")
  }

  @Test func `root: an allowance by hand lets in, and ends by itself`() throws {
    #expect(try apply("10.77.0.2").status == 0)
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.4") }
    let told = try cable.server.gatehouse(
      "allow", "add", "10.77.0.4", "--to", "web", "--for", "5s", "--reason", "OPS-7", "--owner",
      "alice")
    #expect(told.status == 0, "\(told.standardError)")
    #expect(try goesOn(talk("10.77.0.4")))
    let list = try cable.server.gatehouse("allow", "list").standardOutput
    #expect(list.contains("OPS-7") && list.contains("alice"))
    sleep(6)
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.4") }
  }

  @Test func `root: what has ended since is closed by the next apply`() throws {
    #expect(try apply("10.77.0.2").status == 0)
    let told = try cable.server.gatehouse(
      "allow", "add", "10.77.0.4", "--to", "web", "--for", "3s", "--reason", "r", "--owner", "o")
    #expect(told.status == 0)
    let open = try talk("10.77.0.4")
    sleep(4)
    #expect(goesOn(open))
    #expect(try apply("10.77.0.2").status == 0)
    #expect(open.says("closed"))
  }

  @Test func `root: a policy on trial closes nothing, not by a ban either`() throws {
    #expect(try apply("10.77.0.2", "mode: audit").status == 0)
    let open = try talk("10.77.0.2")
    #expect(try cable.server.gatehouse("ban", "add", "10.77.0.2", "--for", "1h").status == 0)
    #expect(goesOn(open))
    // But panic lets in nobody, and those who are banned no more than others.
    #expect(try cable.server.gatehouse("panic", "on").status == 0)
    #expect(open.says("closed"))
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.2") }
  }

  @Test func `root: what is allowed by hand, and panic, outlast a rollback`() throws {
    #expect(try apply("10.77.0.2").status == 0)
    #expect(try apply("10.77.0.3").status == 0)
    #expect(
      try cable.server.gatehouse(
        "allow", "add", "10.77.0.4", "--to", "web", "--for", "1h", "--reason", "r", "--owner", "o"
      ).status == 0)
    #expect(try cable.server.gatehouse("policy", "rollback", "1").status == 0)
    #expect(try goesOn(talk("10.77.0.2")) && goesOn(talk("10.77.0.4")))
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.3") }
    #expect(try cable.server.gatehouse("panic", "on").status == 0)
    #expect(try cable.server.gatehouse("policy", "rollback", "2").status == 0)
    #expect(try cable.server.gatehouse("policy", "status").standardOutput.contains("PANIC"))
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.3") }
    #expect(try cable.server.gatehouse("panic", "off").status == 0)
    #expect(try goesOn(talk("10.77.0.3")) && goesOn(talk("10.77.0.4")))
    #expect(try cable.server.gatehouse("policy", "verify", "--deep").status == 0)
  }

  @Test func `root: panic leaves management only, and its end brings everything back`() throws {
    #expect(try apply("any").status == 0)
    let open = try talk("10.77.0.2")
    #expect(try cable.server.gatehouse("panic", "on").status == 0)
    #expect(open.says("closed"))
    #expect(throws: Gate.Failure.self) { try talk("10.77.0.2") }
    #expect(try cable.server.gatehouse("panic", "off").status == 0)
    #expect(try goesOn(talk("10.77.0.2")))
  }

  @Test func `root: the counts of a rule go on over every apply`() throws {
    func count() throws -> Int {
      let text = try cable.server("nft", "list", "counter", "inet", "gatehouse", "r_web_allow")
      let found = text.standardOutput.firstMatch(of: #/packets (\d+)/#)
      return try #require(found.flatMap { Int($0.output.1) })
    }
    #expect(try apply("10.77.0.2").status == 0)
    for _ in 0..<3 { _ = try talk("10.77.0.2") }
    #expect(try count() == 3)
    #expect(try apply("10.77.0.0/24", "mode: audit").status == 0)
    #expect(try apply("10.77.0.0/24", "", ", limit: { concurrent: { max: 100 } }").status == 0)
    #expect(try count() == 3)
    _ = try talk("10.77.0.3")
    #expect(try count() == 4)
    let status = try cable.server.gatehouse("policy", "status")
    #expect(status.standardOutput.contains(#/r_web_allow +4 /#), "\(status.standardOutput)")
  }
}
