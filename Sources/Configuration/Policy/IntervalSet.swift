import Proxy

/// Disjoint sorted intervals of addresses, each until a Unix time (`Int64.max`: for ever).
struct IntervalSet<Bits: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
  struct Span: Sendable {
    var first: Bits
    var last: Bits
    var until: Int64
  }

  private(set) var spans: [Span] = []

  init() {}

  init(_ span: Span) { spans = [span] }

  static var all: IntervalSet { IntervalSet(Span(first: .min, last: .max, until: .max)) }

  /// What is in one of them, until the later of the ends.
  static func union(_ sets: ArraySlice<IntervalSet>) -> IntervalSet {
    guard sets.count > 1, let first = sets.first else { return sets.first ?? IntervalSet() }
    let middle = sets.startIndex + sets.count / 2
    if sets.count == 2, let second = sets.last { return first.union(second) }
    return union(sets[..<middle]).union(union(sets[middle...]))
  }

  func union(_ other: IntervalSet) -> IntervalSet {
    merged(with: other) { a, b in a > b ? a : b }
  }

  /// What ends in `other` stays out even then, until the policy is read again.
  func subtracting(_ other: IntervalSet) -> IntervalSet {
    merged(with: other) { a, b in b > .min ? .min : a }
  }

  var accessIntervals: [AccessRules.Interval<Bits>] {
    spans.map { .init(first: $0.first, last: $0.last, until: $0.until == .max ? nil : $0.until) }
  }

  /// Combines the ends over every stretch in which neither set changes; `Int64.min` is "not in".
  private func merged(with other: IntervalSet, _ combine: (Int64, Int64) -> Int64) -> IntervalSet {
    var starts: [Bits] = []
    for span in spans + other.spans {
      starts.append(span.first)
      if span.last < .max { starts.append(span.last + 1) }
    }
    starts.sort()
    var result = IntervalSet()
    var here = 0
    var there = 0
    for (index, start) in starts.enumerated() {
      let next = index + 1 < starts.count ? starts[index + 1] : nil
      guard next != start else { continue }
      let until = combine(self.until(start, &here), other.until(start, &there))
      if until > .min { result.append(start, (next ?? .min) &- 1, until) }
    }
    return result
  }

  /// The end of what covers `bits`; `index` only moves forward.
  private func until(_ bits: Bits, _ index: inout Int) -> Int64 {
    while index < spans.count, spans[index].last < bits { index += 1 }
    return index < spans.count && spans[index].first <= bits ? spans[index].until : .min
  }

  private mutating func append(_ first: Bits, _ last: Bits, _ until: Int64) {
    if let end = spans.indices.last, spans[end].last < first, spans[end].last + 1 == first,
      spans[end].until == until
    {
      spans[end].last = last
    } else {
      spans.append(Span(first: first, last: last, until: until))
    }
  }
}
