import Foundation
import Testing

/// What is asked of a policy without changing anything.
@Suite struct PolicyAskTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(
      "p.yaml",
      """
      version: 1
      groups:
        office: [198.51.100.0/24, 198.51.100.7, "2001:db8:10::/48"]
        vendors: [{ cidr: 203.0.113.64/27, owner: alice, ticket: OPS-1, until: 2099-12-31 }]
        unused: [192.0.2.0/24]
      management: { from: [office], to: [tcp/22] }
      deny: [192.0.2.66]
      services:
        web: { listen: [tcp/443], allow: [any], http: [{ host: a.test, path: /x/**, allow: [office] }] }
        db:
          listen: [tcp/5432]
          allow: [vendors]
          deny: [203.0.113.65]
          limit: { new_connections: { rate: 5/s } }
        night: { listen: [tcp/99], allow: [any], schedule: { days: [sat], hours: "22:00-23:00" } }

      """)
  }

  private func ask(_ arguments: String...) throws -> Output {
    try run(
      Place.gatehouse, ["policy"] + arguments + ["--state", "\(folder.url.path)/state"])
  }

  @Test(arguments: [
    ("198.51.100.9", "tcp/22", 0, ["VERDICT  ALLOWED by management", "office (198.51.100.0/24)"]),
    ("203.0.113.70", "tcp/5432", 0, ["alice, OPS-1, until 2100-01-01", "5 new a second"]),
    ("203.0.113.65", "tcp/5432", 1, ["DENIED by deny of service \"db\"", "services.db.deny"]),
    ("203.0.113.9", "tcp/5432", 1, ["allow: vendors does not cover it", "gatehouse allow add"]),
    ("198.51.100.9", "tcp/5432", 1, ["add `office` to services.db.allow"]),
    ("192.0.2.66", "tcp/443", 1, ["DENIED by deny", "deny beats every allow"]),
    ("203.0.113.9", "tcp/25", 1, ["no service listens there"]),
    ("203.0.113.9", "icmp/8", 0, ["what no policy may cut"]),
    ("198.51.100.7", "tcp/22", 0, ["office (198.51.100.7; 198.51.100.0/24)"]),
    ("127.0.0.9", "tcp/25", 0, ["VERDICT  ALLOWED by loopback", "1  loopback  ALLOW"]),
    ("::1", "tcp/5432", 0, ["VERDICT  ALLOWED by loopback"]),
    ("::ffff:203.0.113.70", "tcp/5432", 0, ["ALLOWED by service \"db\"", "DEPENDS"]),
  ])
  func `explain says what decides, where it stands, and what to do`(
    _ source: String, _ port: String, _ status: Int, _ words: [String]
  ) throws {
    let told = try ask("explain", source, port, "--policy", file)
    #expect(told.status == Int32(status), "\(told.standardOutput)\(told.standardError)")
    for word in words {
      #expect(told.standardOutput.contains(word), "\(word) in:\n\(told.standardOutput)")
    }
  }

  @Test func `explain goes on to the request`() throws {
    let denied = try ask(
      "explain", "203.0.113.9", "tcp/443", "--policy", file, "--host", "A.test", "--path", "/x/y",
      "--json")
    #expect(denied.status == 1)
    let object = try JSONSerialization.jsonObject(with: Data(denied.standardOutput.utf8))
    let facts = try #require(object as? [String: Any])
    #expect(facts["verdict"] as? String == "deny")
    #expect((facts["advice"] as? String)?.contains("services.web.http[0].allow") == true)
    let allowed = try ask(
      "explain", "203.0.113.9", "tcp/443", "--policy", file, "--host", "a.test", "--path", "/")
    #expect(allowed.status == 0)
    // The kernel lets loopback in, the proxy only whom the policy allows (docs/decisions/001).
    let local = try ask(
      "explain", "127.0.0.1", "tcp/443", "--policy", file, "--host", "a.test", "--path", "/x/y")
    #expect(local.status == 1 && local.standardOutput.contains("DENIED by the proxy"), "\(local)")
  }

  @Test func `what nobody can know is told as such`() throws {
    let told = try ask("explain", "203.0.113.9", "tcp/443")
    #expect(told.status == 3, "\(told)")
    #expect(told.standardError.contains("gatehouse policy apply FILE"))
    #expect(try ask("explain", "203.0.113", "tcp/443", "--policy", file).status == 2)
    #expect(try ask("explain", "203.0.113.9", "https", "--policy", file).status == 2)
  }

  @Test func `a file of packets is a test of the policy`() throws {
    let packets = try folder.write(
      "packets.csv",
      """
      from,to,host,path,at,expect
      203.0.113.9,tcp/443,,,,allow
      203.0.113.9,tcp/443,a.test,/x/y,,deny
      198.51.100.9,tcp/443,a.test,/x/y,,allow
      203.0.113.9,tcp/99,,,2026-11-28 22:30,allow
      203.0.113.9,tcp/99,,,2020-11-28 22:30,allow
      203.0.113.9,tcp/99,,,2026-11-27 22:30,deny

      """)
    let good = try ask("simulate", file, "--file", packets)
    #expect(good.status == 0, "\(good.standardOutput)\(good.standardError)")
    #expect(good.standardOutput.contains("6 packets, 0 not as expected"))
    let wrong = try folder.write("wrong.csv", "from,to,expect\n203.0.113.9,tcp/25,allow\n")
    let told = try ask("simulate", file, "--file", wrong)
    #expect(told.status == 1 && told.standardOutput.contains("<- not as expected"))
    for (text, message) in [
      ("from,too\n1.2.3.4,tcp/1\n", ":1:6: unknown column \"too\""),
      ("from,to\n1.2.3,tcp/1\n", ":2:1: \"1.2.3\" is no address"),
      ("from,to\n1.2.3.4,tcp/1\n1.2.3.4,tcp\n", ":3:9: \"tcp\" is no port"),
    ] {
      let bad = try ask("simulate", file, "--file", try folder.write("bad.csv", text))
      #expect(bad.status == 2 && bad.standardError.contains(message), "\(bad.standardError)")
    }
  }

  @Test func `two policies stand side by side`() throws {
    let other = try folder.write(
      "new.yaml",
      String(contentsOfFile: file, encoding: .utf8).replacing(
        "allow: [vendors]", with: "allow: [office]")
    )
    let told = try ask(
      "simulate", file, "--policy", other, "--from", "203.0.113.70", "--to", "tcp/5432")
    #expect(told.status == 0)
    #expect(told.standardOutput.contains("NEW") && told.standardOutput.contains("DENY"))
  }

  @Test func `lint finds what nobody needs`() throws {
    let told = try ask("lint", file)
    #expect(told.status == 1)
    #expect(told.standardOutput.contains("p.yaml:5:3: group \"unused\" is used nowhere"))
    #expect(told.standardOutput.contains("198.51.100.7 is covered by 198.51.100.0/24"))
    #expect(told.standardOutput.contains("203.0.113.64/27 ends, but says neither owner nor reason"))
  }

  @Test func `help teaches`() throws {
    for command in [
      ["policy"], ["policy", "apply"], ["policy", "explain"], ["policy", "simulate"],
      ["policy", "verify"], ["ban"], ["allow"], ["panic"], ["agent"],
    ] {
      let help = try run(Place.gatehouse, command + ["--help"], environment: ["COLUMNS": "80"])
      #expect(help.status == 0 && help.standardOutput.contains("USAGE"))
      #expect(help.standardOutput.contains("EXAMPLES") || command == ["policy", "verify"])
    }
  }
}
