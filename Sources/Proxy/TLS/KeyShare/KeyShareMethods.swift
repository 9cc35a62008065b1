internal import COpenSSL
internal import Glibc

/// OpenSSL's own methods for keys of X25519 and their exchange, but for the making of a pair.
///
/// Both kinds come from one provider, for otherwise OpenSSL would carry each key over from one to the
/// other; and a group of TLS is taken only from the provider whose keys it would use.
@safe struct KeyShareMethods: @unchecked Sendable {
  typealias Teller =
    @convention(c) (
      UnsafePointer<OSSL_PARAM>?, UnsafeMutableRawPointer?
    ) -> Int32

  let keys: UnsafePointer<OSSL_ALGORITHM>
  let exchange: UnsafePointer<OSSL_ALGORITHM>
  fileprivate let own: OpenSSLKeys
  private let provider: OpaquePointer

  /// Nil where OpenSSL's own are not as they are known to be.
  init?() {
    guard let provider = unsafe Self.openSSL,
      let context = unsafe OSSL_PROVIDER_get0_provider_ctx(provider),
      let keys = unsafe Self.algorithm(provider, OSSL_OP_KEYMGMT),
      let exchange = unsafe Self.algorithm(provider, OSSL_OP_KEYEXCH),
      let own = unsafe OpenSSLKeys(keys.functions, exchange.functions, context)
    else {
      ERR_clear_error()
      return nil
    }
    unsafe (self.provider, self.own) = (provider, own)
    unsafe self.keys = UnsafePointer(
      OpenSSLTable.algorithm(
        keys.names,
        Self.table(
          keys.functions,
          [
            OSSL_FUNC_KEYMGMT_NEW: unsafeBitCast(newKey, to: OpenSSLFunction.self),
            OSSL_FUNC_KEYMGMT_GEN_INIT: unsafeBitCast(beginPair, to: OpenSSLFunction.self),
            OSSL_FUNC_KEYMGMT_GEN: unsafeBitCast(makePair, to: OpenSSLFunction.self),
            OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS: unsafeBitCast(setTerms, to: OpenSSLFunction.self),
            OSSL_FUNC_KEYMGMT_GEN_CLEANUP: unsafeBitCast(endPair, to: OpenSSLFunction.self),
          ])))
    unsafe self.exchange = UnsafePointer(
      OpenSSLTable.algorithm(
        exchange.names,
        Self.table(
          exchange.functions,
          [OSSL_FUNC_KEYEXCH_NEWCTX: unsafeBitCast(newExchange, to: OpenSSLFunction.self)])))
    unsafe openSSLKeys = own
  }

  /// Not asked for by name: that puts all providers into the order of their names, and ours would not
  /// be first in line any more.
  private static var openSSL: OpaquePointer? {
    var found: OpaquePointer?
    _ = unsafe OSSL_PROVIDER_do_all(
      nil,
      { provider, found in
        guard let name = unsafe OSSL_PROVIDER_get0_name(provider),
          unsafe strcmp(name, "default") == 0
        else { return 1 }
        unsafe found?.assumingMemoryBound(to: OpaquePointer?.self).pointee = provider
        return 1
      }, &found)
    return unsafe found
  }

  /// Of TLS's groups only ours.
  func tellCapabilities(
    _ kind: UnsafePointer<CChar>?, _ tell: Teller?, _ argument: UnsafeMutableRawPointer?
  ) -> Int32 {
    guard let kind = unsafe kind, let tell = unsafe tell,
      unsafe strcmp(kind, "TLS-GROUP") == 0
    else { return 1 }
    var listener = unsafe GroupListener(tell: tell, argument: argument)
    return unsafe OSSL_PROVIDER_get_capabilities(provider, kind, passOwnGroup, &listener)
  }

  private static func algorithm(
    _ provider: OpaquePointer, _ operation: Int32
  ) -> (names: UnsafePointer<CChar>, functions: UnsafePointer<OSSL_DISPATCH>)? {
    var mayNotKeep: Int32 = 0
    guard
      var next = unsafe OSSL_PROVIDER_query_operation(provider, operation, &mayNotKeep),
      mayNotKeep == 0
    else { return nil }
    while let names = unsafe next.pointee.algorithm_names {
      let first = unsafe String(cString: names).split(separator: ":").first
      if first == "X25519", let functions = unsafe next.pointee.implementation {
        return unsafe (names, functions)
      }
      unsafe next += 1
    }
    return nil
  }

