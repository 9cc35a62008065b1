internal import Foundation

/// The overrides on disk: there whole or not at all.
struct OverrideFile {
  static let byteLimit = 16 << 20
  private static let version = 1

  private struct Content: Codable {
    var version: Int
    var overrides: [ServerOverride]
    /// Left out by those before, and read by them without it.
    var tiers: [String: Int]?
  }

  let path: String

  struct Damage: Error {
    var text: String
  }

  /// Empty where there is no file yet.
  func read() throws(Damage) -> OverrideBook {
    guard FileManager.default.fileExists(atPath: path) else { return OverrideBook() }
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    guard size <= Self.byteLimit, let data = FileManager.default.contents(atPath: path) else {
      throw Damage(text: "\(path) can't be read")
    }
    guard let content = try? readJSON(Content.self, data), content.version == Self.version else {
      throw Damage(
        text: "\(path) is damaged, and nothing of it is used; look at it, then: "
          + "gatehouse overrides clear --all")
    }
    var book = OverrideBook()
    for override in content.overrides { _ = book.set(override) }
    book.tiers = (content.tiers ?? [:]).filter { (0...100).contains($0.value) }
    return book
  }

  func write(_ book: OverrideBook) throws {
    let content = Content(
      version: Self.version, overrides: book.overrides,
      tiers: book.tiers.isEmpty ? nil : book.tiers)
    try Disk.replace(path, with: Array("\(try jsonText(content))\n".utf8))
  }

  /// What was damaged is kept beside.
  func putAside() { unsafe _ = rename(path, "\(path).damaged") }
}
