import Foundation
import Testing

/// What `explain` says of words, and of requests in a log.
@Suite struct ExplainCommandTests {
  private func explain(_ words: String...) throws -> Output {
    try run(Place.gatehouse, ["explain"] + words)
  }

  @Test(arguments: [
    ("sH", "the server did not answer in time"), ("--", "ended as it should"),
    ("503", "no server behind is ready"), ("timeout", "gatehouse why ADDRESS PORT"),
    ("418", "the proxy never makes it"), ("server_timed_out", "sH  server_timed_out"),
  ])
  func `a word is explained`(_ word: String, _ text: String) throws {
    let told = try explain(word)
    #expect(told.status == 0 && told.standardOutput.contains(text), "\(told)")
  }

  @Test func `what is no word ends with 2 and tells all that are`() throws {
    let told = try explain("sX")
    #expect(
      told.status == 2 && told.standardError.contains("a termination state (-- CC CD"), "\(told)")
    #expect(try explain("timeoout").standardError.contains("did you mean \"timeout\"?"))
    let command = try run(Place.gatehouse, ["statsu"])
    #expect(command.status == 2 && command.standardError.contains("Did you mean 'status'?"))
    let below = try run(Place.gatehouse, ["server", "shwo"])
    #expect(below.standardError.contains("Did you mean 'server show'?"), "\(below)")
    #expect(try explain("CD", "--json").standardOutput.contains(#""state" : "CD""#))
  }

  @Test func `a request of the log is shown with its times, its end, and what would be now`() throws
  {
    let gate = try Gate([Origin.named("s1")])
    let id = "4f0c9a6de0f14c1f9d8c6f4b2a7e5d31"
    let log = try gate.folder.write(
      "access.log",
      #"""
      {"ts":"2026-11-27T08:00:00.120Z","listener":"https","route":"0","backend":"web","server":"s1","client_ip":"127.0.0.1","client_port":5000,"method":"GET","host":"www.test","path":"/a","proto":"HTTP/1.1","status":504,"bytes_in":120,"bytes_out":300,"t":{"req":1,"queue":0,"connect":9,"ttfb":90,"total":200},"term":"sH","term_reason":"the server did not answer in time","retries":1,"tls":{"version":"1.3"},"policy":{"verdict":"allow","rule":"web"},"trace_id":"0af7651916cd43dd8448eb211c80319c","req_id":"4f0c9a6de0f14c1f9d8c6f4b2a7e5d31"}

      """#)
    let told = try explain(id, "--log", log, "-c", gate.path)
    #expect(told.status == 0, "\(told)")
    for text in [
      "GET https://www.test/a HTTP/1.1", "web/s1",
      "  ttfb     90 ms     ##################\n",
      "ENDED  sH  server_timed_out  the server did not answer in time", "IF IT CAME NOW",
      "VERDICT  SERVED: goes to backend web, server s1",
    ] { #expect(told.standardOutput.contains(text), "\(text) in:\n\(told.standardOutput)") }
    // By its trace, and as data.
    let data = try explain(
      "0AF7651916CD43DD8448EB211C80319C", "--log", log, "-c", gate.path, "--json")
    #expect(data.status == 0 && data.standardOutput.contains(#""server_timed_out""#), "\(data)")
    let none = try explain("00000000000000000000000000000000", "--log", log, "-c", gate.path)
    #expect(none.status == 1 && none.standardError.contains("no request 0000"), "\(none)")
    let missing = try explain(id, "--log", "\(log).none", "-c", gate.path)
    #expect(missing.status == 2 && missing.standardError.contains("--log FILE"), "\(missing)")
    let unnamed = try explain(id, "-c", gate.path)
    #expect(unnamed.status == 2 && unnamed.standardError.contains("log.to"), "\(unnamed)")
  }

  @Test func `a ban by the proxy itself, a drain and a changed file are seen`() throws {
    let gate = try Gate(
      [Origin.named("s1"), Origin.named("s2")],
      policy: {
        "version: 1\nmanagement: { from: [127.0.0.9], to: [tcp/22] }\nservices: { web: { listen: [tcp/\($0)], allow: [any] } }\n"
      })
    let url = "https://www.test:\(gate.https)/"
    let before = try gate.command("why", "127.0.0.5", url, "-c", gate.path)
    #expect(before.standardOutput.contains("server s1 or s2"), "\(before)")
    try gate.command("server", "set", "web/s1", "--state", "drain", "-c", gate.path)
    let drained = try gate.command("why", "127.0.0.5", url, "-c", gate.path)
    #expect(drained.standardOutput.hasSuffix("backend web, server s2\n"), "\(drained)")
    #expect(drained.standardOutput.contains("drain, weight 1"), "\(drained)")
    _ = try gate.admin("PUT", "/v1/bans/127.0.0.5", #"{"seconds": 600}"#)
    let banned = try gate.command("why", "127.0.0.5", url, "-c", gate.path)
    #expect(
      banned.status == 1 && banned.standardOutput.contains("127.0.0.5 is banned for"), "\(banned)")
    #expect(try gate.command("why", "127.0.0.6", url, "-c", gate.path).status == 0)
    #expect(!drained.standardOutput.contains("was changed"), "\(drained)")
    try run("touch", ["-d", "1 hour", gate.path])
    let changed = try gate.command("why", "127.0.0.6", url, "-c", gate.path)
    #expect(changed.standardOutput.contains("was changed after it was applied"), "\(changed)")
  }
}
