/// Changes inputs as libFuzzer would, but blindly, and the same way every time.
struct Mutation {
  private static let byteLimit = 64 << 10
  /// Where signs and widths end.
  private static let numbers: [UInt32] = [
    0, 1, 3, 4, 15, 16, 17, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, .max >> 1, .max,
  ]

  private let seeds: [[UInt8]]
  private let words: [[UInt8]]
  private var random: SeededNumbers

  init(_ corpus: Corpus, seed: UInt64) {
    seeds = corpus.seeds.map(\.bytes)
    words = corpus.words
    random = SeededNumbers(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var bytes = seeds.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 1...5, using: &random) { change(&bytes) }
    return Array(bytes.prefix(Self.byteLimit))
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    let range = range(in: bytes)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: setByte(&bytes)
    case 1: setNumber(&bytes)
    case 2: bytes.removeSubrange(range)
    case 3: bytes.insert(contentsOf: bytes[range], at: range.lowerBound)
    case 4: bytes.replaceSubrange(range, with: words.randomElement(using: &random) ?? [])
    case 5:
      bytes.insert(
        contentsOf: words.randomElement(using: &random) ?? [], at: range.lowerBound)
    case 6:
      let other = seeds.randomElement(using: &random) ?? []
      bytes.replaceSubrange(range, with: other[self.range(in: other)])
    default: bytes.removeSubrange(range.lowerBound...)
    }
  }

  /// Short ones more often than long ones.
  private mutating func range(in bytes: [UInt8]) -> Range<Int> {
    let start = Int.random(in: 0...bytes.count, using: &random)
    let most = min(bytes.count - start, 1 << Int.random(in: 0...9, using: &random))
    return start..<start + Int.random(in: 0...most, using: &random)
  }

  private mutating func setByte(_ bytes: inout [UInt8]) {
    guard let index = bytes.indices.randomElement(using: &random) else { return }
    if Bool.random(using: &random) {
      bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    } else {
      bytes[index] &+= UInt8.random(in: 0...255, using: &random)
    }
  }

  private mutating func setNumber(_ bytes: inout [UInt8]) {
    let byteCount = [1, 2, 4][Int.random(in: 0..<3, using: &random)]
    guard bytes.count >= byteCount else { return }
    let start = Int.random(in: 0...(bytes.count - byteCount), using: &random)
    let number = Self.numbers.randomElement(using: &random) ?? 0
    let isReversed = Bool.random(using: &random)
    for place in 0..<byteCount {
      let index = start + (isReversed ? place : byteCount - 1 - place)
      bytes[index] = UInt8(truncatingIfNeeded: number >> UInt32(8 * place))
    }
  }
}
