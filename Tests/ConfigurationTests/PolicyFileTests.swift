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
    try folder.write("everybody.txt", "192.0.2.1\n0.0.0.0/0\n::/0\n")
    try folder.write("more/a.yaml", "groups: { hq: [5.6.7.8] }\ndeny: [hq]\n")
    do throws(ConfigurationErrors) {
      _ = try PolicyFile.load(path, at: now)
      return []
    } catch {
      return error.lines.map { $0.replacing(folder.path + "/", with: "") }
    }
  }

  @Test(arguments: BadFile.policies + BadFile.services)
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

  @Test func `a feed that can't be used gives way to that of the last apply, where it may`() throws
  {
    let folder = try Folder()
    let text = Self.head + "groups: { drop: { file: drop.txt, on_error: keep-last } }\ndeny: drop\n"
    let path = try folder.write("p.yaml", text)
    try folder.write("last/drop.txt", "11.0.0.0-11.255.255.255\n2001:db8::-2001:db8::ff\n")
    func load(_ feed: String?) throws -> (AddressSet?, [String]) {
      if let feed { try folder.write("drop.txt", feed) }
      let loaded = try PolicyFile.load(path, at: Self.now, lastFeeds: folder.path + "/last")
      return (loaded.policy.groups.first?.feed?.addresses, loaded.warnings)
    }
    for broken in [nil, "", "10.0.0.1/8\n", "x\n"] {
      let (addresses, warnings) = try load(broken)
      #expect(addresses?.networks.map(\.description) == ["11.0.0.0/8", "2001:db8::/120"])
      #expect(warnings.count == 1)
      #expect(warnings.first?.contains("the 2 entries of the last apply are kept") == true)
    }
    let (addresses, warnings) = try load("192.0.2.0/24\n")
    #expect(addresses?.networks.map(\.description) == ["192.0.2.0/24"])
    #expect(warnings.isEmpty)
    try folder.write("last/drop.txt", "nonsense\n")
    #expect(throws: ConfigurationErrors.self) { try load("") }
  }

  @Test func `hours are those of the wall's clock, in summer and in winter, over midnight, too`()
    throws
  {
    let folder = try Folder()
    let text =
      Self.head + """
        timezone: Europe/Berlin
        services:
          day: { listen: tcp/80, allow: any, schedule: { days: mon-fri, hours: "08:00-18:00" } }
          night: { listen: tcp/81, allow: any, schedule: { days: [sat], hours: "22:00-02:00" } }

        """
    let path = try folder.write("p.yaml", text)
    // 2027-03-26 is a Friday; two days later the clocks go forward.
    let loaded = try PolicyFile.load(path, at: 1_806_019_200)
    let verdict = PolicyVerdict(ResolvedPolicy(loaded.policy))
    func isOpen(_ port: UInt16, _ time: Int64) -> Bool {
      verdict.verdict(.ipv4(1), to: .tcp, port: port, at: time).isAllowed
    }
    // Friday 07:59, 08:00, 17:59 and 18:00 in Berlin, an hour east of Greenwich.
    #expect(!isOpen(80, 1_806_044_340) && isOpen(80, 1_806_044_400))
    #expect(isOpen(80, 1_806_080_340) && !isOpen(80, 1_806_080_400))
    // Monday 08:00: two hours east by then.
    #expect(!isOpen(80, 1_806_299_940) && isOpen(80, 1_806_300_000))
    // From Saturday 22:00 to Sunday 02:00, when it becomes 03:00.
    #expect(!isOpen(81, 1_806_181_140) && isOpen(81, 1_806_181_200))
    #expect(isOpen(81, 1_806_195_540) && !isOpen(81, 1_806_195_600))
    // The kernel gets more than a year of them, and later ones are worked out from later on.
    let far = Self.now + 10 * 365 * 86_400
    #expect(!isOpen(80, far + 4 * 86_400))
    let later = PolicyVerdict(ResolvedPolicy(loaded.policy.scheduled(from: far)))
    let week = (0..<(7 * 24)).count {
      later.verdict(.ipv4(1), to: .tcp, port: 80, at: far + Int64($0) * 3600).isAllowed
    }
    #expect(week == 50)
  }
}
