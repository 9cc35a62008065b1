/// How long things took, counted in fixed buckets; where others have averages.
public struct Histogram: Meter {
  /// Upper bounds of all buckets but the last, in microseconds, inclusive.
  public static let bounds: [Int64] = [
    250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
  ]
  public static let bucketCount = 17

  private var buckets = InlineArray<17, UInt64>(repeating: 0)
  /// Of all that was counted, in microseconds.
  public private(set) var sum: UInt64 = 0

  public init() {}

  /// A clock that stepped back counts as no time.
  mutating func add(_ micros: Int64) {
    buckets[Self.bucket(micros)] &+= 1
    sum &+= UInt64(max(0, micros))
  }

  /// Each bucket's own, not those below.
  public var counts: [UInt64] { buckets.indices.map { buckets[$0] } }

  public var count: UInt64 { buckets.indices.reduce(0) { $0 &+ buckets[$1] } }

  public static func += (sum: inout Histogram, other: Histogram) {
    for index in sum.buckets.indices { sum.buckets[index] &+= other.buckets[index] }
    sum.sum &+= other.sum
  }

  // The same bounds as above, without an array to look them up in.
  static func bucket(_ micros: Int64) -> Int {
    switch micros {
    case ...250: 0
    case ...500: 1
    case ...1000: 2
    case ...2500: 3
    case ...5000: 4
    case ...10_000: 5
    case ...25_000: 6
    case ...50_000: 7
    case ...100_000: 8
    case ...250_000: 9
    case ...500_000: 10
    case ...1_000_000: 11
    case ...2_500_000: 12
    case ...5_000_000: 13
    case ...10_000_000: 14
    case ...30_000_000: 15
    default: 16
    }
  }
}
