import CNftables

/// The steps of a rule as libnftnl builds them.
extension Expression {
  /// Owned by the caller, to be handed to a rule; nil without memory.
  @unsafe func kernelExpression() -> OpaquePointer? {
    guard let step = unsafe nftnl_expr_alloc(kernelName) else { return nil }
    switch self {
    case .meta, .payload, .connectionState, .destinationType: unsafe load(step)
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
    case .lookup(let set):
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_SREG, Self.register)
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_LOOKUP_SET), set)
    case .verdictLookup(let map):
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_SREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT.rawValue)
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_LOOKUP_SET), map)
    case .limit(let perSecond, let burst):
      unsafe nftnl_expr_set_u64(step, UInt16(NFTNL_EXPR_LIMIT_RATE), perSecond)
      unsafe nftnl_expr_set_u64(step, UInt16(NFTNL_EXPR_LIMIT_UNIT), 1)
      unsafe Self.set(step, NFTNL_EXPR_LIMIT_BURST, burst)
      unsafe Self.set(step, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_LIMIT_FLAGS, UInt32(0))
    case .counter(let name):
      unsafe Self.set(step, NFTNL_EXPR_OBJREF_IMM_TYPE, UInt32(NFT_OBJECT_COUNTER))
      unsafe nftnl_expr_set_str(step, UInt16(NFTNL_EXPR_OBJREF_IMM_NAME), name)
    case .verdict(let verdict):
      let code = verdict == .accept ? NF_ACCEPT : NF_DROP
      unsafe Self.set(step, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_IMM_VERDICT, UInt32(code))
    }
    return unsafe step
  }

  private static let register = NFT_REG_1.rawValue

  private var kernelName: String {
    switch self {
    case .meta: "meta"
    case .payload: "payload"
    case .connectionState: "ct"
    case .destinationType: "fib"
    case .bitwise: "bitwise"
    case .compare: "cmp"
    case .lookup, .verdictLookup: "lookup"
    case .limit: "limit"
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
    case .destinationType:
      unsafe Self.set(step, NFTNL_EXPR_FIB_DREG, Self.register)
      unsafe Self.set(step, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE.rawValue)
      unsafe Self.set(step, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR.rawValue)
    case .bitwise, .compare, .lookup, .verdictLookup, .limit, .counter, .verdict: break
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
    }
  }
}
