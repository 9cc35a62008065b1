internal import COpenSSL
internal import Foundation

/// Roots to verify against; nothing changes once they are loaded, so threads may share them.
@safe final class RootStore: @unchecked Sendable {
  enum Answer {
    case endsAt(String)
    case noIssuer
    case broken(String)

    /// Nil where only the issuer was not found.
    func verdict(_ good: (String) -> ChainVerdict) -> ChainVerdict? {
      switch self {
      case .endsAt(let root): good(root)
      case .broken(let why): .broken(why)
      case .noIssuer: nil
      }
    }
  }

  private let pointer: OpaquePointer

  /// Those in PEM bytes; the system's when nil.
  convenience init(_ pem: [UInt8]?) throws(CertificateError) {
    guard let pem else {
      try self.init(holding: [])
      // A system without any trusts none.
      _ = unsafe X509_STORE_set_default_paths(pointer)
      ERR_clear_error()
      return
    }
    try self.init(holding: pem.isEmpty ? [] : try X509Certificate.readAll(pem))
  }

  init(holding roots: [X509Certificate]) throws(CertificateError) {
    guard let store = unsafe X509_STORE_new() else { throw .openSSL("openssl", "no memory") }
    unsafe pointer = unsafe store
    for root in roots { _ = unsafe X509_STORE_add_cert(store, root.pointer) }
    ERR_clear_error()
  }

  deinit { unsafe X509_STORE_free(pointer) }

  func verify(_ chain: [X509Certificate], now: Date) -> Answer {
    defer { ERR_clear_error() }
    guard let leaf = chain.first, let others = unsafe gatehouse_sk_X509_new_null() else {
      return .broken("no memory")
    }
    defer { unsafe gatehouse_sk_X509_free(others) }
    for certificate in chain.dropFirst() {
      _ = unsafe gatehouse_sk_X509_push(others, certificate.pointer)
    }
    guard let context = unsafe X509_STORE_CTX_new() else { return .broken("no memory") }
    defer { unsafe X509_STORE_CTX_free(context) }
    guard unsafe X509_STORE_CTX_init(context, pointer, leaf.pointer, others) == 1,
      unsafe X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1
    else { return .broken("cannot be verified") }
    // Dates have a gate of their own; an authority of this installation need not sign itself.
    let flags = UInt(X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN)
    unsafe X509_STORE_CTX_set_flags(context, flags)
    let isGood = unsafe X509_verify_cert(context) == 1
    return unsafe answer(isGood, context, now: now)
  }

  private func answer(_ isGood: Bool, _ context: OpaquePointer, now: Date) -> Answer {
    let code = unsafe X509_STORE_CTX_get_error(context)
    let depth = unsafe X509_STORE_CTX_get_error_depth(context)
    // What the server's own certificate may be used for has gates of its own.
    let isOwnPurpose = code == X509_V_ERR_INVALID_PURPOSE && depth == 0
    if isGood || isOwnPurpose {
      guard let found = unsafe X509_STORE_CTX_get0_chain(context),
        let top = unsafe gatehouse_sk_X509_value(found, gatehouse_sk_X509_num(found) - 1),
        unsafe X509_up_ref(top) == 1
      else { return .broken("cannot be verified") }
      let root = unsafe X509Certificate(owning: top)
      if let end = root.notAfter, end <= now {
        return .broken("\(root.subject), the authority at its end, has expired")
      }
      return .endsAt(root.subject)
    }
    switch code {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
      X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_UNTRUSTED:
      return .noIssuer
    default: break
    }
    var place = "the chain"
    if let bad = unsafe X509_STORE_CTX_get_current_cert(context), unsafe X509_up_ref(bad) == 1 {
      place = unsafe X509Certificate(owning: bad).subject
    }
    let text = unsafe X509_verify_cert_error_string(Int(code)).map { unsafe String(cString: $0) }
    return .broken("\(place): \(text ?? "error \(code)")")
  }
}
