import Firewall
import Foundation

@testable import Configuration

/// A policy file ends as a policy that can be compiled, or as errors with their places.
final class PolicyReaderFuzzer: Fuzzer {
  /// 2027-01-15, 08:00 UTC.
  private static let now: Int64 = 1_800_000_000

  private let folder: URL
  private let file: String

  /// Makes a folder with what a policy may name.
  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appending(path: "gatehouse-fuzz-\(UUID().uuidString)")
    file = folder.appending(path: "p.yaml").path
    try write("more/a.yaml", "groups: { hq: [5.6.7.8] }\n")
    try write("feeds/drop.txt", "10.0.0.0/8 # ten\n2001:db8::/32\n")
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func check(_ bytes: [UInt8]) throws(Fault) {
    // Not all that lies there likes to be opened.
    for path in ["/dev", "/proc", "/sys"] where bytes.contains(path.utf8) { return }
    guard FileManager.default.createFile(atPath: file, contents: Data(bytes)) else {
      throw Fault(description: "cannot write \(file)")
    }
    let outcome = Result { () throws(ConfigurationErrors) in
      try PolicyFile.load(file, at: Self.now)
    }
    switch outcome {
    case .success(let loaded):
      try check(loaded.warnings.prefix(Problems.limit), bytes)
      try compile(loaded.policy)
    case .failure(let errors): try check(errors, bytes)
    }
  }

  private func write(_ name: String, _ text: String) throws {
    let file = folder.appending(path: name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  private func check(_ errors: ConfigurationErrors, _ bytes: [UInt8]) throws(Fault) {
    let lines = errors.lines
    let most = Problems.limit
    try Fault.unless(!lines.isEmpty, "refused, and nobody says why")
    try check(lines.prefix(most), bytes)
    guard lines.count > most else { return }
    let isCount = lines[most].wholeMatch(of: /and [0-9]+ more; correct these first/) != nil
    try Fault.unless(lines.count == most + 1 && isCount, "an error without a place: \(lines[most])")
  }

  /// `file:line:column: text`, both numbers counted from 1 and within the file.
  private func check(_ lines: ArraySlice<String>, _ bytes: [UInt8]) throws(Fault) {
    let form = /([^:]+):([1-9][0-9]*):([1-9][0-9]*): ./
    // The last byte of each of YAML's line breaks: LF, CR, NEL, LS, PS; libYAML adds one at the end.
    let lineCount = 2 + bytes.count { [0x0a, 0x0d, 0x85, 0xa8, 0xa9].contains($0) }
    for text in lines {
      try MessageText.check(text)
      guard let place = text.prefixMatch(of: form), let line = Int(place.2),
        let column = Int(place.3)
      else { throw Fault(description: "an error without a place: \(text)") }
      try Fault.unless(
        place.1 != file || line <= lineCount && column <= bytes.count + 1,
        "a place beyond the end: \(text)")
    }
  }

  private func compile(_ policy: FirewallPolicy) throws(Fault) {
    let resolved = ResolvedPolicy(policy)
    let ruleset = RulesetCompiler.compile(resolved, at: Self.now)
    try Fault.unless(RulesetText.print(ruleset).hasPrefix("add table"), "a ruleset without text")
  }
}
