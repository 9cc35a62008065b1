import CNftables

/// The frame of our table in the kernel: what an apply must keep, refill or take away.
struct KernelTable {
  var exists = false
  /// Asleep: none of its chains is asked.
  var isDormant = false
  /// Nil for those that are only jumped to.
  var chains: [String: Hook?] = [:]
  /// Hooked chains that accept what their rules say nothing of; never ours.
  var openChains: Set<String> = []
  var sets: [String: Shape] = [:]
  /// Types of objects by name: ours are all counters.
  var objects: [String: UInt32] = [:]
  var counters: [String: LiveRuleset.Count] = [:]
  /// By chain, a fingerprint of each rule.
  var rules: [String: [String]] = [:]
  /// By chain, the kernel's number for each rule.
  var handles: [String: [UInt64]] = [:]
  /// By chain, what its rules name.
  var references: [String: References] = [:]
  var stamp: Stamp?

  /// What cannot be changed of a set once it exists.
  struct Shape: Equatable {
    var key: UInt32
    var flags: UInt32
    /// 0 for no bound.
    var size: UInt32 = 0
    var timeoutMilliseconds: UInt64 = 0

    init(key: UInt32, flags: UInt32) {
      self.key = key
      self.flags = flags
    }

    init(_ set: NamedSet) {
      self.init(key: set.key.rawValue, flags: set.kernelFlags)
      size = set.size
      timeoutMilliseconds = (set.timeoutSeconds ?? 0).milliseconds
    }

    var isMap: Bool { flags & NFT_SET_MAP.rawValue != 0 }
    var isInterval: Bool { flags & NFT_SET_INTERVAL.rawValue != 0 }
  }

  /// Nil when it changed while it was read.
  static func read(_ socket: borrowing NetlinkSocket) throws(FirewallKernelError) -> KernelTable? {
    guard let flags = try socket.tableFlags() else { return KernelTable() }
    guard
      let chains = try socket.list(NFT_MSG_GETCHAIN, { _ in }),
      let sets = try socket.list(NFT_MSG_GETSET, { $0.appendTable(NFTA_SET_TABLE.rawValue) }),
      let objects = try socket.list(NFT_MSG_GETOBJ, { $0.appendTable(NFTA_OBJ_TABLE.rawValue) }),
      let rules = try socket.list(
        NFT_MSG_GETRULE, { $0.appendTable(NFTA_RULE_TABLE.rawValue) })
    else { return nil }
    var table = KernelTable(chains: chains, sets: sets, objects: objects, rules: rules)
    table.isDormant = flags & NFT_TABLE_F_DORMANT.rawValue != 0
    return table
  }

  private mutating func addChain(_ chain: NetlinkAttributes) {
    guard let name = chain.string(NFTA_CHAIN_NAME.rawValue) else { return }
    let hook = chain.nested(NFTA_CHAIN_HOOK.rawValue).flatMap(Hook.init(reading:))
    chains.updateValue(hook, forKey: name)
    if hook != nil, chain.integer(NFTA_CHAIN_POLICY.rawValue) != UInt64(NF_DROP) {
      openChains.insert(name)
    }
  }

  private mutating func addSet(_ set: NetlinkAttributes) {
    guard let name = set.string(NFTA_SET_NAME.rawValue) else { return }
    let key = UInt32(truncatingIfNeeded: set.integer(NFTA_SET_KEY_TYPE.rawValue) ?? 0)
    let flags = UInt32(truncatingIfNeeded: set.integer(NFTA_SET_FLAGS.rawValue) ?? 0)
    // A set without a name goes with its rule.
    guard flags & NFT_SET_ANONYMOUS.rawValue == 0 else { return }
    var shape = Shape(key: key, flags: flags)
    shape.timeoutMilliseconds = set.integer(NFTA_SET_TIMEOUT.rawValue) ?? 0
    let size = set.nested(NFTA_SET_DESC.rawValue)?.integer(NFTA_SET_DESC_SIZE.rawValue)
    shape.size = UInt32(truncatingIfNeeded: size ?? 0)
    sets[name] = shape
  }

  private mutating func addRule(_ rule: NetlinkAttributes) {
    guard let chain = rule.string(NFTA_RULE_CHAIN.rawValue) else { return }
    let steps = rule.first(NFTA_RULE_EXPRESSIONS.rawValue) ?? []
    rules[chain, default: []].append(Self.fingerprint(steps))
    handles[chain, default: []].append(rule.integer(NFTA_RULE_HANDLE.rawValue) ?? 0)
    references[chain, default: References()].add(steps)
    if chain == Ruleset.baseChain {
      stamp = rule.first(NFTA_RULE_USERDATA.rawValue).flatMap(Stamp.init(reading:))
    }
  }

