import Control
import Foundation
import Testing

/// A server that dies and comes back all the time: what the gate makes of it.
@Suite(.serialized) struct FlapTests {
  /// Three backends with the same two servers: checked and asked, checked only, asked only.
  private static func gate(_ servers: [PlainServer]) throws -> Gate {
    let list = servers.map { "      \($0.name): { address: \"127.0.0.1:\($0.port)\" }\n" }.joined()
    let checks =
      "    health: { tcp: true, interval: 300ms, fast_interval: 100ms, rise: 2, fall: 2, "
      + "passive: { failures: 3, eject: 2s }, changes_per_minute: \(most) }\n"
    return try Gate(
      [],
      edit: {
        $0.replacing(
          "  web:\n    servers:\n\n",
          with: """
              web:
            \(checks)    servers:
            \(list)  quiet:
            \(checks)    servers:
            \(list)  plain:
                servers:
            \(list)
            """
        ).replacing(
          "  - { backend: web }\n",
          with: """
              - { backend: web }
              - { path: /quiet, backend: quiet }
              - { path: /plain, backend: plain }

            """
        ).replacing("workers: 1", with: "workers: 2\ntimeouts: { set_aside: 2s }")
      })
  }

  private static let most = 6

  @Test func `a server killed and started once a second for a minute changes as often as it may`()
    throws
  {
    try Turn.alone {
      let servers = [try PlainServer("s1"), try PlainServer("s2")]
      let gate = try Self.gate(servers)
      let loads = ["/", "/plain"].map { Load(port: gate.http, path: $0, readers: 2, writers: 1) }
      #expect(loads.allSatisfy { $0.run(50) })
      let begin = Load.now
      var deaths = 0
      while Load.now - begin < 60 {
        let second = Load.now
        servers[0].kill()
        usleep(400_000)
        try servers[0].start()
        deaths += 1
        usleep(UInt32(max(0, 1 - (Load.now - second)) * 1_000_000))
      }
      let seen = loads.map { $0.end() }
      let status = try gate.status()
      let client = AdminClient(socket: gate.socket)
      for backend in status.backends {
        let told = try client.events(last: 1000).filter { $0.subject == "\(backend.name)/s1" }
        let changes = Int(backend.servers[0].stateChanges)
        print("FLAP \(backend.name): \(deaths) deaths, \(changes) changes, \(told.count) events")
        #expect((1...Self.most).contains(changes), "\(backend.name): \(told.map(\.text))")
        // That it is held out is told, too.
        #expect(told.count <= Self.most + 1, "\(backend.name): \(told.map(\.text))")
        #expect(backend.servers[1].stateChanges == 0)
      }
      // It is no worse for clients than its deaths: each holds one request of each at most.
      for load in seen {
        #expect(load.failures.allSatisfy { $0.status == 502 })
        #expect(load.failures.count <= deaths * 3)
      }
      let posts = servers.flatMap(\.posts)
      #expect(Set(posts).count == posts.count - Self.numbersOfBoth(posts))
    }
  }

  /// Both loads count from 1, so that a number may be there twice, and no more.
  private static func numbersOfBoth(_ posts: [String]) -> Int {
    Dictionary(grouping: posts) { $0 }.values.reduce(0) { $0 + ($1.count == 2 ? 1 : 0) }
  }
}
