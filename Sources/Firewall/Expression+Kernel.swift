import CNftables

/// The steps of a rule as libnftnl builds them.
extension Expression {
  /// Owned by the caller, to be handed to a rule; nil without memory. `names`: of sets that the
  /// kernel knows by another name.
  @unsafe func kernelExpression(_ names: [String: String]) -> OpaquePointer? {
    guard let step = unsafe nftnl_expr_alloc(kernelName) else { return nil }
    switch self {
    case .meta, .payload, .connectionState, .connectionDirection, .destinationType:
      unsafe load(step)
    case .bitwise, .compare, .toNetworkOrder: unsafe change(step)
    case .lookup(let set, let isInverted):
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_SREG, Self.register)
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_LOOKUP_SET), names[set] ?? set)
      if isInverted {
        unsafe Self.set(step, NFTNL_EXPR_LOOKUP_FLAGS, UInt32(NFT_LOOKUP_F_INV.rawValue))
      }
    case .verdictLookup(let map):
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_SREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT.rawValue)
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_LOOKUP_SET), names[map] ?? map)
    case .limit(let rate, let isOver): unsafe Self.setLimit(step, rate, isOver: isOver)
    case .element(let update, let set, let measure):
      guard let inner = unsafe Self.inner(measure) else {
        unsafe nftnl_expr_free(step)
        return nil
      }
      unsafe setElement(step, update.rawValue, set: names[set] ?? set)
      // The step owns it from here on.
      unsafe nftnl_expr_add_expr(step, UInt32(NFTNL_EXPR_DYNSET_EXPR), inner)
    case .note(let set):
      guard let counter = unsafe nftnl_expr_alloc("counter") else {
        unsafe nftnl_expr_free(step)
        return nil
      }
      unsafe setElement(step, Update.update.rawValue, set: names[set] ?? set)
      // The step owns it from here on.
      unsafe nftnl_expr_add_expr(step, UInt32(NFTNL_EXPR_DYNSET_EXPR), counter)
    case .ban(let set, let seconds), .prolong(let set, let seconds):
      unsafe setElement(step, lasting.rawValue, set: names[set] ?? set)
      unsafe nftnl_expr_set_u64(step, UInt16(NFTNL_EXPR_DYNSET_TIMEOUT), seconds.milliseconds)
    case .log(let prefix):
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_LOG_PREFIX), prefix)
      unsafe nftnl_expr_set_u16(step, UInt16(NFTNL_EXPR_LOG_GROUP), Self.logGroup)
      unsafe Self.set(step, NFTNL_EXPR_LOG_SNAPLEN, UInt32(128))
    case .counter(let name):
      unsafe Self.set(step, NFTNL_EXPR_OBJREF_IMM_TYPE, UInt32(NFT_OBJECT_COUNTER))
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_OBJREF_IMM_NAME), name)
    case .verdict(let verdict): unsafe Self.set(step, verdict)
    }
    return unsafe step
  }

  private static let register = NFT_REG_1.rawValue

  /// What becomes of the time of an element that is there already.
  private var lasting: Update { if case .ban = self { .add } else { .update } }

  private var kernelName: String {
    switch self {
    case .meta: "meta"
    case .payload: "payload"
    case .connectionState, .connectionDirection: "ct"
    case .destinationType: "fib"
    case .bitwise: "bitwise"
    case .compare: "cmp"
    case .toNetworkOrder: "byteorder"
    case .lookup, .verdictLookup: "lookup"
    case .limit: "limit"
    case .element, .note, .ban, .prolong: "dynset"
    case .log: "log"
    case .counter: "objref"
    case .verdict: "immediate"
    }
  }

  @unsafe private func load(_ step: OpaquePointer) {
    switch self {
    case .meta(let key):
      unsafe Self.set(step, NFTNL_EXPR_META_KEY, key.kernelKey.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_META_DREG, Self.register)
    case .payload(let base, let offset, let length):
      let header = base == .network ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER
      unsafe Self.set(step, NFTNL_EXPR_PAYLOAD_DREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_PAYLOAD_BASE, header.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_PAYLOAD_OFFSET, offset)
      unsafe Self.set(step, NFTNL_EXPR_PAYLOAD_LEN, length)
    case .connectionState:
      unsafe Self.set(step, NFTNL_EXPR_CT_KEY, NFT_CT_STATE.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_CT_DREG, Self.register)
    case .connectionDirection:
      unsafe Self.set(step, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_CT_DREG, Self.register)
    case .destinationType:
      unsafe Self.set(step, NFTNL_EXPR_FIB_DREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR.rawValue)
    case .bitwise, .compare, .toNetworkOrder, .lookup, .verdictLookup, .limit, .element, .note,
      .ban, .prolong, .log, .counter, .verdict:
      break
    }
  }

  /// Steps that work on what the register holds.
  @unsafe private func change(_ step: OpaquePointer) {
    switch self {
    case .bitwise(let mask):
      unsafe Self.set(step, NFTNL_EXPR_BITWISE_SREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_BITWISE_DREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_BITWISE_LEN, UInt32(mask.count))
      unsafe Self.set(step, NFTNL_EXPR_BITWISE_MASK, mask)
      unsafe Self.set(
        step, NFTNL_EXPR_BITWISE_XOR, [UInt8](repeating: 0, count: mask.count))
    case .compare(let comparison, let bytes):
      let operation = comparison == .equal ? NFT_CMP_EQ : NFT_CMP_NEQ
      unsafe Self.set(step, NFTNL_EXPR_CMP_SREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_CMP_OP, operation.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_CMP_DATA, bytes)
    case .toNetworkOrder:
      unsafe Self.set(step, NFTNL_EXPR_BYTEORDER_SREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_BYTEORDER_DREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_BYTEORDER_LEN, UInt32(8))
      unsafe Self.set(step, NFTNL_EXPR_BYTEORDER_SIZE, UInt32(8))
    case .meta, .payload, .connectionState, .connectionDirection, .destinationType, .lookup,
      .verdictLookup, .limit, .element, .note, .ban, .prolong, .log, .counter, .verdict:
      break
    }
  }

  @unsafe private static func set(_ step: OpaquePointer, _ verdict: Verdict) {
    unsafe set(step, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT.rawValue)
    switch verdict {
    case .accept: unsafe set(step, NFTNL_EXPR_IMM_VERDICT, UInt32(NF_ACCEPT))
    case .drop: unsafe set(step, NFTNL_EXPR_IMM_VERDICT, UInt32(NF_DROP))
    case .jump(let chain): unsafe set(step, NFT_JUMP, chain)
    case .goto(let chain): unsafe set(step, NFT_GOTO, chain)
    }
  }

  @unsafe private static func set(
    _ step: OpaquePointer, _ verdict: nft_verdicts, _ chain: String
  ) {
    unsafe set(step, NFTNL_EXPR_IMM_VERDICT, UInt32(bitPattern: Int32(verdict.rawValue)))
    unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_IMM_CHAIN), chain)
  }

  static let logGroup: UInt16 = 10

  @unsafe private static func setLimit(
    _ step: OpaquePointer, _ rate: FirewallPolicy.Rate, isOver: Bool
  ) {
    unsafe nftnl_expr_set_u64(step, UInt16(NFTNL_EXPR_LIMIT_RATE), rate.count)
    unsafe nftnl_expr_set_u64(step, UInt16(NFTNL_EXPR_LIMIT_UNIT), rate.unit.rawValue)
    unsafe Self.set(step, NFTNL_EXPR_LIMIT_BURST, rate.burst)
    unsafe Self.set(step, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS.rawValue)
    unsafe Self.set(
      step, NFTNL_EXPR_LIMIT_FLAGS, isOver ? UInt32(NFT_LIMIT_F_INV.rawValue) : UInt32(0))
  }

  @unsafe private func setElement(_ step: OpaquePointer, _ operation: UInt32, set: String) {
    unsafe Self.set(step, NFTNL_EXPR_DYNSET_SREG_KEY, Self.register)
    unsafe Self.set(step, NFTNL_EXPR_DYNSET_OP, operation)
    unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_DYNSET_SET_NAME), set)
  }

  /// What an element measures; owned by the caller.
  @unsafe private static func inner(_ measure: Measure) -> OpaquePointer? {
    switch measure {
    case .rate(let rate):
      guard let step = unsafe nftnl_expr_alloc("limit") else { return nil }
      unsafe setLimit(step, rate, isOver: true)
      return unsafe step
    case .connections(let count):
      guard let step = unsafe nftnl_expr_alloc("connlimit") else { return nil }
      unsafe Self.set(step, NFTNL_EXPR_CONNLIMIT_COUNT, count)
      unsafe Self.set(step, NFTNL_EXPR_CONNLIMIT_FLAGS, UInt32(NFT_CONNLIMIT_F_INV.rawValue))
      return unsafe step
    }
  }

  @unsafe private static func set(
    _ step: OpaquePointer, _ attribute: some BinaryInteger, _ value: UInt32
  ) {
    unsafe nftnl_expr_set_u32(step, UInt16(attribute), value)
  }

  /// libnftnl 1.2.4 copies without looking at the length: its registers hold 64 bytes, ours never
  /// more than 16.
  @unsafe private static func set(
    _ step: OpaquePointer, _ attribute: some BinaryInteger, _ value: [UInt8]
  ) {
    precondition(value.count <= 16)
    unsafe nftnl_expr_set(step, UInt16(attribute), value, UInt32(value.count))
  }
}

extension Expression.MetaKey {
  fileprivate var kernelKey: nft_meta_keys {
    switch self {
    case .incomingInterface: NFT_META_IIFNAME
    case .family: NFT_META_NFPROTO
    case .transport: NFT_META_L4PROTO
    case .time: NFT_META_TIME_NS
    }
  }
}