  /// The same functions but for some.
  private static func table(
    _ functions: UnsafePointer<OSSL_DISPATCH>, _ others: [Int32: OpenSSLFunction]
  ) -> UnsafePointer<OSSL_DISPATCH> {
    var all: [(id: Int32, function: OpenSSLFunction?)] = []
    var next = unsafe functions
    while unsafe next.pointee.function_id != 0 {
      let id = unsafe next.pointee.function_id
      unsafe all.append((id, others[id] ?? next.pointee.function))
      unsafe next += 1
    }
    return unsafe UnsafePointer(OpenSSLTable.dispatch(all))
  }
}

/// Set once, before OpenSSL is given any of the functions below.
private nonisolated(unsafe) var openSSLKeys: OpenSSLKeys?

/// The functions of OpenSSL's own methods that ours call, and what they want to be called with.
@unsafe struct OpenSSLKeys {
  typealias Raw = UnsafeMutableRawPointer
  typealias New = @convention(c) (Raw?) -> Raw?
  typealias Import = @convention(c) (Raw?, Int32, UnsafePointer<OSSL_PARAM>?) -> Int32
  typealias Begin = @convention(c) (Raw?, Int32, UnsafePointer<OSSL_PARAM>?) -> Raw?
  typealias Make = @convention(c) (Raw?, OpaquePointer?, Raw?) -> Raw?
  typealias SetTerms = @convention(c) (Raw?, UnsafePointer<OSSL_PARAM>?) -> Int32
  typealias End = @convention(c) (Raw?) -> Void

  let context: Raw
  let new: New
  let free: End
  let take: Import
  let begin: Begin
  let make: Make
  let setTerms: SetTerms
  let end: End
  let newExchange: New

  init?(
    _ keys: UnsafePointer<OSSL_DISPATCH>, _ exchange: UnsafePointer<OSSL_DISPATCH>, _ context: Raw
  ) {
    guard let new = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_NEW),
      let free = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_FREE),
      let take = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_IMPORT),
      let begin = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_GEN_INIT),
      let make = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_GEN),
      let setTerms = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS),
      let end = unsafe Self.function(keys, OSSL_FUNC_KEYMGMT_GEN_CLEANUP),
      let newExchange = unsafe Self.function(exchange, OSSL_FUNC_KEYEXCH_NEWCTX)
    else { return nil }
    unsafe self.context = context
    unsafe self.new = unsafeBitCast(new, to: New.self)
    unsafe self.free = unsafeBitCast(free, to: End.self)
    unsafe self.take = unsafeBitCast(take, to: Import.self)
    unsafe self.begin = unsafeBitCast(begin, to: Begin.self)
    unsafe self.make = unsafeBitCast(make, to: Make.self)
    unsafe self.setTerms = unsafeBitCast(setTerms, to: SetTerms.self)
    unsafe self.end = unsafeBitCast(end, to: End.self)
    unsafe self.newExchange = unsafeBitCast(newExchange, to: New.self)
  }

  private static func function(
    _ table: UnsafePointer<OSSL_DISPATCH>, _ id: Int32
  ) -> OpenSSLFunction? {
    var next = unsafe table
    while unsafe next.pointee.function_id != 0 {
      if unsafe next.pointee.function_id == id { return unsafe next.pointee.function }
      unsafe next += 1
    }
    return nil
  }

  /// A key of OpenSSL's own with a pair that is new; nil without randomness or memory.
  func makePair() -> Raw? {
    var secret = KeyShare.Bytes(repeating: 0)
    defer {
      unsafe withUnsafeMutableBytes(of: &secret) {
        unsafe OPENSSL_cleanse($0.baseAddress, $0.count)
      }
    }
    let isRandom = unsafe withUnsafeMutableBytes(of: &secret) { bytes in
      unsafe RAND_priv_bytes_ex(
        nil, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, 0)
    }
    guard isRandom == 1, let key = unsafe new(context) else { return nil }
    secret = KeyShare.clamped(secret)
    var share = KeyShare.publicKey(of: secret)
    let isTaken = unsafe withUnsafeMutableBytes(of: &secret) { secret in
      unsafe withUnsafeMutableBytes(of: &share) { share in
        let parameters = unsafe [
          OSSL_PARAM_construct_octet_string(
            ("pub" as StaticString).cString, share.baseAddress, share.count),
          OSSL_PARAM_construct_octet_string(
            ("priv" as StaticString).cString, secret.baseAddress, secret.count),
          OSSL_PARAM_construct_end(),
        ]
        return unsafe take(key, OSSL_KEYMGMT_SELECT_KEYPAIR, parameters)
      }
    }
    guard isTaken == 1 else {
      unsafe free(key)
      return nil
    }
    return unsafe key
  }
}

