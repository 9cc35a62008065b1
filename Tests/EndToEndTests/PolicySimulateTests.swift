import Foundation
import Testing

/// What is asked about another time, and about many packets.
@Suite struct PolicySimulateTests {
  private let folder: TemporaryFolder
  private let file: String

  init() throws {
    folder = try TemporaryFolder()
    file = try folder.write(
      "p.yaml",
      """
      version: 1
      timezone: Europe/Berlin
      groups:
        office: [198.51.100.0/24]
        vendors: [{ cidr: 192.0.2.1, owner: alice, ticket: OPS-1, until: 2099-01-15T12:00 }]
      management: { from: [office], to: [tcp/22] }
      services:
        web: { listen: [tcp/443], allow: [any] }
        db: { listen: [tcp/5432], allow: [vendors] }

      """)
  }

  private func ask(_ arguments: String...) throws -> Output {
    try run(
      Place.gatehouse, ["policy"] + arguments + ["--state", "\(folder.url.path)/state"],
      environment: ["TZ": "America/New_York"])
  }

  @Test(arguments: [("2099-01-15 11:59", 0), ("2099-01-15 12:00", 1)])
  func `a minute is one of the policy's time zone, wherever it is typed`(
    _ minute: String, _ status: Int
  ) throws {
    let simulated = try ask(
      "simulate", file, "--from", "192.0.2.1", "--to", "tcp/5432", "--at", minute)
    #expect(simulated.status == Int32(status), "\(simulated)")
    let explained = try ask("explain", "192.0.2.1", "tcp/5432", "--policy", file, "--at", minute)
    #expect(explained.status == Int32(status), "\(explained)")
    let verdict = status == 0 ? "allow" : "deny"
    let packets = try folder.write(
      "packets.csv", "from,to,at,expect\n192.0.2.1,tcp/5432,\(minute),\(verdict)\n")
    #expect(try ask("simulate", file, "--file", packets).status == 0)
  }

  @Test func `a minute that is none is refused with the time zone that is meant`() throws {
    let told = try ask("explain", "192.0.2.1", "tcp/5432", "--policy", file, "--at", "noon")
    #expect(told.status == 2)
    #expect(told.standardError.contains("in Europe/Berlin (the policy's timezone)"), "\(told)")
  }

  @Test func `a file of another system is read, too`() throws {
    let packets = try folder.write(
      "packets.csv",
      "\u{feff}from,to,fragment,expect\r\n"
        + "198.51.100.9,tcp/443,no,allow\r\n\r\n203.0.113.9,tcp/25,,deny\r\n"
        + "::ffff:192.0.2.1,tcp/443,yes,allow\r\n")
    let told = try ask("simulate", file, "--file", packets)
    #expect(told.status == 0, "\(told)")
    #expect(told.standardOutput.contains("3 packets, 0 not as expected"), "\(told)")
  }

  @Test(arguments: [
    ("", ":1:1: the first line must name the columns from and to"),
    ("from,to\n", ":2:1: there is no packet"),
    ("from,to,from\n", ":1:9: column \"from\" is named twice"),
    ("from,to\n1.2.3.4,tcp/1,x\n", ":2:15: 3 cell(s), but the first line names 2 columns"),
    ("from,to,host\n1.2.3.4,tcp/1\n", ":2:9: 2 cell(s), but the first line names 3 columns"),
    ("from,to,fragment\n1.2.3.4,tcp/1,maybe\n", ":2:15: \"maybe\" is neither yes nor no"),
    ("from,to,at\n1.2.3.4,tcp/1,noon\n", ":2:15: \"noon\" is no minute; allowed: "),
    ("from,to,expect\n\n1.2.3.4,tcp/1,yes\n", ":3:15: \"yes\" is no verdict"),
  ])
  func `a file that is none is refused with the place`(_ text: String, _ message: String) throws {
    let told = try ask("simulate", file, "--file", try folder.write("bad.csv", text))
    #expect(told.status == 2 && told.standardError.contains("bad.csv\(message)"), "\(told)")
  }

  @Test func `options that contradict are refused by name`() throws {
    let packets = try folder.write("packets.csv", "from,to\n192.0.2.1,tcp/443\n")
    let both = try ask("simulate", file, "--file", packets, "--from", "192.0.2.1")
    #expect(both.status == 2 && both.standardError.contains("leave out --from, --to and --host"))
    let real = try ask(
      "simulate", file, "--from", "192.0.2.1", "--to", "tcp/443", "--at", "2099-01-15 11:59",
      "--real")
    #expect(real.status == 2)
    #expect(real.standardError.contains("leave out --at (and the column at)"), "\(real)")
  }

  @Test func `without a policy in force the answer is unknown`() throws {
    let told = try ask("simulate", "--from", "192.0.2.1", "--to", "tcp/443")
    #expect(told.status == 3 && told.standardError.contains("gatehouse policy apply FILE"))
  }
}
