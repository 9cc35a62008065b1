import CNftables

/// The elements of a set as the kernel keeps them: half-open intervals, a start and an end each.
///
/// A lost end opens its interval up to the next boundary, and the kernel says nothing. So what is
/// packed is read back and compared with what was meant before it is sent.
enum ElementPacking {
  /// The length of an attribute has 16 bits, its own header and padding included.
  static let listByteLimit = 65_528 - 4

  /// At most what one element of the set takes, its end included.
  static func byteLimit(of set: NamedSet) -> Int {
    2 * (12 + max(4, set.key.byteCount)) + 8 + (set.hasTimeout ? 12 : 0) + 12
      + (set.isMap ? 20 + 260 : 0)
  }

  /// Appends elements from `start` on up to the limit of a list; returns where the next list begins.
  /// `isWhole`: all that the set will hold; else a change of it. `elementByteLimit`: of the set, by those who
  /// pack more than one list of it, since to work it out all elements are looked at.
  static func append(
    _ set: NamedSet, from start: Int, isWhole: Bool, to list: inout [UInt8],
    byteLimit: Int = listByteLimit, elementByteLimit: Int? = nil
  ) -> Int {
    let begin = list.count
    let room = byteLimit - (elementByteLimit ?? Self.byteLimit(of: set))
    // What lies before the first interval is marked as outside, as nft does.
    if isWhole, start == 0, set.isInterval, let first = set.elements.first, first.first > 0 {
      appendEnd(0, set.key, to: &list)
    }
    var index = start
    let count = set.elements.count
    let plain = set.plainIPv4
    while index < count, index == start || list.count - begin <= room {
      let fitting = max(1, (room - (list.count - begin)) / PlainIPv4.byteCount + 1)
      let run = PlainIPv4.run(of: plain, from: index, atMost: fitting)
      if run.isEmpty {
        append(set.elements[index], of: set, to: &list)
        index += 1
      } else {
        PlainIPv4.append(run, to: &list)
        index += run.count
      }
    }
    return index
  }

  /// Why `lists` would not make the kernel hold `set`; nil when they would.
  static func fault(in lists: [ArraySlice<UInt8>], of set: NamedSet) -> String? {
    var reading = IntervalReading(isInterval: set.isInterval, top: set.key.top)
    var index = 0
    var isSame = true
    let count = set.elements.count
    let plain = set.plainIPv4
    func check(_ element: SetElement?) {
      guard let element else { return }
      isSame = isSame && index < count && element == set.elements[index]
      index += 1
    }
    for list in lists {
      let bytes = list.span
      var offset = 0
      while true {
        if reading.isBetween {
          let same = PlainIPv4.matching(bytes, &offset, plain, from: index)
          if same > 0 { reading.skip() }
          index += same
        }
        guard let element = PackedElement.next(bytes, &offset) else { break }
        guard let boundary = element.boundary(bytes) else {
          return "an element of \"\(set.name)\" was packed without its key"
        }
        guard reading.take(boundary, check) else {
          return "the packed elements of \"\(set.name)\" lack a boundary"
        }
      }
    }
    check(reading.rest)
    return isSame && index == count
      ? nil : "the packed elements of \"\(set.name)\" say something else than the policy"
  }
}

// MARK: Packing

extension ElementPacking {
  private static func append(
    _ element: SetElement, of set: NamedSet, to list: inout [UInt8]
  ) {
    let isOpen = set.isInterval && element.last == set.key.top
    list.appendNested(NFTA_LIST_ELEM.rawValue) { list in
      appendKey(element.first, set.key, to: &list)
      if let chain = element.chain {
        list.appendNested(NFTA_SET_ELEM_DATA.rawValue) {
          $0.appendNested(NFTA_DATA_VERDICT.rawValue) {
            $0.appendAttribute(
              NFTA_VERDICT_CODE.rawValue, number: UInt32(bitPattern: NFT_JUMP.rawValue))
            $0.appendAttribute(NFTA_VERDICT_CHAIN.rawValue, text: chain)
          }
        }
      }
      if let seconds = element.timeoutSeconds {
        list.append(UInt16(12), byteCount: 2, order: .host)
        list.append(NFTA_SET_ELEM_TIMEOUT.rawValue, byteCount: 2, order: .host)
        list.append(seconds.milliseconds, byteCount: 8, order: .network)
      }
      // nft's mark for an interval that has no end because nothing lies beyond it.
      if isOpen { list.appendAttribute(NFTA_SET_ELEM_USERDATA.rawValue, [1, 4, 1, 0, 0, 0]) }
    }
    if set.isInterval, !isOpen { appendEnd(element.last + 1, set.key, to: &list) }
  }

  static func appendEnd(_ key: UInt128, _ type: NamedSet.Key, to list: inout [UInt8]) {
    list.appendNested(NFTA_LIST_ELEM.rawValue) {
      $0.appendAttribute(
        NFTA_SET_ELEM_FLAGS.rawValue, number: UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue))
      appendKey(key, type, to: &$0)
    }
  }

  static func appendKey(_ key: UInt128, _ type: NamedSet.Key, to list: inout [UInt8]) {
    list.appendNested(NFTA_SET_ELEM_KEY.rawValue) {
      $0.append(UInt16(4 + type.byteCount), byteCount: 2, order: .host)
      $0.append(NFTA_DATA_VALUE.rawValue, byteCount: 2, order: .host)
      if type.byteCount == 4 {
        $0.append(UInt32(truncatingIfNeeded: key), byteCount: 4, order: .network)
      } else {
        $0.append(key, byteCount: type.byteCount, order: .network)
        while $0.count % 4 != 0 { $0.append(0) }
      }
    }
  }
}

