import Control
import Foundation
import Glibc
import Testing

@Suite struct EventsTests {
  private func events(_ gate: Gate) throws -> [Event] {
    try AdminClient(socket: gate.socket).events(last: 1000)
  }

  @Test func `tells what happened, to whom, and who did it`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let who = unsafe String(cString: getpwuid(geteuid()).pointee.pw_name)
    let socket = ["--socket", gate.socket]
    _ = try run(
      Place.gatehouse, ["drain", "web/s1", "--reason", "new disk"] + socket)
    try gate.rewrite { $0.replacing("workers: 1", with: "workers: nonsense") }
    #expect(try run(Place.gatehouse, ["apply"] + socket).status == 2)
    try gate.rewrite { $0.replacing("workers: nonsense", with: "workers: 1") }
    #expect(try run(Place.gatehouse, ["apply"] + socket).status == 0)
    _ = try gate.admin("PUT", "/v1/bans/192.0.2.7", #"{"seconds": 60}"#)
    let all = try events(gate)
    func one(_ kind: Event.Kind, _ part: String) -> Event? {
      all.last { $0.kind == kind && $0.text.contains(part) }
    }
    #expect(one(.process, "ready on")?.severity == .info)
    let drained = one(.server, "is set to drain by")
    #expect(drained?.subject == "web/s1" && drained?.by == who)
    #expect(drained?.text.hasSuffix(": new disk") == true)
    let refused = one(.apply, "was not applied")
    #expect(refused?.severity == .error && refused?.by == who)
    #expect(one(.apply, "applied")?.subject == "generation 2")
    #expect(one(.ban, "is banned for 60 s")?.subject == "192.0.2.7")
    #expect(all.map(\.id) == all.map(\.id).sorted())

    let table = try run(Place.gatehouse, ["events", "--kind", "server"] + socket)
    #expect(
      table.status == 0 && table.standardOutput.contains("Z  info     server       server web"))
    #expect(!table.standardOutput.contains("\u{1b}"))
    let data = try run(Place.gatehouse, ["events", "--json", "--last", "2"] + socket)
    #expect(data.standardOutput.contains(#""kind" : "ban""#))
    #expect(try run(Place.gatehouse, ["events", "--last", "0"] + socket).status == 2)

    // The next process goes on with the numbers of this one.
    gate.signal(SIGTERM)
    #expect(gate.waitForLog("draining"))
    try gate.restart()
    let after = try events(gate)
    #expect(after.contains { $0.text.hasPrefix("draining") })
    #expect(try #require(after.last).id > #require(all.last).id)
  }

  @Test func `follows what happens`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let follower = try Companion([
      Place.gatehouse, "events", "--follow", "--last", "1", "--socket", gate.socket,
    ])
    #expect(follower.says("ready on"))
    _ = try gate.admin("PATCH", "/v1/servers/web/s2", #"{"state": "maint"}"#)
    #expect(follower.says("server web/s2 is set to maint"))
  }
}
