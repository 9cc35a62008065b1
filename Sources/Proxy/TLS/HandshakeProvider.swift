internal import COpenSSL
internal import Glibc
internal import Synchronization

/// The provider "gatehouse": TLS 1.3's key schedule, and shares for X25519.
///
/// OpenSSL 3.0's own looks up digest, MAC and their parameters anew for each of the 25 secrets of a
/// handshake, and takes three times as long for a share: together a fifth of a full handshake
/// (docs/performance.md). The hashes stay OpenSSL's, and so does all else but `KernelRandom`.
public enum HandshakeProvider {
  /// Makes it the first in line, so that whoever shakes hands in this process gets it, if nothing has
  /// asked OpenSSL for an algorithm before; later it is for listeners alone, which then pay a part of
  /// the gain for asking by name.
  public static func install() { _ = isLoaded }

  static let isLoaded = load()

  private static let byName = "?provider=gatehouse"

  /// What listeners ask for algorithms with; nil: nothing, which finds this one too, or none is loaded.
  static let query: String? = isLoaded && !isFirst ? byName : nil

  private static var isFirst: Bool {
    name(forQuery: nil) == "gatehouse"
      && KeyShare.providers(forQuery: nil)
        == KeyShare.providers(forQuery: byName)
  }

  /// A context for listeners.
  static func makeContext() -> OpaquePointer? {
    install()
    guard let query else { return unsafe SSL_CTX_new(TLS_server_method()) }
    return unsafe SSL_CTX_new_ex(nil, query, TLS_server_method())
  }

  /// 3.0: later versions search less, and may ask in another way. Not where the machine's
  /// configuration wants all from a validated module.
  static var isMadeForThis: Bool {
    OPENSSL_version_major() == 3 && OPENSSL_version_minor() == 0
      && EVP_default_properties_is_fips_enabled(nil) == 0
  }

  /// Whose key schedule a query finds.
  static func name(forQuery query: String?) -> String? {
    guard let method = unsafe EVP_KDF_fetch(nil, "TLS13-KDF", query) else { return nil }
    defer { unsafe EVP_KDF_free(method) }
    return unsafe name(of: EVP_KDF_get0_provider(method))
  }

  static func name(of provider: OpaquePointer?) -> String? {
    unsafe OSSL_PROVIDER_get0_name(provider).map { unsafe String(cString: $0) }
  }

  private static func load() -> Bool {
    guard isMadeForThis, knowsTheAnswers else { return false }
    // With the fallbacks: OpenSSL's own providers are loaded as if this one were not there.
    guard unsafe OSSL_PROVIDER_add_builtin(nil, "gatehouse", beginProvider) == 1,
      unsafe OSSL_PROVIDER_try_load(nil, "gatehouse", 1) != nil,
      name(forQuery: byName) == "gatehouse"
    else {
      ERR_clear_error()
      return false
    }
    // Not before: what is loaded first is first in line.
    if KeyShare.knowsTheAnswers, let methods = KeyShareMethods() {
      keyShareMethods.withLock { $0 = methods }
      // From now on their order stands, whatever is loaded.
      _ = KeyShare.providers(forQuery: nil)
    }
    KernelRandom.install()
    return true
  }

  /// The second stage of a handshake without a shared secret from before, for either hash: what every
  /// TLS 1.3 derives (for SHA-256: RFC 8448, section 3).
  private static var knowsTheAnswers: Bool {
    let answers: [(digest: String, early: [UInt8], derived: [UInt8])] = [
      (
        "SHA2-256", [0x33, 0xad, 0x0a, 0x1c, 0x60, 0x7e, 0xc0, 0x3b],
        [0x6f, 0x26, 0x15, 0xa1, 0x08, 0xc7, 0x02, 0xc5]
      ),
      (
        "SHA2-384", [0x7e, 0xe8, 0x20, 0x6f, 0x55, 0x70, 0x02, 0x3e],
        [0x15, 0x91, 0xda, 0xc5, 0xcb, 0xbf, 0x03, 0x30]
      ),
    ]
    return answers.allSatisfy { digest, early, derived in
      let count = digest == "SHA2-256" ? 32 : 48
      let hash = count == 32 ? SHA256_CTX.ofNothing : SHA512_CTX.ofNothing
      let first = ScheduleStep(digest: digest, isExtract: true, count: count).derive()
      let next = ScheduleStep(
        digest: digest, key: first, label: "derived", data: hash, count: count
      ).derive()
      return first?.starts(with: early) == true && next?.starts(with: derived) == true
    }
  }
}

/// Nil until OpenSSL's own, which they stand in front of, is there.
private let keyShareMethods = Mutex<KeyShareMethods?>(nil)

// What OpenSSL is given stays for as long as the process runs, and is never written again.

typealias OpenSSLFunction = @convention(c) () -> Void

@safe private struct Tables: @unchecked Sendable {
  let keySchedule: UnsafeMutablePointer<OSSL_ALGORITHM>
  let provider: UnsafeMutablePointer<OSSL_DISPATCH>

