import Foundation
import Testing

@testable import Certificates

struct DNSChallengeTests {
  /// A hook that tells Pebble's own name server, and notes how it was called.
  private func hook(for shop: Shop, then line: String = "") throws -> String {
    try shop.workshop.write(
      """
      #!/bin/sh
      env >> \(shop.workshop.path("hook.env"))
      echo "$@" >> \(shop.workshop.path("hook.calls"))
      case $1 in
        present) verb=set-txt ;;
        cleanup) verb=clear-txt ;;
      esac
      curl -sf -d "{\\"host\\":\\"$2\\",\\"value\\":\\"$3\\"}" \
        http://127.0.0.1:\(shop.pebble.managementPort)/$verb
      \(line)
      """ + "\n", to: "hook.text")
    try shop.workshop.copyProgram(shop.workshop.path("hook.text"), to: "hook")
    return shop.workshop.path("hook")
  }

  @Test func `a wildcard and its apex are proven by a hook program with a clean environment`()
    throws
  {
    let shop = try Shop()
    let path = try hook(for: shop)
    let planned = shop.planned("shop.test", "*.shop.test") {
      $0.challenge = .dns01(.hook(path: path))
    }
    // Ours holds more than the hook may see.
    #expect(
      ProcessInfo.processInfo.environment.keys.contains { !["PATH", "LANG", "PWD"].contains($0) })
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(Set(try shop.bundle().names) == Set(planned.names))
    let calls = String(decoding: try shop.workshop.bytes("hook.calls"), as: UTF8.self)
      .split(separator: "\n").map { $0.split(separator: " ") }
    #expect(calls.map { $0[0] } == ["present", "present", "cleanup", "cleanup"])
    #expect(Set(calls.map { $0[1] }) == ["_acme-challenge.shop.test."])
    // Two values at one name, and the same two are taken away.
    #expect(Set(calls.prefix(2).map { $0[2] }).count == 2)
    #expect(Set(calls.prefix(2).map { $0[2] }) == Set(calls.suffix(2).map { $0[2] }))
    let environment = String(decoding: try shop.workshop.bytes("hook.env"), as: UTF8.self)
    let names = Set(
      environment.split(separator: "\n").compactMap { $0.split(separator: "=").first })
    #expect(names.subtracting(["PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"]).isEmpty, "\(names)")
    #expect(shop.log.contains { $0.contains("no server of this name could be asked") })
  }

  @Test func `a hook that fails is quoted, and what was published is taken away`() throws {
    let shop = try Shop()
    let path = try hook(for: shop, then: "echo 'the zone is locked' >&2; exit 3")
    let planned = shop.planned("shop.test") { $0.challenge = .dns01(.hook(path: path)) }
    let words = shop.refusal { _ = try shop.issuance(of: planned).issue(planned) }
    #expect(words.contains("failed with exit code 3; it said: the zone is locked"), "\(words)")
    #expect(shop.log.contains { $0.contains("the TXT record stays") })
    let calls = String(decoding: try shop.workshop.bytes("hook.calls"), as: UTF8.self)
    #expect(calls.contains("cleanup _acme-challenge.shop.test. "), "\(calls)")
  }

  @Test func `a wildcard and its apex are proven by signed updates`() throws {
    let workshop = try Workshop()
    let names = try NameServer(in: workshop)
    var options = Pebble.Options()
    options.nameServer = names.port
    let shop = try Shop(options, in: workshop)
    let planned = shop.planned("*.shop.test", "shop.test") {
      $0.challenge = .dns01(
        .update(server: "127.0.0.1", port: names.port, keyPath: names.keyPath))
    }
    try shop.serve(planned, by: shop.issuance(of: planned))
    #expect(Set(try shop.bundle().names) == Set(planned.names))
    #expect(names.texts("_acme-challenge.shop.test") == [])
    #expect(!shop.log.contains { $0.contains("could be asked") }, "\(shop.log)")
  }

  @Test func `a record that does not arrive here is left to the authority to find`() throws {
    let names = try NameServer(in: try Workshop())
    let lines = Shop.Lines()
    var propagation = DNSPropagation(resolver: names.server, port: names.port)
    propagation.limit = .milliseconds(10)
    let publisher = PlanPublisher(
      kind: .dns01(.hook(path: "/bin/true")), edge: RenewalDecisionTests.NoEdge(),
      propagation: propagation
    ) { line in lines.all.withLock { $0.append(line) } }
    try publisher.present(.dns(name: "_acme-challenge.shop.test.", value: "x"))
    let line = lines.all.withLock { $0.first ?? "" }
    #expect(line.contains("has not arrived at 127.0.0.1 after 0 s"), "\(line)")
  }

  @Test func `an update without its key is refused in nsupdate's words`() throws {
    let names = try NameServer(in: try Workshop())
    let publisher = DNSPublisher.update(server: "127.0.0.1", port: names.port, keyPath: nil)
    let writer = DNSRecordWriter(publisher: publisher)
    let error = #expect(throws: ACMEError.self) {
      try writer.make(.present, name: "_acme-challenge.shop.test.", value: "x")
    }
    #expect(error?.description.contains("update failed: REFUSED") == true, "\(error as Any)")
  }

  @Test func `a record is waited for on the servers that answer for its name`() throws {
    let workshop = try Workshop()
    let names = try NameServer(in: workshop)
    let publisher = DNSPublisher.update(
      server: "127.0.0.1", port: names.port, keyPath: names.keyPath)
    let writer = DNSRecordWriter(publisher: publisher)
    let name = "_acme-challenge.shop.test."
    try writer.make(.present, name: name, value: "first")
    try writer.make(.present, name: name, value: "second")
    #expect(Set(names.texts(name)) == ["first", "second"])
    var propagation = DNSPropagation(resolver: names.server, port: names.port)
    propagation.limit = .milliseconds(10)
    let hook = DNSPublisher.hook(path: "unused")
    #expect(propagation.wait(for: "second", at: name, by: hook) == .arrived)
    #expect(propagation.wait(for: "third", at: name, by: hook) == .missing(["127.0.0.1"]))
    #expect(propagation.wait(for: "third", at: name, by: publisher) == .missing(["127.0.0.1"]))
    #expect(propagation.wait(for: "first", at: "alias.shop.test.", by: hook) == .arrived)
    try writer.make(.cleanup, name: name, value: "first")
    #expect(names.texts(name) == ["second"])
    #expect(propagation.wait(for: "first", at: name, by: hook) == .missing(["127.0.0.1"]))
    // Who answers nothing, or does not answer for the name, keeps nobody waiting.
    #expect(propagation.wait(for: "first", at: "_acme-challenge.other.test.", by: hook) == .unknown)
    let nobody = DNSPublisher.update(server: "127.0.0.1", port: try freePort(), keyPath: nil)
    #expect(propagation.wait(for: "first", at: name, by: nobody) == .unknown)
  }

  @Test func `a program that hangs is killed with all it started`() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let ended = try #require(
      ChildProcess.run(
        "/bin/sh", ["-c", "echo begun; sleep 60 & sleep 60"], limit: .milliseconds(300)))
    #expect(ended.isOutOfTime && ended.output == "begun")
    #expect(clock.now - start < .seconds(10))
    // Who leaves something behind that holds its output is not waited for.
    let left = try #require(
      ChildProcess.run("/bin/sh", ["-c", "sleep 30 & echo $!"], limit: .seconds(20)))
    #expect(left.status == 0 && clock.now - start < .seconds(15))
    if let number = Int32(left.output) { kill(number, SIGKILL) }
    let loud = try #require(
      ChildProcess.run("/bin/sh", ["-c", "yes"], limit: .milliseconds(300)))
    #expect(loud.isOutOfTime && loud.output.count <= 4_096)
    let input = try #require(
      ChildProcess.run("/bin/cat", [], input: "a\nb\u{1b}[31m\n", limit: .seconds(20)))
    #expect(input == ChildProcess.Ended(status: 0, isOutOfTime: false, output: "a b [31m"))
  }
}
