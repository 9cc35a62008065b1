internal import COpenSSL

/// A step of TLS 1.3's key schedule as libssl asks a provider for it; bytes that are nil are not given.
struct ScheduleStep {
  /// Of the result, in OpenSSL's words: SHA2-256.
  var digest: String
  var isExtract = false
  var key: [UInt8]?
  var salt: [UInt8]?
  var label = ""
  var data: [UInt8]?
  /// Bytes of the result.
  var count: Int

  /// By the provider that the query finds; nil where it refuses.
  func derive(query: String) -> [UInt8]? {
    guard let method = unsafe EVP_KDF_fetch(nil, "TLS13-KDF", query) else { return nil }
    defer { unsafe EVP_KDF_free(method) }
    guard let context = unsafe EVP_KDF_CTX_new(method) else { return nil }
    defer { unsafe EVP_KDF_CTX_free(context) }
    var result = [UInt8](repeating: 0, count: count)
    let isDone = unsafe withParameters { parameters in
      unsafe EVP_KDF_derive(context, &result, count, parameters) == 1
    }
    guard isDone else {
      ERR_clear_error()
      return nil
    }
    return result
  }

  /// Without a provider between.
  func derive() -> [UInt8]? {
    var result = [UInt8](repeating: 0, count: count)
    let isDone = unsafe withParameters { parameters in
      unsafe result.withUnsafeMutableBytes { room in
        unsafe KeyDerivation(parameters)?.derive(into: room) ?? false
      }
    }
    return isDone ? result : nil
  }

  /// Lends the step in OpenSSL's form, which points to where its parts are.
  private func withParameters(_ body: (UnsafePointer<OSSL_PARAM>) -> Bool) -> Bool {
    let given: [(name: StaticString, bytes: [UInt8]?)] = [
      ("key", key), ("salt", salt), ("prefix", Array("tls13 ".utf8)), ("label", Array(label.utf8)),
      ("data", data),
    ]
    var mode = isExtract ? EVP_KDF_HKDF_MODE_EXTRACT_ONLY : EVP_KDF_HKDF_MODE_EXPAND_ONLY
    // Each with a byte behind it: the digest's name ends with it, and none is at no address.
    var store = Array(digest.utf8) + [0]
    for case (_, let bytes?) in given { store += bytes + [0] }
    return unsafe withUnsafeMutablePointer(to: &mode) { mode in
      unsafe store.withUnsafeMutableBytes { store in
        guard var next = store.baseAddress else { return false }
        var list = unsafe [
          OSSL_PARAM_construct_int(("mode" as StaticString).cString, mode),
          OSSL_PARAM_construct_utf8_string(
            ("digest" as StaticString).cString, next.assumingMemoryBound(to: CChar.self), 0),
        ]
        unsafe next += digest.utf8.count + 1
        for case (let name, let bytes?) in given {
          unsafe list.append(OSSL_PARAM_construct_octet_string(name.cString, next, bytes.count))
          unsafe next += bytes.count + 1
        }
        unsafe list.append(OSSL_PARAM_construct_end())
        return unsafe list.withUnsafeBufferPointer { list in
          guard let start = list.baseAddress else { return false }
          return unsafe body(start)
        }
      }
    }
  }
}

extension StaticString {
  /// With its zero, where it stays for as long as the process runs: for tables that OpenSSL keeps.
  @unsafe var cString: UnsafePointer<CChar> {
    unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
