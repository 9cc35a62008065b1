import Foundation
import Testing

struct TidyTests {
  static let lineLimit = 400
  static let functionLineLimit = 50
  static let bannedSuffixes = [
    "Manager", "Helper", "Helpers", "Util", "Utils", "Base", "Impl", "Data", "Info",
  ]

  /// The kernel's own word for where a payload begins (NFTA_PAYLOAD_BASE).
  static let allowedNames: Set = ["Base"]

  static let sources = SourceTree.swiftFiles(in: "Sources")
  static let all =
    sources + SourceTree.swiftFiles(in: "Tests") + SourceTree.swiftFiles(in: "Fuzz")

  @Test func `the files are found`() {
    #expect(Self.sources.count > 10)
    #expect(Self.all.contains("Tests/TidyTests/TidyTests.swift"))
  }

  @Test(arguments: all)
  func `a file ends before 400 lines`(_ path: String) throws {
    let count =
      try SourceTree.text(path).split(
        separator: "\n", omittingEmptySubsequences: false
      ).count - 1
    #expect(count <= Self.lineLimit, "\(path) has \(count) lines: one file, one idea")
  }

  @Test(arguments: sources)
  func `a function fits on a screen`(_ path: String) throws {
    for function in SwiftText(try SourceTree.text(path)).functions {
      #expect(
        function.length <= Self.functionLineLimit,
        "\(path):\(function.line): \(function.name) has \(function.length) lines")
    }
  }

  @Test(arguments: all)
  func `a name says what it is, not what it is made of`(_ path: String) throws {
    let file = path.split(separator: "/").last?.dropLast(".swift".count) ?? ""
    let names = file.split(separator: "+").map(String.init)
    for name in names + SwiftText(try SourceTree.text(path)).typeNames
    where !Self.allowedNames.contains(name) {
      let banned = Self.bannedSuffixes.first { name.hasSuffix($0) }
      #expect(banned == nil, "\(path): \(name) ends in \(banned ?? "")")
    }
  }

  @Test(arguments: sources)
  func `nothing in the sources traps by choice`(_ path: String) throws {
    for (index, line) in SwiftText(try SourceTree.text(path)).lines.enumerated() {
      for word in ["try!", "as!", "fatalError("] {
        #expect(!line.contains(word), "\(path):\(index + 1): \(word)")
      }
    }
  }

  @Test func `no file names a machine's own paths`() throws {
    let banned = ["work", "root"].map { "/\($0)/" }
    for path in try SourceTree.tracked() {
      // A binary file, or one that is gone from the work tree, has no text.
      guard let text = try? SourceTree.text(path) else { continue }
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      where banned.contains(where: line.contains) {
        Issue.record("\(path):\(index + 1): \(line.trimmingCharacters(in: .whitespaces))")
      }
    }
  }
}
