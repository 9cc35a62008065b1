import Configuration
import Firewall
import Proxy
import Testing

struct PolicyFileTests {
  static let now: Int64 = 1_800_000_000

  static func errors(_ text: String) throws -> [String] {
    let folder = try Folder()
    let path = try folder.write("p.yaml", text)
    try folder.write(
      "feed.txt", "# list\n10.0.0.0/8 ; ten\n\n10.0.0.1/8\n  nonsense\n1.2.3.4 5.6.7.8\n")
    try folder.write("good.txt", "# list\n10.0.0.0/8 ; ten\r\n\n2001:db8::/32\n192.0.2.1\n")
    try folder.write("more/a.yaml", "groups: { hq: [5.6.7.8] }\ndeny: [hq]\n")
    do throws(ConfigurationErrors) {
      _ = try PolicyFile.load(path, at: now)
      return []
    } catch {
      return error.lines.map { $0.replacing(folder.path + "/", with: "") }
    }
  }

  @Test(arguments: BadFile.policies)
  func `says what is wrong, and what is allowed`(_ bad: BadFile) throws {
    #expect(try Self.errors(bad.text) == bad.lines)
  }

  private static let head = "version: 1\nmanagement: { from: [10.9.0.0/16], to: [tcp/22] }\n"

  @Test(arguments: [
    ("2027-01-15", "UTC", 1_800_057_600), ("2027-01-15", "Europe/Berlin", 1_800_054_000),
    ("2028-02-29", "UTC", 1_835_481_600), ("2027-01-15T12:30", "UTC", 1_800_016_200),
    // The days the clocks are set have 23 and 25 hours.
    ("2027-03-28", "Europe/Berlin", 1_806_271_200), ("2027-10-31", "Europe/Berlin", 1_825_023_600),
  ])
  func `a day ends when the next one begins`(_ text: String, _ zone: String, _ end: Int64) throws {
    let folder = try Folder()
    let policy =
      Self.head + "timezone: \(zone)\ngroups: { a: [{ cidr: 1.2.3.4, until: \(text) }] }\n"
    let loaded = try PolicyFile.load(try folder.write("p.yaml", policy), at: Self.now)
    #expect(loaded.policy.groups.first?.entries.first?.until == end)
  }

  @Test func `a feed is read beside the policy, and other files are included`() throws {
    let folder = try Folder()
    try folder.write("feeds/drop.txt", "# list\n10.0.0.0/8 ; ten\r\n\n2001:db8::/32\n192.0.2.1")
    try folder.write("more/b.yaml", "services: { web: { listen: tcp/443, allow: [any] } }")
    try folder.write("more/a.yaml", "groups: { hq: [1.2.3.4] }")
    let path = try folder.write(
      "p.yaml",
      Self.head + "groups: { drop: { file: feeds/drop.txt } }\ndeny: drop\ninclude: more/*.yaml\n")
    let policy = try PolicyFile.load(path, at: Self.now).policy
    #expect(policy.groups.map(\.name) == ["drop", "hq"])
    #expect(policy.services.map(\.name) == ["web"])
    let feed = try #require(policy.groups.first?.feed)
    #expect(feed.entryCount == 3)
    #expect(
      feed.addresses.networks.map(\.description) == ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])
  }

  @Test func `an entry that has ended is a warning`() throws {
    let folder = try Folder()
    let text = Self.head + "groups: { a: [{ cidr: 1.2.3.4, until: 2020-01-01 }] }\n"
    let path = try folder.write("p.yaml", text)
    let loaded = try PolicyFile.load(path, at: Self.now)
    #expect(loaded.warnings.count == 1)
    #expect(loaded.warnings.first?.hasPrefix("\(path):3:15: warning: ") == true)
  }
}
