import Configuration
import Foundation
import Testing

struct ReferenceTests {
  @Test func `the reference page is what the settings generate`() throws {
    let path = "\(Folder.repository)/docs/reference.md"
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Reference.markdown().write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == Reference.markdown())
  }

  @Test func `the reference as data holds every section`() throws {
    struct File: Decodable {
      var file: String
      var sections: [Section]
    }
    struct Section: Decodable { var settings: [[String: Value]] }
    enum Value: Decodable {
      case text(String)
      case flag(Bool)
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
          self = .flag(flag)
        } else {
          self = .text(try container.decode(String.self))
        }
      }
    }
    let files = try JSONDecoder().decode([File].self, from: Data(Reference.json().utf8))
    #expect(files.map(\.file) == ["gatehouse.yaml", "The policy"])
    #expect(files.allSatisfy { $0.sections.allSatisfy { !$0.settings.isEmpty } })
  }
}
