import Firewall

@testable import Configuration

/// The reader takes and refuses the very lines that a plain one does.
struct FeedReaderFuzzer: Fuzzer {
  func check(_ bytes: [UInt8]) throws(Fault) {
    for most in [2, 200_000] {
      let feed = FeedReader(bytes, most: most)
      let plain = PlainFeed(bytes, most: most)
      try Fault.unless(
        feed.entryCount == plain.networks.count,
        "\(feed.entryCount) entries, not \(plain.networks.count)")
      let sets = plain.networks.map { AddressSet($0) }
      try Fault.unless(feed.ipv4 == sets.flatMap(\.ipv4), "other IPv4 networks")
      try Fault.unless(feed.ipv6 == sets.flatMap(\.ipv6), "other IPv6 networks")
      let places = feed.problems.map { PlainFeed.Place(line: $0.line, column: $0.column) }
      try Fault.unless(places == plain.refused, "refuses \(places), not \(plain.refused)")
      for problem in feed.problems { try MessageText.check(problem.text) }
    }
  }
}

/// A feed read without any care for speed.
private struct PlainFeed {
  struct Place: Equatable {
    var line: Int
    var column: Int
  }
  var networks: [Network] = []
  var refused: [Place] = []

  init(_ bytes: [UInt8], most: Int) {
    let hasMark = bytes.starts(with: [0xef, 0xbb, 0xbf])
    let lines = bytes.dropFirst(hasMark ? 3 : 0)
      .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      guard networks.count <= most, refused.count < Problems.limit else { return }
      let words = line.prefix { !"#;".utf8.contains($0) }.split { " \t\r".utf8.contains($0) }
      guard let word = words.first else { continue }
      let network = try? Network(parsing: String(decoding: word, as: UTF8.self))
      if let network, network.prefix > 0, words.count == 1, line.count <= 1000 {
        networks.append(network)
      } else {
        refused.append(Place(line: index + 1, column: word.startIndex - line.startIndex + 1))
      }
    }
  }
}
