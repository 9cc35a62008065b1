import Testing

@testable import Firewall

struct AddressSetTests {
  /// A bitmap of a small world says the same.
  @Test func `sets of intervals agree with counting`() {
    var state: UInt64 = 7
    func random(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    // The world lies at the upper edge, where a last address has no next one.
    let base = UInt32.max - 255
    func some() -> (set: AddressSet, ends: [Int64]) {
      var ends = [Int64](repeating: .min, count: 256)
      var intervals: [AddressInterval<UInt32>] = []
      for _ in 0..<random(8) {
        let first = random(256)
        let last = min(255, first + random(40))
        let until = random(3) == 0 ? nil : Int64(random(4))
        intervals.append(
          AddressInterval(first: base + UInt32(first), last: base + UInt32(last), until: until))
        for bits in first...last { ends[bits] = max(ends[bits], until ?? .max) }
      }
      return (AddressSet(ipv4: intervals, ipv6: []), ends)
    }
    func ends(_ set: AddressSet) -> [Int64] {
      var ends = [Int64](repeating: .min, count: 256)
      for interval in set.ipv4 {
        for bits in interval.first...interval.last {
          ends[Int(bits - base)] = interval.until ?? .max
        }
      }
      return ends
    }
    for _ in 0..<1000 {
      let (a, aEnds) = some()
      let (b, bEnds) = some()
      #expect(ends(a) == aEnds)
      #expect(ends(a.union(b)) == zip(aEnds, bEnds).map { max($0, $1) })
      #expect(ends(a.subtracting(b)) == zip(aEnds, bEnds).map { $1 > .min ? .min : $0 })
      let overlap = zip(aEnds, bEnds).contains { $0 > .min && $1 > .min }
      #expect(a.intersects(b) == overlap)
      let isCovered = zip(aEnds, bEnds).allSatisfy { $0 == .min || $1 > .min }
      #expect(a.isCovered(by: b) == isCovered)
      for (offset, end) in aEnds.enumerated() {
        let address = Address.ipv4(base + UInt32(offset))
        #expect(a.contains(address, at: 2) == (end > 2))
      }
    }
  }

  @Test func `intervals are disjoint, in order, and as few as their ends allow`() {
    let set = AddressSet(
      ipv4: [
        AddressInterval(first: 10, last: 20), AddressInterval(first: 21, last: 30),
        AddressInterval(first: 15, last: 40, until: 7), AddressInterval(first: 5, last: 5),
      ], ipv6: [])
    #expect(
      set.ipv4 == [
        AddressInterval(first: 5, last: 5), AddressInterval(first: 10, last: 30),
        AddressInterval(first: 31, last: 40, until: 7),
      ])
  }

  @Test(arguments: [
    ("0.0.0.0/0", UInt32.min, UInt32.max), ("255.255.255.255", UInt32.max, UInt32.max),
    ("0.0.0.0", 0, 0), ("128.0.0.0/1", 0x8000_0000, UInt32.max),
    ("10.0.0.4/30", 0x0a00_0004, 0x0a00_0007),
  ])
  func `a network is the addresses of its prefix`(_ text: String, _ first: UInt32, _ last: UInt32)
    throws
  {
    let set = AddressSet(try Network(parsing: text))
    #expect(set.ipv4 == [AddressInterval(first: first, last: last)])
    #expect("\(try Network(parsing: text))" == text)
  }

  @Test func `everything of IPv6 is one interval`() throws {
    #expect(AddressSet(try Network(parsing: "::/0")).ipv6 == AddressSet.any.ipv6)
  }

  @Test func `a list is read as it was written, in pieces`() {
    let set = AddressSet(
      ipv4: (0..<60_000).map { .init(first: $0 * 70_000, last: $0 * 70_000 + $0 % 4000) }
        + [.init(first: .max, last: .max)],
      ipv6: [.init(first: 0, last: 0), .init(first: 0x2001 << 112, last: .max)])
    var bytes: [UInt8] = []
    var pieces = 0
    set.write {
      bytes += $0
      pieces += 1
    }
    #expect(pieces > 1)
    #expect(AddressSet(kept: bytes, isText: false) == set)
    for index in [0, 8, 23, 24, 5000, bytes.count - 40, bytes.count - 1] {
      var damaged = bytes
      damaged[index] ^= 0x10
      #expect(AddressSet(kept: damaged, isText: false) == nil, "byte \(index)")
    }
    for length in [0, 1, 7, 24, 31, bytes.count - 8, bytes.count - 1] {
      #expect(
        AddressSet(kept: Array(bytes.prefix(length)), isText: false) == nil, "\(length) bytes")
    }
    #expect(AddressSet(kept: bytes + [0, 0, 0, 0, 0, 0, 0, 0], isText: false) == nil)
  }

  @Test func `a list that an older version has kept as text is read`() {
    let text = "1.2.3.4-1.2.3.5\n10.0.0.0-10.255.255.255\n2001:db8::-2001:db8::f\n"
    let set = AddressSet(
      ipv4: [
        .init(first: 0x0102_0304, last: 0x0102_0305), .init(first: 0x0a00_0000, last: 0x0aff_ffff),
      ], ipv6: [.init(first: 0x2001_0db8 << 96, last: 0x2001_0db8 << 96 | 0xf)])
    #expect(AddressSet(kept: Array(text.utf8), isText: true) == set)
    for text in ["1.2.3.4", "1.2.3.4-1.2.3", "2.0.0.0-1.0.0.0", "x-y", "1.2.3.4-::1", "-"] {
      #expect(AddressSet(kept: Array(text.utf8), isText: true) == nil, "\(text)")
    }
  }
}
