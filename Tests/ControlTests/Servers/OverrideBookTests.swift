import Foundation
import Testing

@testable import Control
@testable import Proxy

@Suite struct OverrideBookTests {
  private static let id = ServerID(backend: "web", server: "s1")
  private static let start = Date(timeIntervalSince1970: 1_000_000)

  private static func file(weight: Int = 2, _ names: [String] = ["s1", "s2"])
    -> ProxyConfiguration
  {
    var configuration = ProxyConfiguration()
    configuration.backends = [
      .init(
        name: "web",
        servers: names.enumerated().map {
          .init(
            name: $0.element, address: .ipv4(0x7f00_0001, port: UInt16($0.offset + 1)),
            weight: weight)
        })
    ]
    return configuration
  }

  private static func override(
    _ change: ServerOverrideChange, configured: String? = "2", seconds: Double? = nil,
    server: String = "s1"
  ) -> ServerOverride {
    ServerOverride(
      backend: "web", server: server, change: change, configured: configured, by: "alice",
      since: start, reason: "why", until: seconds.map { start + $0 }, conflictSince: nil)
  }

  struct Weight {
    var text: String
    var hundredths: Int?
  }

  @Test(arguments: [
    Weight(text: "0", hundredths: 0), Weight(text: "20", hundredths: 2000),
    Weight(text: "256", hundredths: 25_600), Weight(text: "257"),
    Weight(text: "50%", hundredths: 150),
    Weight(text: "0%", hundredths: 0), Weight(text: "1000%", hundredths: 3000),
    Weight(text: "1001%"), Weight(text: ""), Weight(text: "%"), Weight(text: "-1"),
    Weight(text: "1.5"), Weight(text: "+1"), Weight(text: " 1"), Weight(text: "1 %"),
    Weight(text: "99999999999999999999"),
  ]) func `reads weights, absolute and in percent of 3`(_ weight: Weight) {
    #expect(WeightChange(weight.text)?.hundredths(configured: 3) == weight.hundredths)
  }

  @Test func `a percentage never exceeds the greatest weight`() {
    #expect(WeightChange.percent(1000).hundredths(configured: 256) == 25_600)
  }

  @Test func `one change per server and key`() {
    var book = OverrideBook()
    for change: ServerOverrideChange in [
      .weight(.absolute(5)), .weight(.percent(50)), .state(.drain),
    ] {
      let isSet = book.set(Self.override(change))
      #expect(isSet)
    }
    #expect(book.overrides.map(\.name) == ["web/s1.state", "web/s1.weight"])
    #expect(book[Self.id, .weight]?.change == .weight(.percent(50)))
    let gone = book.remove(Self.id, .weight)
    #expect(gone.count == 1)
    #expect(book[Self.id, .weight] == nil && book[Self.id, .state] != nil)
  }

