import Configuration
import Foundation
import Testing

/// SplitMix64: the same files every run.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

struct MutationTests {
  private static let pieces: [[UInt8]] =
    [
      "", ":", "- ", "[", "]", "{", "}", "\"", "'", "\t", "\n", "#", "&a ", "*a", "!!int ", "| ",
      "? ", "---\n", "...", "%YAML 9.9", "99999999999999999999", "-1", "1e999", "fe80::", "::", "~",
      "null", "/", "/**", "*.", "{path}", "tcp/0", "65536", "0x10", "2026-02-30", "any", "\u{2028}",
    ].map { Array($0.utf8) } + [
      [0], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf], [13],
    ]

  private static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let start = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, start + Int.random(in: 0...12, using: &random))
      let piece = pieces.randomElement(using: &random) ?? []
      if Bool.random(using: &random) {
        bytes.replaceSubrange(start..<end, with: piece)
      } else if Bool.random(using: &random) {
        bytes.insert(contentsOf: bytes[start..<end], at: start)
      } else {
        bytes.removeSubrange(start..<end)
      }
    }
    return bytes
  }

  @Test(arguments: ["full", "quickstart", "smallest"])
  func `no change of an example traps`(_ name: String) throws {
    let folder = try Folder.ofExamples()
    let original = try Data(
      contentsOf: URL(fileURLWithPath: "\(folder.path)/examples/\(name).yaml"))
    var random = SeededGenerator(state: 1)
    for _ in 0..<600 {
      let path = try folder.write("examples/changed.yaml", Self.mutated([UInt8](original), &random))
      do throws(ConfigurationErrors) {
        _ = try ConfigurationFile.load(path)
      } catch {
        #expect(!error.lines.isEmpty)
      }
    }
  }

  @Test(arguments: ["office-allowlist", "database-host", "quickstart"])
  func `no change of a policy traps`(_ name: String) throws {
    let folder = try Folder.ofExamples()
    let original = try Data(
      contentsOf: URL(fileURLWithPath: "\(folder.path)/policies/\(name).yaml"))
    var random = SeededGenerator(state: 2)
    for _ in 0..<600 {
      let path = try folder.write("policies/changed.yaml", Self.mutated([UInt8](original), &random))
      do throws(ConfigurationErrors) {
        _ = try PolicyFile.load(path, at: 1_800_000_000)
      } catch {
        #expect(!error.lines.isEmpty)
      }
    }
  }

  private static func steps(_ count: Int) -> String {
    (0..<count).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
  }

  @Test(arguments: [
    steps(900), steps(1400), String(repeating: "[", count: 500_000),
    String(repeating: "{a: ", count: 5000),
    String(repeating: "- ", count: 5000), String(repeating: "? ", count: 5000),
    "a: &a [1]\nb: *a", "\u{0}", "\t", "---\n---\n", "%", "!", "|", ">", "@", "`", "&", "*", "\"",
    "'",
  ])
  func `strange text is refused`(_ text: String) throws {
    let folder = try Folder()
    let path = try folder.write("strange.yaml", text)
    #expect(throws: ConfigurationErrors.self) { try ConfigurationFile.load(path) }
    #expect(throws: ConfigurationErrors.self) { try PolicyFile.load(path, at: 0) }
  }
}
