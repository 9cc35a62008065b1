@testable import Firewall

/// A set that is packed and read back is the same set, and a lost boundary never goes unnoticed.
struct ElementPackingFuzzer: Fuzzer {
  private static let keys: [NamedSet.Key] = [.ipv4, .ipv6, .service, .icmpType, .time]

  func check(_ bytes: [UInt8]) throws(Fault) {
    var cursor = ByteCursor(bytes)
    let byteLimit = [ElementPacking.listByteLimit, 1000, 400][cursor.byte() % 3]
    let lost = cursor.byte()
    let set = Self.set(&cursor)
    try Fault.unless(set.fault == nil, "\(set.fault ?? "")")
    let lists = ElementPacking.lists(of: set, byteLimit: byteLimit)
    try ElementPacking.checkReading(lists, of: set)
    for list in lists { try Self.checkLength(list, of: set, byteLimit) }
    if let addresses = set.asAddresses {
      let same = ElementPacking.lists(of: addresses, byteLimit: byteLimit)
      try Fault.unless(same == lists, "runs of plain intervals are packed in another way")
      try ElementPacking.checkReading(lists, of: addresses)
      try Self.checkLoss(number: lost, in: lists, of: addresses)
    }
    try Self.checkLoss(number: lost, in: lists, of: set)
  }

  private static func set(_ cursor: inout ByteCursor) -> NamedSet {
    let key = keys[cursor.byte() % keys.count]
    let isMap = cursor.byte().isMultiple(of: 3)
    var elements: [SetElement] = []
    var set = NamedSet(name: "s", key: key, isMap: isMap, elements: [])
    // One that the policy fills may lie under a name that rules fill elsewhere: keys alone.
    if cursor.byte().isMultiple(of: 4) { set.isInterval = false }
    var next: UInt128? = 0
    while let least = next, !cursor.isAtEnd {
      let form = cursor.byte()
      let width = form % (key.byteCount + 1)
      let first = least &+ cursor.number(byteCount: width)
      let length = set.isInterval ? cursor.number(byteCount: form / 16 % (key.byteCount + 1)) : 0
      guard first >= least, first <= key.top else { break }
      let last = length > key.top - first ? key.top : first + length
      let seconds = form.isMultiple(of: 5) ? UInt64(cursor.number(byteCount: 4)) : nil
      elements.append(
        SetElement(
          first: first, last: last, timeoutSeconds: seconds, chain: isMap ? "svc_\(form)" : nil))
      next = last == key.top ? nil : last + 1
    }
    set.elements = .list(elements)
    return set
  }

  private static func checkLength(
    _ list: [UInt8], of set: NamedSet, _ byteLimit: Int
  ) throws(Fault) {
    let isAlone = ElementPacking.boundaries(in: list[...]).count <= 3
    try Fault.unless(isAlone || list.count <= byteLimit, "a list of \(list.count) bytes")
  }

  /// Takes one boundary out.
  private static func checkLoss(
    number: Int, in lists: [[UInt8]], of set: NamedSet
  ) throws(Fault) {
    guard let list = lists.last else { return }
    var starts = [0]
    while let start = starts.last, start < list.count {
      starts.append(start + Int(list[start...].hostInteger(byteCount: 2)).alignedUp)
    }
    let index = number % (starts.count - 1)
    var rest = list
    rest.removeSubrange(starts[index]..<min(starts[index + 1], list.count))
    let boundary = ElementPacking.boundaries(in: list[...])[index]
    // The mark before the first interval says nothing that its lack would change.
    guard lists.count > 1 || index > 0 || !boundary.isEnd else { return }
    let fault = ElementPacking.fault(in: (lists.dropLast() + [rest]).map { $0[...] }, of: set)
    try Fault.unless(fault != nil, "boundary \(index) was lost and nobody saw it")
  }
}

extension NamedSet {
  /// The same set as policies have it: intervals of IPv4 addresses; nil where it is none of these.
  fileprivate var asAddresses: NamedSet? {
    guard key == .ipv4, isInterval, !isMap, fault == nil,
      // Policies' ends are a second to a hundred years away.
      elements.list.allSatisfy({ (1...36_525 * 86_400).contains($0.timeoutSeconds ?? 1) })
    else { return nil }
    var set = self
    let intervals = elements.list.map {
      AddressInterval(
        first: UInt32(truncatingIfNeeded: $0.first), last: UInt32(truncatingIfNeeded: $0.last),
        until: $0.timeoutSeconds.map { Int64(clamping: $0) })
    }
    set.elements = .ipv4(intervals[...], time: 0)
    return set
  }
}

extension ElementPacking {
  static func lists(of set: NamedSet, byteLimit: Int = listByteLimit) -> [[UInt8]] {
    var lists: [[UInt8]] = []
    var index = 0
    while index < set.elements.count {
      var list: [UInt8] = []
      index = append(set, from: index, isWhole: true, to: &list, byteLimit: byteLimit)
      lists.append(list)
    }
    return lists
  }

  /// What was packed is what is read, both by the check before it is sent and as from the kernel.
  static func checkReading(_ lists: [[UInt8]], of set: NamedSet) throws(Fault) {
    let fault = fault(in: lists.map { $0[...] }, of: set)
    try Fault.unless(fault == nil, "\(fault ?? "")")
    let boundaries = lists.flatMap { Self.boundaries(in: $0[...]) }
    let elements = elements(from: boundaries.reversed(), of: (set.key, set.isInterval))
    try Fault.unless(elements == set.elements.list, "other elements than were packed")
  }
}
