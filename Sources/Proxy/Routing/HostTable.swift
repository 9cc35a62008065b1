/// Names -> numbers: an open-addressed hash over flat bytes, so that a lookup makes no object.
struct HostTable {
  private var names: [[UInt8]] = []
  private var values: [Int] = []
  /// Index into `names` plus one; 0 is free.
  private var slots: [Int32] = [0, 0]

  /// The number that the name already has, or `value`, which it has from now on.
  mutating func insert(_ name: [UInt8], _ value: Int) -> Int {
    if let known = find(name.span) { return known }
    names.append(name)
    values.append(value)
    if names.count * 2 > slots.count {
      slots = [Int32](repeating: 0, count: slots.count * 4)
      for index in names.indices { place(index) }
    } else {
      place(names.count - 1)
    }
    return value
  }

  func find(_ name: Span<UInt8>) -> Int? {
    var slot = Self.hash(name) & (slots.count - 1)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      let known = names[index]
      if FieldValue.isSameName(known.span, name) { return values[index] }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  private mutating func place(_ index: Int) {
    let name = names[index]
    var slot = Self.hash(name.span) & (slots.count - 1)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = Int32(index + 1)
  }

  /// FNV-1a. The names come from the file, so nobody outside can make them collide.
  private static func hash(_ name: Span<UInt8>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in name.indices {
      hash = (hash ^ UInt64(FieldValue.folded(name[index]))) &* 0x0000_0100_0000_01b3
    }
    return Int(truncatingIfNeeded: hash >> 1)
  }

  /// A name as it is kept: lower case, no trailing dot.
  static func key(_ name: some Sequence<UInt8>) -> [UInt8] {
    var bytes = name.map { FieldValue.folded($0) }
    if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
    return bytes
  }

  @_lifetime(copy host)
  static func withoutLastDot(_ host: Span<UInt8>) -> Span<UInt8> {
    guard host.count > 1, host[host.count - 1] == UInt8(ascii: ".") else { return host }
    return host.extracting(0..<host.count - 1)
  }

  /// What follows the first label, which must not be empty.
  @_lifetime(copy name)
  static func parent(of name: Span<UInt8>) -> Span<UInt8>? {
    for index in name.indices where name[index] == UInt8(ascii: ".") {
      return index > 0 ? name.extracting((index + 1)...) : nil
    }
    return nil
  }
}
