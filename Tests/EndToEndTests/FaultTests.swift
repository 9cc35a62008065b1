import Foundation
import Testing

/// Faults of servers under load, and what clients see of them. Each prints the line that stands in the
/// table of docs/balancing.md.
@Suite(.serialized) struct FaultTests {
  /// Two servers, checked twice a second, behind one backend.
  private static func gate(
    _ servers: [PlainServer],
    health: String =
      "{ tcp: true, interval: 500ms, fast_interval: 200ms, fall: 2, passive: { failures: 3 } }",
    _ more: String = ""
  ) throws -> Gate {
    try Gate(
      [],
      edit: { file in
        let list = servers.map { "      \($0.name): { address: \"127.0.0.1:\($0.port)\" }\n" }
        return file.replacing(
          "    servers:\n\n", with: "    health: \(health)\n\(more)    servers:\n\(list.joined())"
        ).replacing("workers: 1", with: "workers: 2\ntimeouts: { response: 3s }")
      })
  }

  private static func repeated(_ servers: [PlainServer]) -> [String] {
    let all = servers.flatMap(\.posts)
    return Dictionary(grouping: all) { $0 }.filter { $0.value.count > 1 }.map(\.key)
  }

  private func play(
    _ fault: String, health: String? = nil, _ act: (PlainServer) throws -> Void
  ) throws -> (seen: [Load.Seen], since: Double, servers: [PlainServer]) {
    try Turn.alone { try playAlone(fault, health, act) }
  }

  private func playAlone(
    _ fault: String, _ health: String?, _ act: (PlainServer) throws -> Void
  ) throws -> (seen: [Load.Seen], since: Double, servers: [PlainServer]) {
    let servers = [try PlainServer("s1"), try PlainServer("s2")]
    let gate = try health.map { try Self.gate(servers, health: $0) } ?? Self.gate(servers)
    let load = Load(port: gate.http)
    #expect(load.run(400))
    let since = Load.now
    try act(servers[0])
    #expect(load.run(1500))
    let seen = load.end()
    print(seen.summary(of: fault, since: since))
    #expect(Self.repeated(servers).isEmpty)
    // Before the fault nothing fails, and after it both are asked no longer.
    #expect(seen.filter { $0.began + $0.took < since }.failures.isEmpty)
    // By when they were sent: one that the lost server holds is answered much later.
    let last = seen.sorted { $0.began < $1.began }.suffix(200)
    #expect(Set(last.map(\.server)) == ["s2"])
    return (seen, since, servers)
  }

  @Test func `a server is killed: only what it had begun to carry out can fail`() throws {
    let (seen, _, _) = try play("server killed") { $0.kill() }
    // A GET over a connection that had carried others is sent again; over one made for it, the rule
    // does not repeat it, and a POST that it may have begun never. Each client has one at a time.
    #expect(seen.failures.allSatisfy { $0.status == 502 })
    #expect(seen.failures.count <= 8)
  }

  @Test func `a server freezes: those that it holds wait, and nobody is sent there any longer`()
    throws
  {
    let (seen, _, servers) = try play("server frozen") { $0.freeze() }
    #expect(seen.failures.allSatisfy { $0.status == 504 })
    servers[0].thaw()
  }

  @Test func `a server becomes slow: its check runs out of time`() throws {
    let (seen, _, _) = try play(
      "server slow", health: "{ http: /healthz, interval: 500ms, timeout: 500ms, fall: 2 }"
    ) { try $0.be(.slow) }
    #expect(seen.failures.allSatisfy { $0.status == 504 })
  }

  @Test func `a server resets its connections: it is ejected after a few`() throws {
    let (seen, _, _) = try play("server resetting") { try $0.be(.reset) }
    #expect(seen.failures.allSatisfy { $0.status == 502 })
    // Three in a row, of both workers together, and what was on its way.
    #expect(seen.failures.count <= 3 + 8)
  }

  @Test func `a server answers 500: it is ejected after a few`() throws {
    let (seen, _, _) = try play("server answering 500") { try $0.be(.fails) }
    #expect(seen.failures.allSatisfy { $0.status == 500 })
    #expect(seen.failures.count <= 3 + 8)
  }

  @Test func `each server is killed in its turn, with several workers, and no POST is repeated`()
    throws
  {
    try Turn.alone {
      let servers = try ["s1", "s2", "s3"].map { try PlainServer($0) }
      let gate = try Self.gate(servers)
      try gate.rewrite { $0.replacing("workers: 2", with: "workers: 4") }
      try gate.restart()
      let load = Load(port: gate.http)
      var since: [Double] = []
      for (index, server) in servers.enumerated() {
        #expect(load.run(400))
        since.append(Load.now)
        server.kill()
        #expect(load.run(800))
        try server.start()
        #expect(
          try gate.waits {
            try gate.status().backends[0].servers[index].state == "up"
          })
      }
      let seen = load.end()
      print(seen.summary(of: "each of three killed", since: since[0]))
      #expect(Self.repeated(servers).isEmpty)
      // Each client holds one request at most when a server dies.
      #expect(seen.failures.allSatisfy { $0.status == 502 })
      #expect(seen.failures.count <= servers.count * 8)
      let done = Set(seen.filter { $0.method == "POST" && $0.status == 200 }.map { "\($0.number)" })
      #expect(done.isSubset(of: servers.flatMap(\.posts)))
    }
  }
}
