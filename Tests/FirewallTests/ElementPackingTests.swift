import Testing

@testable import Firewall

struct ElementPackingTests {
  private static let ones = UInt128.max

  @Test(
    arguments: [
      (NamedSet.Key.ipv4, [(0, 0xffff_ffff)], "0+ open"),
      (.ipv4, [(0, 0)], "0+ 1-"),
      (.ipv4, [(0xffff_ffff, 0xffff_ffff)], "0- ffffffff+ open"),
      (.ipv4, [(0xff00_0000, 0xffff_ffff)], "0- ff000000+ open"),
      (.ipv4, [(0x0a00_0000, 0x0aff_ffff)], "0- a000000+ b000000-"),
      (.ipv4, [(1, 2), (3, 4)], "0- 1+ 3- 3+ 5-"),
      (.ipv4, [(1, 2), (9, 9)], "0- 1+ 3- 9+ a-"),
      (.ipv6, [(0, ones)], "0+ open"),
      (.ipv6, [(ones, ones)], "0- \(String(ones, radix: 16))+ open"),
      (.ipv6, [(1 << 64, (1 << 64) + 1)], "0- 10000000000000000+ 10000000000000002-"),
      (.service, [(80, 80), (8000, 8010)], "0- 50+ 51- 1f40+ 1f4b-"),
      (.service, [(0, 65535)], "0+ open"),
      (.service, [(65535, 65535)], "0- ffff+ open"),
      (.icmpType, [(3, 3), (255, 255)], "3+ ff+"),
    ] as [(NamedSet.Key, [(UInt128, UInt128)], String)])
  func `packs intervals as starts and ends`(
    _ key: NamedSet.Key, _ intervals: [(UInt128, UInt128)], _ expected: String
  ) {
    let set = Self.set(key, intervals)
    let lists = Self.lists(of: set)
    #expect(lists.map { Self.text($0) } == [expected])
    #expect(Self.fault(in: lists, of: set) == nil)
  }