  /// FNV-1a: tells a rule from another one, and needs no more than that.
  private static func fingerprint(_ bytes: ArraySlice<UInt8>) -> String {
    let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
      ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  private mutating func addObject(_ object: NetlinkAttributes) {
    guard
      let name = object.string(NFTA_OBJ_NAME.rawValue),
      let type = object.integer(NFTA_OBJ_TYPE.rawValue)
    else { return }
    objects[name] = UInt32(truncatingIfNeeded: type)
    guard
      type == UInt64(NFT_OBJECT_COUNTER), let data = object.nested(NFTA_OBJ_DATA.rawValue),
      let packets = data.integer(NFTA_COUNTER_PACKETS.rawValue),
      let bytes = data.integer(NFTA_COUNTER_BYTES.rawValue)
    else { return }
    counters[name] = LiveRuleset.Count(packets: packets, bytes: bytes)
  }
}

extension KernelTable {
  /// Of what the kernel lists; chains and rules may be those of other tables, too.
  init(
    chains: [NetlinkAttributes], sets: [NetlinkAttributes], objects: [NetlinkAttributes],
    rules: [NetlinkAttributes]
  ) {
    exists = true
    for chain in chains where chain.string(NFTA_CHAIN_TABLE.rawValue) == Ruleset.table {
      addChain(chain)
    }
    for set in sets { addSet(set) }
    for object in objects { addObject(object) }
    for rule in rules where rule.string(NFTA_RULE_TABLE.rawValue) == Ruleset.table {
      addRule(rule)
    }
  }

  /// Nil when the set changed while it was read, or is gone.
  static func elements(
    of name: String, _ shape: Shape, _ socket: borrowing NetlinkSocket
  ) throws(FirewallKernelError) -> [SetElement]? {
    guard let key = NamedSet.Key(rawValue: shape.key) else { return [] }
    var boundaries: [ElementPacking.Boundary] = []
    let isWhole = try socket.dumpElements(of: name) { message in
      if let list = message.attributes.first(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue) {
        boundaries += ElementPacking.boundaries(in: list)
      }
    }
    guard isWhole else { return nil }
    let elements = ElementPacking.elements(
      from: boundaries, of: (key, shape.isInterval),
      mayLackStarts: shape.flags & NFT_SET_TIMEOUT.rawValue != 0)
    guard let elements else {
      throw .incomprehensible("the kernel's set \"\(name)\" lacks the end of an interval")
    }
    return elements
  }
}

/// Which policy the rules come from, kept in the userdata of the base chain's last rule: a table's
/// own userdata cannot be changed once it exists, and who flushes the rules flushes this, too.
struct Stamp: Equatable {
  static let digestByteCount = 32
  /// A type of userdata that nft does not know, and so leaves alone.
  private static let type: UInt8 = 0x47

  var digest: [UInt8]
  var generation: UInt64

  init(digest: [UInt8], generation: UInt64) {
    self.digest = digest
    self.generation = generation
  }

  init?(reading userData: ArraySlice<UInt8>) {
    let body = userData.dropFirst(2)
    guard userData.first == Self.type, body.count == Self.digestByteCount + 8 else { return nil }
    digest = Array(body.prefix(Self.digestByteCount))
    generation = UInt64(truncatingIfNeeded: body.suffix(8).networkInteger)
  }

  var userData: [UInt8] {
    var bytes = [Self.type, UInt8(Self.digestByteCount + 8)] + digest
    bytes.append(generation, byteCount: 8, order: .network)
    return bytes
  }
}

extension Hook {
  /// Nil for points that we never sit at.
  init?(reading attributes: NetlinkAttributes) {
    guard
      let number = attributes.integer(NFTA_HOOK_HOOKNUM.rawValue),
      let point = Point(rawValue: UInt32(truncatingIfNeeded: number)),
      let priority = attributes.integer(NFTA_HOOK_PRIORITY.rawValue)
    else { return nil }
    self.init(point, priority: Int32(truncatingIfNeeded: priority))
  }
}

extension [UInt8] {
  fileprivate mutating func appendTable(_ attribute: UInt32) {
    appendAttribute(attribute, text: Ruleset.table)
  }
}
