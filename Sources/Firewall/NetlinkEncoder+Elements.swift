import CNftables

/// Elements are packed by hand: libnftnl would spend 300 bytes and an allocation on each.
extension NetlinkEncoder {
  /// Everything that the set will hold.
  mutating func addElements(of set: NamedSet) throws(FirewallKernelError) {
    try pack(set, isWhole: true, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE | NLM_F_EXCL)
  }

  mutating func add(_ elements: [SetElement], to set: NamedSet) throws(FirewallKernelError) {
    var added = set
    added.elements = .list(elements)
    try pack(added, isWhole: false, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE | NLM_F_EXCL)
  }

  /// Adds elements, or begins the time of those anew that are there already.
  mutating func renew(
    _ elements: [SetElement], in set: NamedSet
  ) throws(FirewallKernelError) {
    var renewed = set
    renewed.elements = .list(elements)
    try pack(renewed, isWhole: false, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE)
  }

  mutating func remove(
    _ elements: [SetElement], from set: NamedSet
  ) throws(FirewallKernelError) {
    var removed = set
    removed.elements = .list(elements)
    try pack(removed, isWhole: false, NFT_MSG_DELSETELEM, flags: 0)
  }

  /// Memory for all elements at once: to grow on the way would take as much again.
  mutating func reserve(_ sets: some Sequence<NamedSet>) {
    let byteCount = sets.reduce(0) { sum, set in
      let most = set.elements.count * ElementPacking.byteLimit(of: set)
      return sum + most + most / 512 + 256
    }
    bytes.reserveCapacity(bytes.count + byteCount)
  }

  private mutating func pack(
    _ set: NamedSet, isWhole: Bool, _ message: nf_tables_msg_types, flags: Int32
  ) throws(FirewallKernelError) {
    if let fault = set.fault { throw .unencodable(fault) }
    var ranges: [Range<Int>] = []
    let elementByteLimit = ElementPacking.byteLimit(of: set)
    var index = 0
    while index < set.elements.count {
      open(
        type: Self.type(message), flags: flags,
        "elements of set \(set.name) (from number \(index + 1))")
      bytes.appendAttribute(NFTA_SET_ELEM_LIST_TABLE.rawValue, text: Self.table)
      bytes.appendAttribute(NFTA_SET_ELEM_LIST_SET.rawValue, text: names[set.name] ?? set.name)
      bytes.appendNested(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) {
        let begin = $0.count
        index = ElementPacking.append(
          set, from: index, isWhole: isWhole, to: &$0, elementByteLimit: elementByteLimit)
        ranges.append(begin..<$0.count)
      }
      bytes.closeMessage(lastMessage)
    }
    if let fault = ElementPacking.fault(in: ranges.map { bytes[$0] }, of: set) {
      throw .unencodable(fault)
    }
  }
}
