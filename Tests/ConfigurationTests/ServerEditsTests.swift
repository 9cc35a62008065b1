import Foundation
import Proxy
import Testing

@testable import Configuration

@Suite struct ServerEditsTests {
  struct Edit: CustomTestStringConvertible {
    var name: String
    var servers: String
    var server = "s1"
    var wish: ServerEdits.Wish
    /// Nil where it is left to a person.
    var result: String?
    var testDescription: String { name }
  }

  private static let added = ServerEdits.Wish.added(
    address: "[2001:db8::1]:80", weight: 2, tier: 1, role: .replica)
  private static let entry =
    #"{ address: "[2001:db8::1]:80", weight: 2, tier: 1, role: replica }"#

  @Test(arguments: [
    Edit(
      name: "a weight that is there",
      servers: "      s1: { address: 10.0.0.1:80, weight: 3 } # ours\n      s2: 10.0.0.2:80",
      wish: .weight(20),
      result: "      s1: { address: 10.0.0.1:80, weight: 20 } # ours\n      s2: 10.0.0.2:80"),
    Edit(
      name: "a weight in quotes",
      servers: "      s1: { weight: \"3\", address: 10.0.0.1:80 }", wish: .weight(0),
      result: "      s1: { weight: 0, address: 10.0.0.1:80 }"),
    Edit(
      name: "a flow map without", servers: "      s1: {address: \"10.0.0.1:80\"}", wish: .weight(4),
      result: "      s1: { weight: 4, address: \"10.0.0.1:80\"}"),
    Edit(
      name: "a block map without",
      servers: "      s1:\n        # where\n        address: 10.0.0.1:80\n      s2: 10.0.0.2:80",
      wish: .weight(4),
      result:
        "      s1:\n        # where\n        weight: 4\n        address: 10.0.0.1:80\n      s2: 10.0.0.2:80"
    ),
    Edit(
      name: "an address alone", servers: "      s1: 10.0.0.1:80   # ours", wish: .weight(4),
      result: "      s1: { address: 10.0.0.1:80, weight: 4 }   # ours"),
    Edit(
      name: "in a list", servers: "      - 10.0.0.1:80\n      - '10.0.0.2:80' # two", server: "s2",
      wish: .weight(4),
      result: "      - 10.0.0.1:80\n      - { address: '10.0.0.2:80', weight: 4 } # two"),
    Edit(
      name: "a map in a list", servers: "      - address: 10.0.0.1:80\n      - 10.0.0.2:80",
      wish: .weight(4),
      result: "      - weight: 4\n        address: 10.0.0.1:80\n      - 10.0.0.2:80"),
    Edit(
      name: "beside letters of many bytes", servers: "      s1: { address: 10.0.0.1:80 } # äöü 東",
      wish: .weight(4), result: "      s1: { weight: 4, address: 10.0.0.1:80 } # äöü 東"),
    Edit(
      name: "one more", servers: "      # first\n      s1: 10.0.0.1:80", server: "s4", wish: added,
      result: "      # first\n      s4: \(entry)\n      s1: 10.0.0.1:80"),
    Edit(
      name: "one less", servers: "      s1: 10.0.0.1:80\n      s2: 10.0.0.2:80", wish: .removed,
      result: "      s2: 10.0.0.2:80"),
    Edit(
      name: "one less over many lines",
      servers: "      s1:\n        address: 10.0.0.1:80\n      s2: 10.0.0.2:80", wish: .removed),
    Edit(
      name: "one more in a list", servers: "      - 10.0.0.1:80", server: "s4", wish: added),
    Edit(
      name: "one that is not there", servers: "      s1: 10.0.0.1:80", server: "x", wish: .weight(1)
    ),
    Edit(name: "one less of a list", servers: "      - 10.0.0.1:80", wish: .removed),
  ]) func `changes what it should, and nothing else`(_ edit: Edit) throws {
    func file(_ servers: String) -> String {
      "# top\nbackends:\n  other:\n    servers: { s1: 10.0.0.9:80 }\n  web:\n    servers:\n\(servers)\n\nworkers: 1\n"
    }
    let path = FileManager.default.temporaryDirectory.path + "/g-\(UUID().uuidString.prefix(8))"
    try Data(file(edit.servers).utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let id = ServerID(backend: "web", server: edit.server)
    let edits = try ServerEdits(path: path, [(id, edit.wish)])
    if let result = edit.result {
      #expect(edits.text == file(result))
      #expect(edits.done == [id] && edits.undone.isEmpty)
    } else {
      #expect(edits.text == edits.before)
      #expect(edits.done.isEmpty && edits.undone.count == 1 && edits.changes.isEmpty)
    }
  }

  @Test func `a map in one line, and several edits one after the other`() throws {
    let path = FileManager.default.temporaryDirectory.path + "/g-\(UUID().uuidString.prefix(8))"
    let text = "backends: { web: { servers: { s1: \"10.0.0.1:80\", s2: \"10.0.0.2:80\" } } }\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let edits = try ServerEdits(
      path: path,
      [
        (ServerID(backend: "web", server: "s2"), .weight(7)),
        (ServerID(backend: "web", server: "s4"), Self.added),
        (ServerID(backend: "web", server: "s4"), .weight(9)),
        (ServerID(backend: "gone", server: "s1"), .weight(9)),
      ])
    let entry = Self.entry.replacing("weight: 2", with: "weight: 9")
    #expect(
      edits.text
        == "backends: { web: { servers: { s4: \(entry), s1: \"10.0.0.1:80\", s2: { address: \"10.0.0.2:80\", weight: 7 } } } }\n"
    )
    #expect(edits.undone.map(\.server.backend) == ["gone"])
    #expect(edits.changes.map { $0.prefix(3) } == ["-1:", "+1:"])
  }
}