/// What is asked for, from the beginning of a generation to its end.
@unsafe private struct Wish {
  let isPair: Bool
  let own: UnsafeMutableRawPointer
}

private let newKey: OpenSSLKeys.New = { _ in
  guard let keys = unsafe openSSLKeys else { return nil }
  return unsafe keys.new(keys.context)
}

private let newExchange: OpenSSLKeys.New = { _ in
  guard let keys = unsafe openSSLKeys else { return nil }
  return unsafe keys.newExchange(keys.context)
}

private let beginPair: OpenSSLKeys.Begin = { _, selection, parameters in
  guard let keys = unsafe openSSLKeys,
    let own = unsafe keys.begin(keys.context, selection, parameters)
  else { return nil }
  let wish = UnsafeMutablePointer<Wish>.allocate(capacity: 1)
  unsafe wish.initialize(
    to: Wish(isPair: selection & OSSL_KEYMGMT_SELECT_KEYPAIR != 0, own: own))
  return UnsafeMutableRawPointer(wish)
}

private let setTerms: OpenSSLKeys.SetTerms = { context, parameters in
  guard let keys = unsafe openSSLKeys, let wish = unsafe context?.load(as: Wish.self) else {
    return 0
  }
  return unsafe keys.setTerms(wish.own, parameters)
}

/// Without the two keys nothing is random: then it is OpenSSL's own.
private let makePair: OpenSSLKeys.Make = { context, tell, argument in
  guard let keys = unsafe openSSLKeys, let wish = unsafe context?.load(as: Wish.self) else {
    return nil
  }
  return unsafe wish.isPair ? keys.makePair() : keys.make(wish.own, tell, argument)
}

private let endPair: OpenSSLKeys.End = { context in
  guard let keys = unsafe openSSLKeys, let context = unsafe context else { return }
  unsafe keys.end(context.load(as: Wish.self).own)
  unsafe context.assumingMemoryBound(to: Wish.self).deallocate()
}

/// Who is told of TLS's groups.
@unsafe private struct GroupListener {
  let tell: KeyShareMethods.Teller
  let argument: UnsafeMutableRawPointer?
}

private let passOwnGroup: KeyShareMethods.Teller = { parameters, context in
  guard let listener = unsafe context?.load(as: GroupListener.self),
    let group = unsafe OSSL_PARAM_locate_const(parameters, OSSL_CAPABILITY_TLS_GROUP_ALG)
  else { return 0 }
  let isOurs = unsafe group.pointee.data.map {
    unsafe strcmp($0.assumingMemoryBound(to: CChar.self), "X25519") == 0
  }
  return unsafe isOurs == true ? listener.tell(parameters, listener.argument) : 1
}

extension KeyShare {
  /// The first iteration of RFC 7748, section 5.2, which begins at the base point.
  static var knowsTheAnswers: Bool {
    let found = publicKey(of: clamped(bytes([9, 0, 0, 0])))
    let wanted = bytes([
      0xbcd7_2762_7a8e_2c42, 0x9f27_b72b_3e0b_35a1, 0x784b_85b6_7bb8_9778, 0x7930_ae11_03e8_603c,
    ])
    return (0..<32).allSatisfy { found[$0] == wanted[$0] }
  }

  /// Whose keys, and whose exchange of them, a query finds.
  static func providers(forQuery query: String?) -> [String?] {
    let keys = unsafe EVP_KEYMGMT_fetch(nil, "X25519", query)
    let exchange = unsafe EVP_KEYEXCH_fetch(nil, "X25519", query)
    defer {
      unsafe EVP_KEYMGMT_free(keys)
      unsafe EVP_KEYEXCH_free(exchange)
    }
    return unsafe [
      keys.flatMap { unsafe HandshakeProvider.name(of: EVP_KEYMGMT_get0_provider($0)) },
      exchange.flatMap { unsafe HandshakeProvider.name(of: EVP_KEYEXCH_get0_provider($0)) },
    ]
  }

  /// From four words, the lowest byte of the first first.
  static func bytes(_ words: [UInt64]) -> Bytes {
    var bytes = Bytes(repeating: 0)
    for index in 0..<32 {
      bytes[index] = UInt8(truncatingIfNeeded: words[index / 8] &>> (8 * UInt64(index % 8)))
    }
    return bytes
  }
}