  init() {
    typealias Function = OpenSSLFunction
    unsafe keySchedule = OpenSSLTable.algorithm(
      ("TLS13-KDF" as StaticString).cString,
      OpenSSLTable.dispatch([
        (OSSL_FUNC_KDF_NEWCTX, unsafeBitCast(newDerivation, to: Function.self)),
        (OSSL_FUNC_KDF_FREECTX, unsafeBitCast(forget, to: Function.self)),
        (OSSL_FUNC_KDF_RESET, unsafeBitCast(forget, to: Function.self)),
        (OSSL_FUNC_KDF_DERIVE, unsafeBitCast(derive, to: Function.self)),
        (OSSL_FUNC_KDF_SET_CTX_PARAMS, unsafeBitCast(setParameters, to: Function.self)),
      ]))
    unsafe provider = OpenSSLTable.dispatch([
      (OSSL_FUNC_PROVIDER_QUERY_OPERATION, unsafeBitCast(queryOperation, to: Function.self)),
      (OSSL_FUNC_PROVIDER_GET_CAPABILITIES, unsafeBitCast(tellCapabilities, to: Function.self)),
    ])
  }
}

/// The lists that OpenSSL reads, each with its end.
enum OpenSSLTable {
  static func dispatch(
    _ functions: [(id: Int32, function: OpenSSLFunction?)]
  ) -> UnsafeMutablePointer<OSSL_DISPATCH> {
    let table = UnsafeMutablePointer<OSSL_DISPATCH>.allocate(capacity: functions.count + 1)
    for (index, one) in functions.enumerated() {
      unsafe (table + index).initialize(
        to: OSSL_DISPATCH(function_id: one.id, function: one.function))
    }
    unsafe (table + functions.count).initialize(to: OSSL_DISPATCH(function_id: 0, function: nil))
    return unsafe table
  }

  /// A list of one.
  static func algorithm(
    _ names: UnsafePointer<CChar>, _ functions: UnsafePointer<OSSL_DISPATCH>
  ) -> UnsafeMutablePointer<OSSL_ALGORITHM> {
    let table = UnsafeMutablePointer<OSSL_ALGORITHM>.allocate(capacity: 2)
    unsafe table.initialize(
      to: OSSL_ALGORITHM(
        algorithm_names: names,
        property_definition: ("provider=gatehouse" as StaticString).cString,
        implementation: functions, algorithm_description: nil))
    unsafe (table + 1).initialize(
      to: OSSL_ALGORITHM(
        algorithm_names: nil, property_definition: nil, implementation: nil,
        algorithm_description: nil))
    return unsafe table
  }
}

private let tables = Tables()

private let beginProvider:
  @convention(c) (
    OpaquePointer?, UnsafePointer<OSSL_DISPATCH>?,
    UnsafeMutablePointer<UnsafePointer<OSSL_DISPATCH>?>?,
    UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> Int32 = { handle, _, functions, context in
    unsafe functions?.pointee = UnsafePointer(tables.provider)
    unsafe context?.pointee = handle.map { unsafe UnsafeMutableRawPointer($0) }
    return 1
  }

private let queryOperation:
  @convention(c) (
    UnsafeMutableRawPointer?, Int32, UnsafeMutablePointer<Int32>?
  ) -> UnsafePointer<OSSL_ALGORITHM>? = { _, operation, mayNotKeep in
    unsafe mayNotKeep?.pointee = 0
    switch operation {
    case OSSL_OP_KDF: return unsafe UnsafePointer(tables.keySchedule)
    case OSSL_OP_KEYMGMT, OSSL_OP_KEYEXCH:
      guard let methods = keyShareMethods.withLock({ $0 }) else {
        unsafe mayNotKeep?.pointee = 1
        return nil
      }
      return unsafe operation == OSSL_OP_KEYMGMT ? methods.keys : methods.exchange
    default: return nil
    }
  }

private let tellCapabilities:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafePointer<CChar>?, KeyShareMethods.Teller?,
    UnsafeMutableRawPointer?
  ) -> Int32 = { _, kind, tell, argument in
    guard let methods = keyShareMethods.withLock({ $0 }) else { return 1 }
    return unsafe methods.tellCapabilities(kind, tell, argument)
  }

/// A derivation has no state: libssl gives all of its parameters at once. Any address but nil will do.
private let newDerivation: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
  provider in
  unsafe provider
}

private let forget: @convention(c) (UnsafeMutableRawPointer?) -> Void = { _ in }

/// None before the derivation: they would be forgotten.
private let setParameters:
  @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<OSSL_PARAM>?) -> Int32 = {
    _, parameters in unsafe parameters?.pointee.key == nil ? 1 : 0
  }

private let derive:
  @convention(c) (
    UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>?, Int, UnsafePointer<OSSL_PARAM>?
  ) -> Int32 = { _, result, count, parameters in
    guard let result = unsafe result, let parameters = unsafe parameters,
      let derivation = unsafe KeyDerivation(parameters)
    else { return 0 }
    let room = unsafe UnsafeMutableRawBufferPointer(start: result, count: count)
    return unsafe derivation.derive(into: room) ? 1 : 0
  }
