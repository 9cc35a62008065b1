/// Addresses from one to another, both included, until a Unix time in seconds.
public struct AddressInterval<Bits: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable,
  Equatable
{
  public var first: Bits
  public var last: Bits
  /// Lists have millions of these: an optional would take half as much memory again.
  private var end: Int64

  /// Never ends by itself when nil.
  public var until: Int64? {
    get { end == .max ? nil : end }
    set { end = newValue ?? .max }
  }

  public init(first: Bits, last: Bits, until: Int64? = nil) {
    self.first = first
    self.last = last
    end = until ?? .max
  }
}

/// A set of IPv4 and IPv6 addresses: disjoint intervals in order, as few as their ends allow.
public struct AddressSet: Sendable, Equatable {
  public internal(set) var ipv4: [AddressInterval<UInt32>]
  public internal(set) var ipv6: [AddressInterval<UInt128>]

  public init() {
    ipv4 = []
    ipv6 = []
  }

  /// From any intervals: where several cover an address, the latest end counts.
  public init(ipv4: [AddressInterval<UInt32>], ipv6: [AddressInterval<UInt128>]) {
    self.ipv4 = Intervals.normalise(ipv4)
    self.ipv6 = Intervals.normalise(ipv6)
  }

  /// Of many at once: added one by one, each would have all the others sorted anew.
  init(union sets: [AddressSet]) {
    if sets.count == 1 {
      self = sets[0]
    } else {
      self.init(ipv4: sets.flatMap(\.ipv4), ipv6: sets.flatMap(\.ipv6))
    }
  }

  public static let any = AddressSet(
    ipv4: [AddressInterval(first: .min, last: .max)],
    ipv6: [AddressInterval(first: .min, last: .max)])

  public var isEmpty: Bool { ipv4.isEmpty && ipv6.isEmpty }

  public func union(_ other: AddressSet) -> AddressSet {
    if isEmpty { return other }
    if other.isEmpty { return self }
    return AddressSet(ipv4: ipv4 + other.ipv4, ipv6: ipv6 + other.ipv6)
  }

  /// All addresses of this set that are not in the other, whenever the other's may end: what is
  /// taken out comes back only by a new evaluation.
  public func subtracting(_ other: AddressSet) -> AddressSet {
    AddressSet(
      ipv4: Intervals.subtract(other.ipv4, from: ipv4),
      ipv6: Intervals.subtract(other.ipv6, from: ipv6))
  }

  public func intersects(_ other: AddressSet) -> Bool {
    self != subtracting(other)
  }

  /// Addresses of both sets that end at different times.
  public func endingApart(from other: AddressSet) -> AddressSet {
    AddressSet(
      ipv4: Intervals.endingApart(ipv4, other.ipv4), ipv6: Intervals.endingApart(ipv6, other.ipv6))
  }

  /// Whether nothing would be left without the other's addresses.
  func isCovered(by other: AddressSet) -> Bool {
    Intervals.isCovered(ipv4, by: other.ipv4) && Intervals.isCovered(ipv6, by: other.ipv6)
  }

  /// Without what has ended by then.
  public func remaining(at time: Int64) -> AddressSet {
    let hasEnds = ipv4.contains { $0.until != nil } || ipv6.contains { $0.until != nil }
    return !hasEnds
      ? self
      : AddressSet(
        ipv4: ipv4.filter { $0.until.map { $0 > time } ?? true },
        ipv6: ipv6.filter { $0.until.map { $0 > time } ?? true })
  }

  public func contains(_ address: Address, at time: Int64) -> Bool {
    switch address {
    case .ipv4(let bits): Intervals.contains(bits, ipv4, time)
    case .ipv6(let bits): Intervals.contains(bits, ipv6, time)
    }
  }

  /// The addresses of one network.
  public init(_ network: Network, until: Int64? = nil) {
    self.init()
    switch network {
    case .ipv4(let bits, let prefix):
      let host = prefix >= 32 ? 0 : UInt32.max >> UInt32(prefix)
      ipv4 = [AddressInterval(first: bits & ~host, last: bits | host, until: until)]
    case .ipv6(let bits, let prefix):
      let host = prefix >= 128 ? 0 : UInt128.max >> UInt128(prefix)
      ipv6 = [AddressInterval(first: bits & ~host, last: bits | host, until: until)]
    }
  }
}

/// An address without a port.
public enum Address: Sendable, Hashable {
  case ipv4(UInt32)
  case ipv6(UInt128)
}

