import CNftables
import Glibc

/// Writes the messages of one batch, and remembers what each of them is about.
struct NetlinkEncoder {
  var bytes: [UInt8] = []
  /// By sequence number: what the kernel's errors are attributed to.
  private(set) var subjects: [UInt32: String] = [:]
  private var sequence: UInt32 = 0
  private(set) var lastMessage = 0
  private var setID: UInt32 = 0
  /// Of sets that have another name in the kernel than in the ruleset.
  var names: [String: String] = [:]

  static let inet = UInt8(NFPROTO_INET)
  static let table = Ruleset.table

  /// A generation makes the kernel refuse the batch when someone else has written since.
  mutating func begin(generation: UInt32?) {
    open(
      type: UInt16(NFNL_MSG_BATCH_BEGIN), flags: 0, "the transaction", family: UInt8(AF_UNSPEC),
      resource: UInt16(NFNL_SUBSYS_NFTABLES))
    if let generation {
      bytes.appendAttribute(NFNL_BATCH_GENID.rawValue, number: generation)
    }
    bytes.closeMessage(lastMessage)
  }

  /// Without an end the kernel checks everything and then forgets it; then it is the last message
  /// whose acknowledgement says so. The number of the message that will be acknowledged.
  mutating func finish(commit: Bool) -> UInt32 {
    if commit {
      open(
        type: UInt16(NFNL_MSG_BATCH_END), flags: NLM_F_ACK, "the commit",
        family: UInt8(AF_UNSPEC), resource: UInt16(NFNL_SUBSYS_NFTABLES))
      bytes.closeMessage(lastMessage)
    } else {
      let flags = bytes[(lastMessage + 6)...].hostInteger(byteCount: 2) | UInt32(NLM_F_ACK)
      bytes.setHost(flags, byteCount: 2, at: lastMessage + 6)
    }
    return sequence
  }

  mutating func open(
    type: UInt16, flags: Int32, _ subject: String, family: UInt8 = inet, resource: UInt16 = 0
  ) {
    sequence += 1
    subjects[sequence] = subject
    lastMessage = bytes.openMessage(
      type: type, flags: NLM_F_REQUEST | flags, sequence: sequence, family: family,
      resource: resource)
  }

  static func type(_ message: nf_tables_msg_types) -> UInt16 {
    UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(message.rawValue)
  }
}

// MARK: Taking away

extension NetlinkEncoder {
  /// Of every chain, or of one.
  mutating func flushRules(of chain: String? = nil) {
    delete(NFT_MSG_DELRULE, "the old rules") {
      $0.appendAttribute(NFTA_RULE_TABLE.rawValue, text: Self.table)
      if let chain { $0.appendAttribute(NFTA_RULE_CHAIN.rawValue, text: chain) }
    }
  }

  mutating func deleteTable() {
    delete(NFT_MSG_DELTABLE, "table \(Self.table)") {
      $0.appendAttribute(NFTA_TABLE_NAME.rawValue, text: Self.table)
    }
  }

  mutating func deleteSet(_ name: String) {
    delete(NFT_MSG_DELSET, "the stale set \(name)") {
      $0.appendAttribute(NFTA_SET_TABLE.rawValue, text: Self.table)
      $0.appendAttribute(NFTA_SET_NAME.rawValue, text: name)
    }
  }

  mutating func deleteChain(_ name: String) {
    delete(NFT_MSG_DELCHAIN, "the stale chain \(name)") {
      $0.appendAttribute(NFTA_CHAIN_TABLE.rawValue, text: Self.table)
      $0.appendAttribute(NFTA_CHAIN_NAME.rawValue, text: name)
    }
  }

  mutating func deleteObject(_ name: String, type: UInt32) {
    delete(NFT_MSG_DELOBJ, "the stale counter \(name)") {
      $0.appendAttribute(NFTA_OBJ_TABLE.rawValue, text: Self.table)
      $0.appendAttribute(NFTA_OBJ_NAME.rawValue, text: name)
      $0.appendAttribute(NFTA_OBJ_TYPE.rawValue, number: type)
    }
  }