  @Test func `ends by itself`() {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.absolute(5)), seconds: 10))
    _ = book.set(Self.override(.state(.drain)))
    let before = book.end(at: Self.start + 9.9)
    #expect(before.isEmpty)
    let ended = book.end(at: Self.start + 10)
    #expect(ended.map(\.name) == ["web/s1.weight"])
    #expect(book.overrides.map(\.name) == ["web/s1.state"])
  }

  @Test func `a file that contradicts is a conflict until it says the old again`() {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.absolute(5))))
    let none = book.compare(with: Self.file().backends, at: Self.start)
    #expect(none.isEmpty)
    let found = book.compare(with: Self.file(weight: 7).backends, at: Self.start + 60)
    guard case .conflict(_, "7")? = found.first, found.count == 1 else {
      Issue.record("\(found)")
      return
    }
    #expect(book[Self.id, .weight]?.conflictSince == Self.start + 60)
    #expect(book[Self.id, .weight]?.configured == "2")
    // Told once; since when stays.
    let again = book.compare(with: Self.file(weight: 8).backends, at: Self.start + 90)
    #expect(again.isEmpty)
    #expect(book[Self.id, .weight]?.conflictSince == Self.start + 60)
    _ = book.compare(with: Self.file().backends, at: Self.start + 120)
    #expect(book[Self.id, .weight]?.conflictSince == nil)
  }

  @Test func `what the file comes to say is settled`() {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.absolute(5))))
    _ = book.set(Self.override(.state(.maint), configured: nil))
    _ = book.set(
      Self.override(
        .added(AddedServer(address: "127.0.0.1:3", weight: 5)), configured: nil, server: "s3"))
    _ = book.set(Self.override(.removed, configured: "there", server: "s2"))
    let found = book.compare(
      with: Self.file(weight: 5, ["s1", "x", "s3"]).backends, at: Self.start)
    #expect(found.count == 3)
    #expect(book.overrides.map(\.name) == ["web/s1.state"])
  }

  @Test(arguments: [(50, 1, true), (50, 5, false), (100, 3, false), (200, 4, true), (75, 1, false)])
  func `a percentage is settled by a file that says what it came to`(
    _ share: Int, _ weight: Int, _ isSettled: Bool
  ) {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.percent(share))))
    _ = book.compare(with: Self.file(weight: weight).backends, at: Self.start)
    #expect(book.overrides.isEmpty == isSettled)
  }

  @Test func `an override of a server that is gone is kept, without a conflict`() {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.absolute(5))))
    let found = book.compare(with: Self.file(["s2"]).backends, at: Self.start)
    #expect(found.isEmpty)
    #expect(book.overrides.count == 1)
    #expect(book[Self.id, .weight]?.conflictSince == nil)
  }

  @Test func `adds servers and removes them, but never the last`() {
    var book = OverrideBook()
    _ = book.set(
      Self.override(
        .added(AddedServer(address: "[::1]:9", weight: 4, tier: 1, role: .replica)),
        configured: nil, server: "s3"))
    _ = book.set(Self.override(.removed, configured: "there"))
    let servers = book.applied(to: Self.file()).backends[0].servers
    #expect(servers.map(\.name) == ["s2", "s3"])
    #expect(servers[1].address == .ipv6(1, port: 9))
    #expect(servers[1].weight == 4 && servers[1].tier == 1 && servers[1].role == .replica)
    _ = book.remove(ServerID(backend: "web", server: "s3"))
    #expect(book.applied(to: Self.file(["s1"])).backends[0].servers.map(\.name) == ["s1"])
  }

  @Test func `survives the disk, and damage is refused`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/g-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = OverrideFile(path: folder + "/overrides.json")
    #expect(try file.read() == OverrideBook())
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.percent(50)), seconds: 10))
    _ = book.set(Self.override(.state(.drain), configured: nil))
    _ = book.set(
      Self.override(.added(AddedServer(address: "[::1]:9")), configured: nil, server: "s3"))
    _ = book.set(Self.override(.removed, configured: "there", server: "s2"))
    try file.write(book)
    #expect(try file.read() == book)
    let good = try Data(contentsOf: URL(fileURLWithPath: file.path))
    for count in [0, 1, good.count / 2, good.count - 3] {
      try good.prefix(count).write(to: URL(fileURLWithPath: file.path))
      #expect(throws: OverrideFile.Damage.self, "\(count) bytes") { try file.read() }
    }
    let wrong = String(decoding: good, as: UTF8.self).replacing("50%", with: "50000%")
    try Data(wrong.utf8).write(to: URL(fileURLWithPath: file.path))
    #expect(throws: OverrideFile.Damage.self) { try file.read() }
  }

  @Test func `what one changed is undone without what others changed meanwhile`() {
    var book = OverrideBook()
    _ = book.set(Self.override(.weight(.absolute(5))))
    _ = book.set(Self.override(.state(.drain)))
    let before = book
    // Mine: a server goes, and with it what was said of it.
    _ = book.remove(Self.id)
    _ = book.set(Self.override(.removed))
    let own = book.difference(from: before)
    #expect(own.set.map(\.name) == ["web/s1.removed"])
    #expect(own.removed.map(\.name) == ["web/s1.state", "web/s1.weight"])
    // Somebody else's, meanwhile.
    _ = book.set(Self.override(.weight(.absolute(9)), server: "s2"))
    _ = book.set(Self.override(.weight(.absolute(7))))
    book.undo(own)
    #expect(
      book.overrides.map { "\($0.name) \($0.change.text)" } == [
        "web/s1.state drain", "web/s1.weight 7", "web/s2.weight 9",
      ])
  }

  @Test func `tiers that nobody has given back are kept on disk, also beside no override`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = OverrideFile(path: folder.appendingPathComponent("overrides.json").path)
    var book = OverrideBook()
    book.tiers = ["web": 1]
    try file.write(book)
    #expect(try file.read() == book)
    // As it was written before.
    try Data(#"{"version": 1, "overrides": []}"#.utf8).write(to: URL(fileURLWithPath: file.path))
    #expect(try file.read() == OverrideBook())
  }
}