/// The algebra on sorted intervals.
enum Intervals {
  /// Disjoint and sorted; neighbours with the same end are one.
  static func normalise<Bits>(_ list: [AddressInterval<Bits>]) -> [AddressInterval<Bits>] {
    guard list.count > 1 else { return list }
    let until = list[0].until
    if list.allSatisfy({ $0.until == until }) { return merge(list) }
    // The longest-lived first, each later one only where none before it covers: so every address
    // gets the latest end. Few distinct ends exist, so this is one merge for each.
    let ends = Dictionary(grouping: list) { $0.until }
    var covered: [AddressInterval<Bits>] = []
    for end in ends.keys.sorted(by: { ($0 ?? .max) > ($1 ?? .max) }) {
      let merged = merge(ends[end] ?? [])
      let new = covered.isEmpty ? merged : subtract(covered, from: merged)
      covered = mergeSorted(covered, new)
    }
    return joined(covered)
  }

  /// `list` without every address of `other`; both disjoint and sorted.
  static func subtract<Bits>(
    _ other: [AddressInterval<Bits>], from list: [AddressInterval<Bits>]
  ) -> [AddressInterval<Bits>] {
    var result: [AddressInterval<Bits>] = []
    var position = 0
    for interval in list {
      var first = interval.first
      var isOver = false
      while position < other.count, other[position].last < first { position += 1 }
      var index = position
      while index < other.count, other[index].first <= interval.last {
        if other[index].first > first {
          result.append(
            AddressInterval(first: first, last: other[index].first - 1, until: interval.until))
        }
        guard other[index].last < interval.last else {
          isOver = true
          break
        }
        first = max(first, other[index].last + 1)
        index += 1
      }
      if !isOver {
        result.append(AddressInterval(first: first, last: interval.last, until: interval.until))
      }
    }
    return result
  }

  /// What both cover with different ends; both disjoint and sorted.
  static func endingApart<Bits>(
    _ list: [AddressInterval<Bits>], _ other: [AddressInterval<Bits>]
  ) -> [AddressInterval<Bits>] {
    var result: [AddressInterval<Bits>] = []
    var index = 0
    var otherIndex = 0
    while index < list.count, otherIndex < other.count {
      let (one, two) = (list[index], other[otherIndex])
      let first = max(one.first, two.first)
      let last = min(one.last, two.last)
      if first <= last, one.until != two.until {
        result.append(AddressInterval(first: first, last: last))
      }
      if one.last < two.last { index += 1 } else { otherIndex += 1 }
    }
    return result
  }

  /// Whether none is turned around or reaches into the next one.
  static func isAscending<Bits>(_ list: ArraySlice<AddressInterval<Bits>>) -> Bool {
    var previous: Bits?
    for interval in list {
      guard interval.first <= interval.last, previous.map({ $0 < interval.first }) ?? true else {
        return false
      }
      previous = interval.last
    }
    return true
  }

  /// Whether every address of `list` is one of `other`; both disjoint and sorted.
  static func isCovered<Bits>(
    _ list: [AddressInterval<Bits>], by other: [AddressInterval<Bits>]
  ) -> Bool {
    var index = 0
    for interval in list {
      var first = interval.first
      while true {
        while index < other.count, other[index].last < first { index += 1 }
        guard index < other.count, other[index].first <= first else { return false }
        guard other[index].last < interval.last else { break }
        first = other[index].last + 1
      }
    }
    return true
  }

  static func contains<Bits>(
    _ bits: Bits, _ list: [AddressInterval<Bits>], _ time: Int64
  ) -> Bool {
    var low = 0
    var high = list.count
    while low < high {
      let middle = (low + high) / 2
      if list[middle].last < bits { low = middle + 1 } else { high = middle }
    }
    guard low < list.count, list[low].first <= bits else { return false }
    return list[low].until.map { $0 > time } ?? true
  }

  /// Intervals of one end, overlapping and touching ones made one.
  private static func merge<Bits>(_ list: [AddressInterval<Bits>]) -> [AddressInterval<Bits>] {
    // Feeds come in order, mostly, and without overlaps: then there is nothing to copy.
    var isSorted = true
    var isApart = true
    for (one, next) in zip(list, list.dropFirst()) {
      isSorted = isSorted && one.first <= next.first
      isApart = isApart && one.last < next.first && next.first - one.last > 1
    }
    if isSorted, isApart { return list }
    var result: [AddressInterval<Bits>] = []
    for next in isSorted ? list : list.sorted(by: { $0.first < $1.first }) {
      guard let last = result.last, next.first <= last.last || next.first - 1 == last.last else {
        result.append(next)
        continue
      }
      result[result.count - 1].last = max(last.last, next.last)
    }
    return result
  }

  private static func mergeSorted<Bits>(
    _ a: [AddressInterval<Bits>], _ b: [AddressInterval<Bits>]
  ) -> [AddressInterval<Bits>] {
    guard !a.isEmpty else { return b }
    return (a + b).sorted { $0.first < $1.first }
  }

  private static func joined<Bits>(_ list: [AddressInterval<Bits>]) -> [AddressInterval<Bits>] {
    var result: [AddressInterval<Bits>] = []
    for next in list {
      if let last = result.last, last.until == next.until, next.first - 1 == last.last {
        result[result.count - 1].last = next.last
      } else {
        result.append(next)
      }
    }
    return result
  }
}