// MARK: Reading back

extension ElementPacking {
  /// Where an interval starts or ends, as the kernel has it.
  struct Boundary: Equatable {
    var key: UInt128
    var isEnd: Bool
    var timeoutSeconds: UInt64?
    var chain: String?
  }

  static func boundaries(in list: ArraySlice<UInt8>) -> [Boundary] {
    var boundaries: [Boundary] = []
    for element in NetlinkAttributes(bytes: list) {
      if let boundary = Boundary(reading: NetlinkAttributes(bytes: element.body)) {
        boundaries.append(boundary)
      }
    }
    return boundaries
  }

  /// The intervals between boundaries, ascending; nil when starts and ends do not alternate, or a
  /// key is none of the set's.
  static func elements(
    from boundaries: [Boundary], of set: (key: NamedSet.Key, isInterval: Bool),
    mayLackStarts: Bool = false
  ) -> [SetElement]? {
    guard boundaries.allSatisfy({ $0.key <= set.key.top }) else { return nil }
    // Where intervals touch, the end of the one comes before the start of the other.
    let sorted = boundaries.sorted { ($0.key, $0.isEnd ? 0 : 1) < ($1.key, $1.isEnd ? 0 : 1) }
    var reading = IntervalReading(
      isInterval: set.isInterval, top: set.key.top, mayLackStarts: mayLackStarts)
    var elements: [SetElement] = []
    for boundary in sorted {
      // A hash set that grows while it is listed may tell of an element twice.
      if !set.isInterval, elements.last?.first == boundary.key { continue }
      guard reading.take(boundary, { elements.append($0) }) else { return nil }
    }
    if let rest = reading.rest { elements.append(rest) }
    return elements
  }
}

/// Makes intervals of ascending boundaries.
private struct IntervalReading {
  let isInterval: Bool
  let top: UInt128
  /// Where elements time out: of one whose time is over the kernel lists the end, but not the start.
  let mayLackStarts: Bool
  private var open: ElementPacking.Boundary?
  private var isBegun = false

  init(isInterval: Bool, top: UInt128, mayLackStarts: Bool = false) {
    self.isInterval = isInterval
    self.top = top
    self.mayLackStarts = mayLackStarts
  }

  /// False when a start or an end is missing.
  mutating func take(
    _ boundary: ElementPacking.Boundary, _ found: (SetElement) -> Void
  ) -> Bool {
    defer { isBegun = true }
    guard isInterval else {
      found(Self.element(boundary, last: boundary.key))
      return !boundary.isEnd
    }
    guard let start = open else {
      if !boundary.isEnd { open = boundary }
      // Else only the mark before the first interval stands alone.
      return !boundary.isEnd || (boundary.key == 0 && !isBegun) || mayLackStarts
    }
    guard boundary.isEnd, boundary.key > start.key else { return false }
    found(Self.element(start, last: boundary.key - 1))
    open = nil
    return true
  }

  /// Whether no interval is begun.
  var isBetween: Bool { isInterval && open == nil }

  /// Over whole intervals that somebody else has read.
  mutating func skip() { isBegun = true }

  /// What was begun and has no end: it reaches to the top.
  var rest: SetElement? { open.map { Self.element($0, last: top) } }

  private static func element(
    _ start: ElementPacking.Boundary, last: UInt128
  ) -> SetElement {
    SetElement(
      first: start.key, last: last, timeoutSeconds: start.timeoutSeconds, chain: start.chain)
  }
}

extension ElementPacking.Boundary {
  /// One pass over the attributes: there are hundreds of thousands of them.
  init?(reading element: NetlinkAttributes) {
    var key: UInt128?
    isEnd = false
    for attribute in element {
      switch UInt32(attribute.type) {
      case NFTA_SET_ELEM_KEY.rawValue:
        key =
          NetlinkAttributes(bytes: attribute.body).first(NFTA_DATA_VALUE.rawValue)?
          .networkInteger
      case NFTA_SET_ELEM_FLAGS.rawValue:
        isEnd = attribute.body.networkInteger & UInt128(NFT_SET_ELEM_INTERVAL_END.rawValue) != 0
      case NFTA_SET_ELEM_TIMEOUT.rawValue where timeoutSeconds == nil,
        NFTA_SET_ELEM_EXPIRATION.rawValue:
        // What is left of the timeout counts, where the kernel says it.
        timeoutSeconds = (UInt64(truncatingIfNeeded: attribute.body.networkInteger) &+ 999) / 1000
      case NFTA_SET_ELEM_DATA.rawValue:
        chain = NetlinkAttributes(bytes: attribute.body).nested(NFTA_DATA_VERDICT.rawValue)?
          .string(NFTA_VERDICT_CHAIN.rawValue)
      default: break
      }
    }
    guard let key else { return nil }
    self.key = key
  }
}
