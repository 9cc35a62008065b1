/// Transactions as MariaDB names them: the last sequence of each domain and server in it.
public struct GTIDPosition: Sendable, Equatable, CustomStringConvertible {
  public struct Origin: Sendable, Hashable, Comparable {
    public var domain: UInt32
    public var server: UInt32

    public static func < (a: Origin, b: Origin) -> Bool {
      (a.domain, a.server) < (b.domain, b.server)
    }
  }

  public private(set) var sequences: [Origin: UInt64] = [:]

  public init() {}

  /// `0-1-9,1-2-5`; nil where it is something else, such as MySQL's.
  public init?(_ text: String) {
    for entry in text.split(separator: ",") {
      let parts = entry.filter { !$0.isWhitespace }.split(
        separator: "-", omittingEmptySubsequences: false)
      guard parts.count == 3, let domain = UInt32(parts[0]), let server = UInt32(parts[1]),
        let sequence = UInt64(parts[2])
      else { return nil }
      add(Origin(domain: domain, server: server), sequence)
    }
  }

  public var description: String {
    sequences.sorted { $0.key < $1.key }
      .map { "\($0.key.domain)-\($0.key.server)-\($0.value)" }.joined(separator: ",")
  }

  /// The highest sequence of a domain, whoever wrote it.
  public func top(of domain: UInt32) -> UInt64 {
    sequences.filter { $0.key.domain == domain }.values.max() ?? 0
  }

  public var domains: Set<UInt32> { Set(sequences.keys.map(\.domain)) }

  /// What stands here or there.
  public func union(_ other: GTIDPosition) -> GTIDPosition {
    var both = self
    for (origin, sequence) in other.sequences { both.add(origin, sequence) }
    return both
  }

  /// Of each server's transactions the last that the other one does not have.
  public func missing(in other: GTIDPosition) -> GTIDPosition {
    var missing = GTIDPosition()
    for (origin, sequence) in sequences where sequence > other.sequences[origin] ?? 0 {
      missing.add(origin, sequence)
    }
    return missing
  }

  /// How many transactions of these the other one does not have. A server counts on from the highest
  /// that it knows of a domain: exact unless it knew of others' beyond what both have, for it may
  /// have written before or after those.
  public func count(missingIn other: GTIDPosition) -> TransactionCount {
    var count = TransactionCount()
    for (origin, sequence) in missing(in: other).sequences {
      let known = other.sequences[origin] ?? 0
      let foreign = sequences.filter {
        $0.key.domain == origin.domain && $0.key.server != origin.server && $0.value > known
      }.values.max()
      let most = sequence - known
      count.add(
        least: foreign.map { $0 < sequence ? sequence - $0 : 1 } ?? most, most: most)
    }
    return count
  }

  public var isEmpty: Bool { sequences.isEmpty }

  private mutating func add(_ origin: Origin, _ sequence: UInt64) {
    sequences[origin] = max(sequence, sequences[origin] ?? 0)
  }
}

/// A number of transactions as far as GTIDs tell it.
public struct TransactionCount: Sendable, Equatable, CustomStringConvertible {
  public private(set) var least: UInt64 = 0
  public private(set) var most: UInt64 = 0

  public init() {}

  /// `3 transactions`, `1 to 7 transactions`.
  public var description: String {
    guard least == most else { return "\(least) to \(most) transactions" }
    return most == 1 ? "1 transaction" : "\(most) transactions"
  }

  /// Numbers of servers may be any: what is too much stays the most.
  mutating func add(least: UInt64, most: UInt64) {
    self.least = Self.sum(self.least, least)
    self.most = Self.sum(self.most, most)
  }

  private static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (sum, isTooMuch) = a.addingReportingOverflow(b)
    return isTooMuch ? .max : sum
  }
}
