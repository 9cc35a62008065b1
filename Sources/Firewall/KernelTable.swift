import CNftables

/// The frame of our table in the kernel: what an apply must keep, refill or take away.
struct KernelTable {
  var exists = false
  /// Nil for those that are only jumped to.
  var chains: [String: Hook?] = [:]
  var sets: [String: Shape] = [:]
  /// Types of objects by name: ours are all counters.
  var objects: [String: UInt32] = [:]
  var counters: [String: LiveRuleset.Count] = [:]
  var stamp: Stamp?

  struct Shape: Equatable {
    var key: UInt32
    var flags: UInt32

    init(key: UInt32, flags: UInt32) {
      self.key = key
      self.flags = flags
    }

    init(_ set: NamedSet) { self.init(key: set.key.rawValue, flags: set.kernelFlags) }

    var isMap: Bool { flags & NFT_SET_MAP.rawValue != 0 }
  }

  /// Nil when it changed while it was read.
  static func read(_ socket: borrowing NetlinkSocket) throws(FirewallKernelError) -> KernelTable? {
    var table = KernelTable()
    guard try socket.hasTable() else { return table }
    table.exists = true
    guard
      let chains = try socket.list(NFT_MSG_GETCHAIN, { _ in }),
      let sets = try socket.list(NFT_MSG_GETSET, { $0.appendTable(NFTA_SET_TABLE.rawValue) }),
      let objects = try socket.list(NFT_MSG_GETOBJ, { $0.appendTable(NFTA_OBJ_TABLE.rawValue) }),
      let rules = try socket.list(
        NFT_MSG_GETRULE,
        {
          $0.appendTable(NFTA_RULE_TABLE.rawValue)
          $0.appendAttribute(NFTA_RULE_CHAIN.rawValue, text: Ruleset.baseChain)
        })
    else { return nil }
    for chain in chains where chain.string(NFTA_CHAIN_TABLE.rawValue) == Ruleset.table {
      table.addChain(chain)
    }
    for set in sets { table.addSet(set) }
    for object in objects { table.addObject(object) }
    table.stamp = rules.last?.first(NFTA_RULE_USERDATA.rawValue).flatMap(Stamp.init(reading:))
    return table
  }

  private mutating func addChain(_ chain: NetlinkAttributes) {
    guard let name = chain.string(NFTA_CHAIN_NAME.rawValue) else { return }
    let hook = chain.nested(NFTA_CHAIN_HOOK.rawValue).flatMap { attributes -> Hook? in
      guard
        let number = attributes.integer(NFTA_HOOK_HOOKNUM.rawValue),
        let point = Hook.Point(rawValue: UInt32(truncatingIfNeeded: number)),
        let priority = attributes.integer(NFTA_HOOK_PRIORITY.rawValue)
      else { return nil }
      return Hook(point, priority: Int32(truncatingIfNeeded: priority))
    }
    chains.updateValue(hook, forKey: name)
  }

  private mutating func addSet(_ set: NetlinkAttributes) {
    guard let name = set.string(NFTA_SET_NAME.rawValue) else { return }
    let key = UInt32(truncatingIfNeeded: set.integer(NFTA_SET_KEY_TYPE.rawValue) ?? 0)
    let flags = UInt32(truncatingIfNeeded: set.integer(NFTA_SET_FLAGS.rawValue) ?? 0)
    // A set without a name goes with its rule.
    guard flags & NFT_SET_ANONYMOUS.rawValue == 0 else { return }
    sets[name] = Shape(key: key, flags: flags)
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

extension [UInt8] {
  fileprivate mutating func appendTable(_ attribute: UInt32) {
    appendAttribute(attribute, text: Ruleset.table)
  }
}