  @Test func `packs an interval of addresses in 40 bytes, in the network's order`() {
    let list = Self.lists(of: Self.set(.ipv4, [(0, 0x0a00_0001)]))
    #expect(
      list == [
        [
          16, 0, 1, 0x80, 12, 0, 1, 0x80, 8, 0, 1, 0, 0, 0, 0, 0,
          24, 0, 1, 0x80, 8, 0, 3, 0, 0, 0, 0, 1, 12, 0, 1, 0x80, 8, 0, 1, 0, 10, 0, 0, 2,
        ]
      ])
  }

  @Test func `splits long lists between intervals`() {
    let set = Self.set(.ipv4, (1...4000).map { (UInt128($0 * 4), UInt128($0 * 4 + 1)) })
    let lists = Self.lists(of: set)
    #expect(lists.count == 3)
    for list in lists {
      #expect(list.count + 4 <= 65_535)
      let boundaries = ElementPacking.boundaries(in: list[...]).drop { $0.isEnd }
      #expect(boundaries.count.isMultiple(of: 2))
    }
    #expect(Self.fault(in: lists, of: set) == nil)
  }

  @Test(arguments: [-1, 0, 1])
  func `splits where one more interval would not fit`(_ spare: Int) {
    let set = Self.set(.ipv4, [(0, 1), (4, 5), (8, 9)])
    let lists = Self.lists(of: set, byteLimit: 92 + spare)
    #expect(lists.map(\.count) == (spare < 0 ? [40, 40, 40] : [80, 40]))
    #expect(Self.fault(in: lists, of: set) == nil)
  }

  @Test func `notices every boundary that is lost`() {
    let set = Self.set(.ipv4, [(1, 2), (3, 4), (0x0a00_0000, 0x0aff_ffff)])
    let whole = Self.lists(of: set)[0]
    var offsets = [0]
    while let last = offsets.last, last < whole.count {
      offsets.append(last + Int(whole[last]))
    }
    // The first boundary only says that nothing starts at zero.
    for index in 1..<(offsets.count - 1) {
      var list = whole
      list.removeSubrange(offsets[index]..<offsets[index + 1])
      #expect(Self.fault(in: [list], of: set) != nil, "boundary \(index) was lost")
    }
  }

  /// Plain intervals are packed and read in runs; those with ends between them, and the last one of all, are not.
  @Test(arguments: [0, 1])
  func `runs of plain intervals are the same bytes as one by one`(_ endEvery: Int) {
    var intervals: [AddressInterval<UInt32>] = []
    for index in UInt32(0)..<5000 {
      let until: Int64? = endEvery > 0 && index % 700 == 3 ? 60 : nil
      intervals.append(
        AddressInterval(first: index * 1000, last: index * 1000 + index % 900, until: until))
    }
    intervals.append(AddressInterval(first: .max - 5, last: .max))
    let set = NamedSet(name: "s", key: .ipv4, elements: SetElements.ipv4(intervals[...], time: 0))
    var plain = set
    plain.elements = .list(set.elements.list)
    let lists = Self.lists(of: set)
    #expect(lists == Self.lists(of: plain))
    #expect(set.fault == nil && plain.fault == nil)
    #expect(Self.fault(in: lists, of: set) == nil && Self.fault(in: lists, of: plain) == nil)
    var other = intervals
    other[2000].last -= 1
    let others = NamedSet(name: "s", key: .ipv4, elements: SetElements.ipv4(other[...], time: 0))
    #expect(Self.fault(in: lists, of: others) != nil)
    #expect(Self.fault(in: Array(lists.dropLast()), of: set) != nil)
    other.swapAt(7, 8)
    #expect(
      NamedSet(name: "s", key: .ipv4, elements: SetElements.ipv4(other[...], time: 0)).fault != nil)
  }

  @Test func `notices every bit that is another one in a run`() {
    let intervals: [AddressInterval<UInt32>] = [
      .init(first: 4, last: 5), .init(first: 0x0a00_0000, last: 0x0aff_ffff),
      .init(first: 0x0b00_0001, last: 0x0b00_0001),
    ]
    let set = NamedSet(name: "s", key: .ipv4, elements: SetElements.ipv4(intervals[...], time: 0))
    let whole = Self.lists(of: set)[0]
    // Netlink has no use for two bits of a type, and none of the mark's before the first interval.
    for index in 24..<whole.count {
      for bit in 0..<8 where !(index % 4 == 3 && bit >= 6) {
        var list = whole
        list[index] ^= 1 << bit
        let boundaries = ElementPacking.boundaries(in: list[...])
        guard boundaries != ElementPacking.boundaries(in: whole[...]) else { continue }
        #expect(Self.fault(in: [list], of: set) != nil, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test func `tells what cannot be kept`() {
    #expect(Self.set(.ipv4, [(1, 4), (4, 5)]).fault != nil)
    #expect(Self.set(.ipv4, [(2, 1)]).fault != nil)
    #expect(Self.set(.service, [(1, 65536)]).fault != nil)
    #expect(Self.set(.icmpType, [(1, 2)]).fault != nil)
    #expect(Self.set(.ipv4, [(1, 3), (4, 5)]).fault == nil)
  }

  @Test func `carries chains and time limits`() {
    let element = SetElement(first: 80, last: 90, timeoutSeconds: 60, chain: "svc_web")
    let set = NamedSet(name: "m", key: .service, isMap: true, elements: [element])
    let boundaries = ElementPacking.boundaries(in: Self.lists(of: set)[0][...])
    #expect(ElementPacking.elements(from: boundaries, of: (.service, true)) == [element])
  }

  @Test func `takes an element that the kernel tells twice for one`() {
    let boundaries = [2, 1, 2].map { ElementPacking.Boundary(key: $0, isEnd: false) }
    let elements = ElementPacking.elements(from: boundaries, of: (.ipv4, false))
    #expect(elements == [SetElement(first: 1, last: 1), SetElement(first: 2, last: 2)])
  }

  @Test func `takes no key that is none of the set's`() {
    let boundary = ElementPacking.Boundary(key: 1 << 32, isEnd: false)
    #expect(ElementPacking.elements(from: [boundary], of: (.ipv4, true)) == nil)
  }

  @Test func `subtracts intervals`() {
    func elements(_ intervals: [(UInt128, UInt128)]) -> [SetElement] {
      Self.set(.ipv4, intervals).elements.list
    }
    let rest = LiveRuleset.subtract(
      elements([(0, 2), (5, 6), (8, 20), (30, 30)]), from: elements([(1, 10), (12, 13), (25, 40)]))
    #expect(rest == elements([(3, 4), (7, 7), (25, 29), (31, 40)]))
  }

  private static func lists(
    of set: NamedSet, byteLimit: Int = ElementPacking.listByteLimit
  ) -> [[UInt8]] {
    var lists: [[UInt8]] = []
    var index = 0
    while index < set.elements.count {
      var list: [UInt8] = []
      index = ElementPacking.append(
        set, from: index, isWhole: true, to: &list, byteLimit: byteLimit)
      lists.append(list)
    }
    return lists
  }

  private static func fault(in lists: [[UInt8]], of set: NamedSet) -> String? {
    ElementPacking.fault(in: lists.map { $0[...] }, of: set)
  }

  private static func set(_ key: NamedSet.Key, _ intervals: [(UInt128, UInt128)]) -> NamedSet {
    NamedSet(
      name: "s", key: key,
      elements: intervals.map { SetElement(first: $0.0, last: $0.1) })
  }

  private static func text(_ list: [UInt8]) -> String {
    let boundaries = ElementPacking.boundaries(in: list[...])
    let words = boundaries.map { "\(String($0.key, radix: 16))\($0.isEnd ? "-" : "+")" }
    let isOpen =
      list.suffix(6) == [1, 4, 1, 0, 0, 0] || list.suffix(8) == [1, 4, 1, 0, 0, 0, 0, 0]
    return (words + (isOpen ? ["open"] : [])).joined(separator: " ")
  }
}
