import Configuration
import Proxy
import Testing

/// A file that is wrong, and every line of what is said about it.
struct BadFile: CustomTestStringConvertible, Sendable {
  var text: String
  var lines: [String]

  init(_ text: String, _ lines: String...) {
    self.text = text
    self.lines = lines
  }

  var testDescription: String { lines.first ?? "" }
}

struct ConfigurationFileTests {
  private static let start = "listeners: { http: { bind: \":80\" } }\n"

  private static func errors(_ text: String) throws -> [String] {
    let folder = try Folder()
    let path = try folder.write("g.yaml", text)
    try folder.writeCertificate("www")
    try folder.write("open/www.pem", Folder.chain + Folder.key, mode: 0o644)
    try folder.write("empty/README.md", "")
    do throws(ConfigurationErrors) {
      _ = try ConfigurationFile.load(path)
      return []
    } catch {
      return error.lines.map { $0.replacing(folder.path + "/", with: "") }
    }
  }

  @Test(arguments: BadFile.yaml + BadFile.listeners)
  func `says what is wrong, and what is allowed`(_ bad: BadFile) throws {
    #expect(try Self.errors(bad.text) == bad.lines)
  }

  @Test(arguments: BadFile.backends + BadFile.health + BadFile.routes + BadFile.settings)
  func `says what is wrong beside a listener that is right`(_ bad: BadFile) throws {
    #expect(try Self.errors(Self.start + bad.text) == bad.lines)
  }

  @Test func `says fifty things at most`() throws {
    let keys = (0..<80).map { "unknown\($0): 1\n" }.joined()
    let lines = try Self.errors(Self.start + keys)
    #expect(lines.count == 51)
    #expect(lines.last == "and 30 more; correct these first")
  }

  @Test func `a file of more than 1 MiB is refused`() throws {
    let lines = try Self.errors(Self.start + String(repeating: "# much\n", count: 160_000))
    #expect(lines == ["g.yaml:1:1: cannot read \"g.yaml\": larger than 1MiB"])
  }
}