  private mutating func delete(
    _ message: nf_tables_msg_types, _ subject: String, _ attributes: (inout [UInt8]) -> Void
  ) {
    open(type: Self.type(message), flags: 0, subject)
    attributes(&bytes)
    bytes.closeMessage(lastMessage)
  }
}

// MARK: Adding

extension NetlinkEncoder {
  mutating func addTable() throws(FirewallKernelError) {
    guard let table = unsafe nftnl_table_alloc() else { throw Self.outOfMemory }
    defer { unsafe nftnl_table_free(table) }
    unsafe nftnl_table_set_str(table, UInt16(NFTNL_TABLE_NAME.rawValue), Self.table)
    // Wakes one that somebody has put to sleep.
    unsafe nftnl_table_set_u32(table, UInt16(NFTNL_TABLE_FLAGS.rawValue), 0)
    unsafe append(NFT_MSG_NEWTABLE, "table \(Self.table)") {
      unsafe nftnl_table_nlmsg_build_payload($0, table)
    }
  }

  mutating func add(_ chain: Chain) throws(FirewallKernelError) {
    let handle = unsafe nftnl_chain_alloc()
    guard let handle = unsafe handle else { throw Self.outOfMemory }
    defer { unsafe nftnl_chain_free(handle) }
    unsafe nftnl_chain_set_str(handle, UInt16(NFTNL_CHAIN_TABLE.rawValue), Self.table)
    unsafe nftnl_chain_set_str(
      handle, UInt16(NFTNL_CHAIN_NAME.rawValue), try Self.checked(chain.name))
    if let hook = chain.hook {
      unsafe nftnl_chain_set_str(handle, UInt16(NFTNL_CHAIN_TYPE.rawValue), "filter")
      unsafe nftnl_chain_set_u32(handle, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), hook.point.rawValue)
      unsafe nftnl_chain_set_s32(handle, UInt16(NFTNL_CHAIN_PRIO.rawValue), hook.priority)
      unsafe nftnl_chain_set_u32(handle, UInt16(NFTNL_CHAIN_POLICY.rawValue), UInt32(NF_DROP))
    }
    unsafe append(NFT_MSG_NEWCHAIN, "chain \(chain.name)") {
      unsafe nftnl_chain_nlmsg_build_payload($0, handle)
    }
  }

  mutating func addCounter(_ name: String) throws(FirewallKernelError) {
    guard let object = unsafe nftnl_obj_alloc() else { throw Self.outOfMemory }
    defer { unsafe nftnl_obj_free(object) }
    unsafe nftnl_obj_set_str(object, UInt16(NFTNL_OBJ_TABLE), Self.table)
    unsafe nftnl_obj_set_str(object, UInt16(NFTNL_OBJ_NAME), try Self.checked(name))
    unsafe nftnl_obj_set_u32(object, UInt16(NFTNL_OBJ_TYPE), UInt32(NFT_OBJECT_COUNTER))
    unsafe append(NFT_MSG_NEWOBJ, "counter \(name)") {
      unsafe nftnl_obj_nlmsg_build_payload($0, object)
    }
  }

  mutating func addHeader(of set: NamedSet) throws(FirewallKernelError) {
    guard let handle = unsafe nftnl_set_alloc() else { throw Self.outOfMemory }
    defer { unsafe nftnl_set_free(handle) }
    setID += 1
    unsafe nftnl_set_set_str(handle, UInt16(NFTNL_SET_TABLE.rawValue), Self.table)
    unsafe nftnl_set_set_str(
      handle, UInt16(NFTNL_SET_NAME.rawValue), try Self.checked(names[set.name] ?? set.name))
    unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_ID.rawValue), setID)
    unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_FLAGS.rawValue), set.kernelFlags)
    unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_KEY_TYPE.rawValue), set.key.rawValue)
    unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_KEY_LEN.rawValue), UInt32(set.key.byteCount))
    if set.isMap {
      unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_DATA_TYPE.rawValue), 0xffff_ff00)
      unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_DATA_LEN.rawValue), 16)
    }
    if set.size > 0 {
      unsafe nftnl_set_set_u32(handle, UInt16(NFTNL_SET_DESC_SIZE.rawValue), set.size)
    }
    if let seconds = set.timeoutSeconds {
      unsafe nftnl_set_set_u64(handle, UInt16(NFTNL_SET_TIMEOUT.rawValue), seconds.milliseconds)
    }
    if set.key == .time {
      let userData = Self.typeofMetaTime
      unsafe nftnl_set_set_data(
        handle, UInt16(NFTNL_SET_USERDATA.rawValue), userData, UInt32(userData.count))
    }
    unsafe append(NFT_MSG_NEWSET, "set \(set.name)") {
      unsafe nftnl_set_nlmsg_build_payload($0, handle)
    }
  }

  /// What nft keeps with a set that was declared as `typeof meta time`: the byte order of its keys,
  /// and the expression (meta, key 0x1e).
  private static let typeofMetaTime: [UInt8] =
    [
      0x00, 0x04, 1, 0, 0, 0, 0x03, 0x0e, 0x00, 0x04, 9, 0, 0, 0, 0x01, 0x06, 0x00, 0x04, 0x1e, 0,
      0, 0,
    ]

  mutating func add(
    _ rule: Rule, number: Int, to chain: String, userData: [UInt8] = []
  ) throws(FirewallKernelError) {
    guard let handle = unsafe nftnl_rule_alloc() else { throw Self.outOfMemory }
    defer { unsafe nftnl_rule_free(handle) }
    unsafe nftnl_rule_set_str(handle, UInt16(NFTNL_RULE_TABLE.rawValue), Self.table)
    unsafe nftnl_rule_set_str(handle, UInt16(NFTNL_RULE_CHAIN.rawValue), chain)
    unsafe nftnl_rule_set_u32(handle, UInt16(NFTNL_RULE_FAMILY.rawValue), UInt32(Self.inet))
    if !userData.isEmpty {
      unsafe nftnl_rule_set_data(
        handle, UInt16(NFTNL_RULE_USERDATA.rawValue), userData, UInt32(userData.count))
    }
    for expression in rule {
      guard let step = unsafe expression.kernelExpression(names) else { throw Self.outOfMemory }
      // The rule owns it from here on.
      unsafe nftnl_rule_add_expr(handle, step)
    }
    unsafe append(
      NFT_MSG_NEWRULE, "rule \(number) of chain \(chain)", flags: NLM_F_CREATE | NLM_F_APPEND
    ) {
      unsafe nftnl_rule_nlmsg_build_payload($0, handle)
    }
  }

  /// Far above the longest rule; nothing with elements passes through here.
  private static let messageByteLimit = 16_384
  private static let outOfMemory = FirewallKernelError.socket(
    attempted: "describe the ruleset", errno: ENOMEM)

  /// Names with a terminating zero have at most NFT_NAME_MAXLEN bytes.
  private static func checked(_ name: String) throws(FirewallKernelError) -> String {
    guard name.utf8.count < Int(NFT_NAME_MAXLEN) else {
      throw .unencodable("the name \"\(name)\" is longer than 255 bytes")
    }
    return name
  }

  @unsafe private mutating func append(
    _ message: nf_tables_msg_types, _ subject: String, flags: Int32 = NLM_F_CREATE,
    _ payload: (UnsafeMutablePointer<nlmsghdr>) -> Void
  ) {
    sequence += 1
    subjects[sequence] = subject
    lastMessage = bytes.count
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.messageByteLimit, alignment: 8) { buffer in
      let start = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
      guard
        let header = unsafe nftnl_nlmsg_build_hdr(
          start, Self.type(message), UInt16(Self.inet), UInt16(NLM_F_REQUEST | flags), sequence)
      else { return }
      unsafe payload(header)
      let written = unsafe UnsafeRawBufferPointer(
        rebasing: UnsafeRawBufferPointer(buffer)[..<Int(header.pointee.nlmsg_len)])
      unsafe bytes.append(contentsOf: written)
    }
  }
}

extension NamedSet {
  var kernelFlags: UInt32 {
    (isInterval ? NFT_SET_INTERVAL.rawValue : 0) | (hasTimeout ? NFT_SET_TIMEOUT.rawValue : 0)
      | (isMap ? NFT_SET_MAP.rawValue : 0)
      // Rules can add to it.
      | (filling != .policy && !isInterval ? NFT_SET_EVAL.rawValue : 0)
  }
}
