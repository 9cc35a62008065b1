import Foundation
import Testing

/// What goes wrong leaves the old policy in force, and says what to do.
@Suite(.enabled(if: getuid() == 0, "needs root: network namespaces"))
struct PolicyFailureTests {
  private let space: Namespace

  init() throws { space = try Namespace() }

  private func policy(_ name: String, _ count: Int = 3) throws -> String {
    _ = try space.folder.write(
      "\(name).txt",
      (0..<count).map { "11.\($0 / 32768).\($0 / 128 % 256).\($0 % 128 * 2)\n" }.joined())
    return try space.folder.write(
      "\(name).yaml",
      """
      version: 1
      groups: { list: { file: \(name).txt } }
      management: { from: [10.77.0.9], to: [tcp/22] }
      deny: [list]
      services: { \(name): { listen: [tcp/80], allow: [any] } }

      """)
  }

  @Test func `root: a state that can't be kept changes nothing in the kernel`() throws {
    let file = try policy("web")
    #expect(try space.gatehouse("policy", "apply", file).status == 0)
    let before = try space.objects()
    let told = try space.gatehouse(
      "policy", "apply", try policy("mail"), "--state", "/proc/gatehouse")
    #expect(told.status == 2)
    #expect(told.standardError.contains("cannot make /proc/gatehouse"))
    #expect(told.standardError.contains("--state"))
    #expect(try space.objects() == before)
  }

  @Test func `root: a damaged state is told, and nothing is applied over it`() throws {
    #expect(try space.gatehouse("policy", "apply", policy("web")).status == 0)
    let before = try space.objects()
    _ = try space.folder.write("state/state.json", "{ \"generation\": ")
    for command in [["apply", try policy("mail")], ["status"], ["rollback"]] {
      let told = try run(
        "ip", ["netns", "exec", space.name, Place.gatehouse, "policy"] + command,
        environment: space.environment)
      #expect(
        told.status == 2 && told.standardError.contains("state.json is damaged"), "\(command)")
    }
    #expect(try space.objects() == before)
  }

  @Test func `root: without the right it says which one`() throws {
    let file = try policy("web")
    let told = try space(
      "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", Place.gatehouse, "policy",
      "apply", file)
    #expect(told.status == 2 && told.standardError.contains("CAP_NET_ADMIN"), "\(told)")
    #expect(try space.ruleset().isEmpty)
  }

  @Test func `root: warnings are errors where one wants them to be`() throws {
    let file = try space.folder.write(
      "old.yaml",
      """
      version: 1
      groups: { vendor: [192.0.2.1, { cidr: 192.0.2.2, until: 2020-01-01 }] }
      management: { from: [10.77.0.9], to: [tcp/22] }
      services: { web: { listen: [tcp/80], allow: [vendor] } }

      """)
    #expect(try space.gatehouse("policy", "check", file).status == 1)
    #expect(try space.gatehouse("policy", "apply", file).status == 1)
    let before = try space.objects()
    for command in ["check", "apply"] {
      let strict = try space.gatehouse("policy", command, file, "--strict")
      #expect(strict.status == 2 && strict.standardError.contains("192.0.2.2 has expired"))
    }
    #expect(try space.objects() == before)
  }

  @Test func `root: whoever is connected to a port of management stays, or the apply is refused`()
    throws
  {
    let cable = try Cable()
    let server = try cable.server.start(
      "python3", "-u", "-c",
      """
      import socket
      listener = socket.create_server(("", 22)); print("ready", flush=True)
      kept = [listener.accept()[0] for _ in range(9)]
      """)
    #expect(server.says("ready"))
    let client = try cable.client.start(
      "python3", "-u", "-c",
      """
      import socket, time
      s = socket.create_connection(("10.77.0.1", 22), 5, ("10.77.0.4", 0)); print("open", flush=True)
      time.sleep(1000)
      """)
    #expect(client.says("open"))
    let file = try cable.server.folder.write(
      "p.yaml", "version: 1\nmanagement: { from: [10.77.0.9], to: [tcp/22] }\n")
    let refused = try cable.server.gatehouse("policy", "apply", file)
    #expect(refused.status == 2)
    #expect(
      refused.standardError.contains("10.77.0.4 is connected to tcp/22"), "\(refused.standardError)"
    )
    #expect(try cable.server.ruleset().isEmpty)
    #expect(try cable.server.gatehouse("policy", "apply", file, "--i-know").status == 0)
  }
}
