import CNftables

/// The elements of a set as the kernel keeps them: half-open intervals, a start and an end each.
///
/// A lost end opens its interval up to the next boundary, and the kernel says nothing. So what is
/// packed is read back and compared with what was meant before it is sent.
enum ElementPacking {
  /// The length of an attribute has 16 bits, its own header and padding included.
  static let listByteLimit = 65_528 - 4

  /// Attribute lists that fit in a message each; the pairs of an interval stay together.
  static func lists(of set: NamedSet, byteLimit: Int = listByteLimit) -> [[UInt8]] {
    var lists: [[UInt8]] = []
    var list: [UInt8] = []
    // What lies before the first interval is marked as outside, as nft does.
    if set.key.isInterval, let first = set.elements.first, first.first > 0 {
      appendEnd(0, set.key, to: &list)
    }
    for element in set.elements {
      let start = list.count
      append(element, of: set, to: &list)
      guard list.count > byteLimit, start > 0 else { continue }
      lists.append(Array(list[..<start]))
      list.removeFirst(start)
    }
    if !list.isEmpty { lists.append(list) }
    return lists
  }

  /// Why `lists` would not make the kernel hold `set`; nil when they would.
  static func fault(in lists: [[UInt8]], of set: NamedSet) -> String? {
    let boundaries = lists.flatMap { Self.boundaries(in: $0[...]) }
    guard let elements = Self.elements(from: boundaries, set.key) else {
      return "the packed elements of \"\(set.name)\" lack a boundary"
    }
    guard elements == set.elements else {
      return "the packed elements of \"\(set.name)\" say something else than the policy"
    }
    return nil
  }
}

// MARK: Packing

extension ElementPacking {
  private static func append(
    _ element: NamedSet.Element, of set: NamedSet, to list: inout [UInt8]
  ) {
    let isOpen = set.key.isInterval && element.last == set.key.top
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
        var milliseconds: [UInt8] = []
        milliseconds.append(seconds * 1000, byteCount: 8, order: .network)
        list.appendAttribute(NFTA_SET_ELEM_TIMEOUT.rawValue, milliseconds)
      }
      // nft's mark for an interval that has no end because nothing lies beyond it.
      if isOpen { list.appendAttribute(NFTA_SET_ELEM_USERDATA.rawValue, [1, 4, 1, 0, 0, 0]) }
    }
    if set.key.isInterval, !isOpen { appendEnd(element.last + 1, set.key, to: &list) }
  }

  private static func appendEnd(_ key: UInt128, _ type: NamedSet.Key, to list: inout [UInt8]) {
    list.appendNested(NFTA_LIST_ELEM.rawValue) {
      $0.appendAttribute(
        NFTA_SET_ELEM_FLAGS.rawValue, number: UInt32(NFT_SET_ELEM_INTERVAL_END.rawValue))
      appendKey(key, type, to: &$0)
    }
  }

  private static func appendKey(_ key: UInt128, _ type: NamedSet.Key, to list: inout [UInt8]) {
    list.appendNested(NFTA_SET_ELEM_KEY.rawValue) {
      $0.append(UInt16(4 + type.byteCount), byteCount: 2, order: .host)
      $0.append(NFTA_DATA_VALUE.rawValue, byteCount: 2, order: .host)
      $0.append(key, byteCount: type.byteCount, order: .network)
      while $0.count % 4 != 0 { $0.append(0) }
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

  /// The intervals between boundaries, ascending; nil when starts and ends do not alternate.
  static func elements(
    from boundaries: [Boundary], _ key: NamedSet.Key
  ) -> [NamedSet.Element]? {
    // Where intervals touch, the end of the one comes before the start of the other.
    let sorted = boundaries.sorted { ($0.key, $0.isEnd ? 0 : 1) < ($1.key, $1.isEnd ? 0 : 1) }
    var elements: [NamedSet.Element] = []
    var open: Boundary?
    for boundary in sorted {
      switch (open, boundary.isEnd) {
      case (nil, true):
        // Only the mark before the first interval stands alone.
        guard boundary.key == 0, elements.isEmpty else { return nil }
      case (nil, false) where key.isInterval: open = boundary
      case (nil, false): elements.append(element(boundary, last: boundary.key))
      case (.some(let start), true):
        guard boundary.key > start.key else { return nil }
        elements.append(element(start, last: boundary.key - 1))
        open = nil
      case (.some, false): return nil
      }
    }
    if let open { elements.append(element(open, last: key.top)) }
    return elements
  }

  private static func element(_ start: Boundary, last: UInt128) -> NamedSet.Element {
    NamedSet.Element(
      first: start.key, last: last, timeoutSeconds: start.timeoutSeconds, chain: start.chain)
  }
}

extension ElementPacking.Boundary {
  /// One pass over the attributes: there are hundreds of thousands of them.
  fileprivate init?(reading element: NetlinkAttributes) {
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
      case NFTA_SET_ELEM_TIMEOUT.rawValue:
        timeoutSeconds = UInt64(truncatingIfNeeded: attribute.body.networkInteger) / 1000
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
