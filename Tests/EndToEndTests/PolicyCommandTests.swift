import Foundation
import Glibc
import Testing

@Suite struct PolicyCommandTests {
  static let policies = [
    "quickstart", "web", "behind-a-cdn", "office-allowlist", "database-host", "jump-host",
    "audit-first",
  ]

  private func path(_ name: String) -> String {
    Place.root.appendingPathComponent("policies/\(name)").path
  }

  /// What is left of an entry's time, and the windows of a schedule, depend on when one looks.
  private func untimed(_ ruleset: String) -> String {
    ruleset.replacing(#/(timeout|expires) (\d+(ms|s|m|h|d))+/#) { "\($0.output.1) T" }
      .replacing(#/(  \d{10}-\d{10},\n)+/#, with: "  WINDOWS\n")
  }

  /// UPDATE_GOLDEN=1 writes them anew.
  @Test(arguments: policies)
  func `compiles each example policy to its golden ruleset`(_ name: String) throws {
    let shown = try run(Place.gatehouse, ["policy", "show", "--nft", path("\(name).yaml")])
    #expect(shown.status == 0)
    let text = untimed(shown.standardOutput)
    #expect(try golden("\(name).nft", text) == text)
  }

  private func golden(_ name: String, _ actual: String) throws -> String {
    let file = Place.root.appendingPathComponent("Tests/EndToEndTests/Golden/\(name)")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(actual.utf8).write(to: file)
    }
    return try String(contentsOf: file, encoding: .utf8)
  }

  /// Needs root for its namespaces.
  @Test(.enabled(if: getuid() == 0, "needs root: network namespaces"), arguments: policies)
  func `root: what is applied lists as what nft loads from the printed text`(_ name: String) throws
  {
    let applied = try Namespace()
    let loaded = try Namespace()
    let file = path("\(name).yaml")
    #expect(try applied(Place.gatehouse, "policy", "apply", file).status == 0)
    let text = try run(Place.gatehouse, ["policy", "show", "--nft", file]).standardOutput
    let printed = try TemporaryFolder()
    #expect(try loaded("nft", "-f", printed.write("p.nft", text)).status == 0)
    let ours = untimed(try applied("nft", "list", "ruleset").standardOutput)
    #expect(ours.contains("table inet gatehouse {"))
    #expect(untimed(try loaded("nft", "list", "ruleset").standardOutput) == ours)
    let debug = try applied("nft", "--debug=netlink", "list", "ruleset").standardOutput
    let bytecode = steps(debug)
    #expect(bytecode.contains("inet gatehouse main\n  [ meta load iifname => reg 1 ]"))
    #expect(try golden("\(name).bytecode", bytecode) == bytecode)
  }

  /// The kernel's steps of each rule, without handles and userdata; sets are in the other golden file.
  private func steps(_ debug: String) -> String {
    let lines = debug.split(separator: "\n").prefix { !$0.hasPrefix("table ") }
    let rules = lines.drop { !$0.hasPrefix("inet gatehouse main ") }
    return rules.filter { $0.hasPrefix("inet gatehouse ") || $0.hasPrefix("  [ ") }
      .map { String($0).replacing(#/ \d+( \d+)?$/#, with: "") + "\n" }.joined()
  }

  @Test(.enabled(if: getuid() == 0, "needs root: network namespaces"))
  func `root: diff tells what an apply would change, and nothing after it`() throws {
    let space = try Namespace()
    let before = try space(Place.gatehouse, "policy", "diff", path("web.yaml"))
    #expect(before.status == 1 && before.standardOutput.contains("nothing is applied"))
    #expect(try space(Place.gatehouse, "policy", "apply", path("web.yaml")).status == 0)
    let after = try space(Place.gatehouse, "policy", "diff", path("web.yaml"))
    #expect(after.status == 0 && after.standardOutput.hasPrefix("in sync"))
    let other = try space(Place.gatehouse, "policy", "diff", path("database-host.yaml"))
    #expect(other.status == 1 && other.standardOutput.contains("+ "))
    #expect(try space("nft", "flush", "table", "inet", "gatehouse").status == 0)
    let drift = try space(Place.gatehouse, "policy", "diff", path("web.yaml"))
    #expect(drift.status == 1 && drift.standardOutput.contains("others have changed"))
  }

  @Test(.enabled(if: getuid() == 0, "needs root: network namespaces"))
  func `root: an apply that would cut off the connection it is typed over is refused`() throws {
    let space = try Namespace()
    let refused = try space(
      "env", "SSH_CONNECTION=192.0.2.9 50000 192.0.2.1 22", Place.gatehouse, "policy", "apply",
      path("web.yaml"))
    #expect(refused.status == 2)
    #expect(refused.standardError.contains("you are connected from 192.0.2.9 to tcp/22"))
    #expect(try space("nft", "list", "tables").standardOutput.isEmpty)
  }

  @Test func `with --json what is wrong is data, too, and nothing is said twice`() throws {
    let folder = try TemporaryFolder()
    let state = ["--state", folder.url.path]
    _ = try folder.write("state.json", #"{"generation":"one"}"#)
    for (command, wanted) in [
      (["policy", "verify"] + state, "state.json is damaged: generation is of another kind"),
      (["policy", "explain", "nobody", "tcp/80"], "\"nobody\" is no address"),
      (["policy", "diff", "missing.yaml"], "cannot read \"missing.yaml\""),
      (["policy", "simulate", path("web.yaml"), "--file", "missing.csv"], "missing.csv: No such"),
      (["policy", "lint"], "Missing expected argument"),
      (["ban", "add", "192.0.2.1/33"], "allowed: 0...32"),
      (["allow", "list"] + state, ""),
      (["cert", "show", "nobody", "--dir", "/nowhere"], "nowhere"),
      (["status", "--socket", "/nowhere.sock"], "/nowhere.sock"),
    ] {
      let told = try run(Place.gatehouse, command + ["--json"])
      let object = try JSONSerialization.jsonObject(with: Data(told.standardOutput.utf8))
      guard !wanted.isEmpty else {
        #expect(told.status == 0)
        continue
      }
      let errors = try #require((object as? [String: Any])?["errors"] as? [String])
      #expect(told.status == 2 && told.standardError.isEmpty, "\(command): \(told.standardError)")
      #expect(errors.joined().contains(wanted), "\(command): \(errors)")
    }
  }

  @Test func `time alone makes no policy wrong that was right`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      "p.yaml",
      """
      version: 1
      groups: { vendors: [{ cidr: 192.0.2.0/24, owner: a, reason: b, until: 2020-01-01 }] }
      management: { from: [198.51.100.0/24], to: [tcp/22] }
      services: { web: { listen: tcp/80, allow: [vendors] } }

      """)
    let checked = try run(Place.gatehouse, ["policy", "check", file])
    #expect(checked.status == 1, "\(checked.standardError)")
    #expect(checked.standardOutput.contains("p.yaml:4:13: warning: nobody is let in"))
    let asked = try run(
      Place.gatehouse, ["policy", "explain", "192.0.2.7", "tcp/80", "--policy", file])
    #expect(asked.status == 1 && asked.standardOutput.hasPrefix("VERDICT  DENIED"))
  }

  @Test func `says where a policy is wrong, and changes nothing`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      "p.yaml", "version: 1\nmanagement: { from: [10.0.0.5/8], to: [tcp/22] }\n")
    for command in ["check", "show", "apply", "diff"] {
      let output = try run(Place.gatehouse, ["policy", command, file])
      #expect(output.status == 2)
      #expect(output.standardError.contains("p.yaml:2:22: \"10.0.0.5/8\" has bits set"))
    }
  }
}
