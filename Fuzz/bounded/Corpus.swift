import Foundation

/// What a fuzzer starts from: its inputs, and words worth putting into them.
struct Corpus {
  struct Seed {
    var name: String
    var bytes: [UInt8]
  }
  /// By name.
  var seeds: [Seed]
  var words: [[UInt8]]

  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  init(of fuzzer: FuzzerName) throws {
    let folder = "Fuzz/\(fuzzer.rawValue)"
    seeds = try Self.seeds(in: "\(folder)/corpus")
    switch fuzzer {
    case .policyReader: seeds += try Self.seeds(in: "policies")
    case .feedReader: seeds += try Self.seeds(in: "policies/feeds")
    case .agentCheck, .databaseReader, .dnsMessage, .elementPacking, .grpcHealth, .netlinkDecoder,
      .proxyHeader:
      break
    }
    let dictionary = Self.root.appending(path: "\(folder)/dictionary")
    let text = try? String(contentsOf: dictionary, encoding: .utf8)
    words = (text ?? "").split(separator: "\n").compactMap(Self.word)
  }

  private static func seeds(in folder: String) throws -> [Seed] {
    let names = try FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: folder).path)
    return names.sorted().compactMap { name in
      // A folder has none.
      FileManager.default.contents(atPath: root.appending(path: "\(folder)/\(name)").path)
        .map { Seed(name: name, bytes: [UInt8]($0)) }
    }
  }

  /// A line of libFuzzer's dictionaries: text in quotes, with `\\`, `\"` and `\x00` in it.
  private static func word(_ line: Substring) -> [UInt8]? {
    guard line.hasPrefix("\""), line.hasSuffix("\""), line.count > 2 else { return nil }
    var rest = line.utf8.dropFirst().dropLast()
    var word: [UInt8] = []
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
        word.append(byte)
        continue
      }
      guard escaped == UInt8(ascii: "x") else {
        word.append(escaped)
        continue
      }
      guard let number = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { return nil }
      word.append(number)
      rest = rest.dropFirst(2)
    }
    return word
  }
}
