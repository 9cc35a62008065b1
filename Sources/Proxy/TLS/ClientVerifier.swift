internal import COpenSSL
internal import Glibc

/// `ClientAuth` made ready: sets up a handshake so that its client must show who he is.
///
/// Sessions are bound to what is asked here, so that one begun under other terms is not resumed
/// (nginx CVE-2025-23419, Envoy CVE-2022-21654).
@safe final class ClientVerifier {
  /// Of the terms; equal only where they are the same to the byte.
  let identity: [UInt8]
  /// When the first list of revoked certificates, or authority, has run out; Unix time.
  private(set) var goodUntil = Int64.max
  let settings: ClientAuth
  private let store: OpaquePointer
  /// Names of the authorities, which a client is told to choose among.
  private let authorities: OpaquePointer

  init(_ settings: ClientAuth, of subject: String) throws(TLSContextError) {
    guard let store = unsafe X509_STORE_new(), let names = unsafe gatehouse_sk_X509_NAME_new_null()
    else { throw TLSContextError(subject, "out of memory") }
    unsafe self.store = store
    unsafe authorities = names
    self.settings = settings
    identity = Self.digest(of: settings)
    // From here on deinit frees both.
    guard identity.count == Int(SHA256_DIGEST_LENGTH) else {
      throw TLSContextError(subject, "SHA-256 fails: \(OpenSSLError.takeLast().reason)")
    }
    // An authority in the file is trusted for itself, though another may stand above it.
    unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
    let trusted = try trustAuthorities(subject)
    try takeRevocations(subject, of: trusted)
  }

  deinit {
    unsafe X509_STORE_free(store)
    unsafe gatehouse_sk_X509_NAME_pop_free(authorities)
  }

  /// Binds the handshake to these terms; false refuses it.
  func prepare(_ ssl: OpaquePointer) -> Bool {
    guard let names = unsafe SSL_dup_CA_list(authorities) else { return false }
    unsafe SSL_set0_CA_list(ssl, names)
    let required = settings.mode == .require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
    unsafe SSL_set_verify(ssl, SSL_VERIFY_PEER | required, checkClientName)
    let own = unsafe Unmanaged.passUnretained(self).toOpaque()
    // A session remembers what was checked; once something has run out, all is checked each time.
    if Clock.unixSeconds() >= goodUntil { unsafe SSL_set_options(ssl, gatehouse_SSL_OP_NO_TICKET) }
    return unsafe SSL_set_ex_data(ssl, 0, own) == 1
      && gatehouse_SSL_set1_verify_cert_store(ssl, store) == 1
      && SSL_set_session_id_context(ssl, identity, UInt32(identity.count)) == 1
  }

  /// Their names, as their lists call them.
  private func trustAuthorities(_ subject: String) throws(TLSContextError) -> [UInt: String] {
    var count = 0
    var names: [UInt: String] = [:]
    var failure: String?
    unsafe try PEMReader.forEachCertificate(in: settings.authoritiesPEM, of: subject) {
      count += 1
      if let name = unsafe X509_get_subject_name($0) {
        unsafe names[Self.hash(name)] = Self.text(name)
      }
      unsafe note(end: X509_get0_notAfter($0))
      if unsafe X509_check_ca($0) == 0 { failure = "certificate \(count) is no authority's" }
      if unsafe Self.isDamaged($0) {
        failure = "certificate \(count) is damaged: its own signature does not fit"
      }
      if unsafe X509_STORE_add_cert(store, $0) != 1
        || addName(to: authorities, of: $0) == false
      {
        failure = "OpenSSL refuses certificate \(count)"
      }
    }
    if let failure { throw TLSContextError(subject, failure) }
    guard count > 0 else { throw TLSContextError(subject, "no certificate in the file") }
    return names
  }

  private func takeRevocations(
    _ subject: String, of authorities: [UInt: String]
  ) throws(TLSContextError) {
    guard let bytes = settings.revokedPEM else { return }
    var count = 0
    var isTaken = true
    var missing = authorities
    var stranger: String?
    var unsigned: String?
    unsafe try PEMReader.forEachRevocationList(in: bytes, of: subject) {
      count += 1
      if unsafe X509_STORE_add_crl(store, $0) != 1 { isTaken = false }
      unsafe note(end: X509_CRL_get0_nextUpdate($0))
      guard let name = unsafe X509_CRL_get_issuer($0) else { return }
      if unsafe authorities[Self.hash(name)] == nil { stranger = unsafe Self.text(name) }
      if unsafe !isSigned($0, by: name) { unsigned = unsafe Self.text(name) }
      unsafe missing[Self.hash(name)] = nil
    }
    guard isTaken else {
      throw TLSContextError(subject, "OpenSSL refuses list \(count) of revoked certificates")
    }
    guard count > 0 else {
      throw TLSContextError(subject, "no list of revoked certificates (X509 CRL) in the file")
    }
    if let stranger {
      throw TLSContextError(subject, "a list of \(stranger), which is none of the authorities")
    }
    if let unsigned {
      throw TLSContextError(
        subject, "the list of \(unsigned) is damaged, or another's: the authority has not signed it"
      )
    }
    if let name = missing.values.min() {
      throw TLSContextError(
        subject, "no list of \(name): with crl, each authority in the file of ca needs one")
    }
    // The authorities' own certificates are looked up, too.
    unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
  }

  /// One that signs itself tells by that whether a byte of it has changed.
  private static func isDamaged(_ certificate: OpaquePointer) -> Bool {
    defer { ERR_clear_error() }
    guard unsafe X509_self_signed(certificate, 0) == 1 else { return false }
    return unsafe X509_verify(certificate, X509_get0_pubkey(certificate)) != 1
  }

  /// Whether an authority of the list's issuer has signed it: one that has not would be found out by the
  /// first client, and then let nobody in.
  private func isSigned(_ list: OpaquePointer, by issuer: OpaquePointer) -> Bool {
    defer { ERR_clear_error() }
    var isSigned = false
    try? unsafe PEMReader.forEachCertificate(in: settings.authoritiesPEM, of: "") {
      guard let name = unsafe X509_get_subject_name($0),
        unsafe Self.hash(name) == Self.hash(issuer),
        let key = unsafe X509_get0_pubkey($0)
      else { return }
      if unsafe X509_CRL_verify(list, key) == 1 { isSigned = true }
    }
    return isSigned
  }

  private func note(end: UnsafePointer<ASN1_TIME>?) {
    var parts = unsafe tm()
    guard let end = unsafe end, unsafe ASN1_TIME_to_tm(end, &parts) == 1 else { return }
    goodUntil = unsafe min(goodUntil, Int64(timegm(&parts)))
  }

  private static func hash(_ name: OpaquePointer) -> UInt {
    unsafe UInt(X509_NAME_hash_ex(name, nil, nil, nil))
  }

  private static func text(_ name: OpaquePointer) -> String {
    var text = [CChar](repeating: 0, count: 256)
    unsafe X509_NAME_oneline(name, &text, Int32(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Over everything that decides who is let in, each part with its length in front.
  private static func digest(of settings: ClientAuth) -> [UInt8] {
    var text: [UInt8] = settings.mode == .require ? [1] : [2]
    let parts =
      [settings.authoritiesPEM, settings.revokedPEM ?? [], [settings.revokedPEM == nil ? 0 : 1]]
      + settings.allowedNames.map { Array($0.utf8) }
    for part in parts {
      text += unsafe withUnsafeBytes(of: UInt64(part.count).littleEndian) { unsafe Array($0) }
      text += part
    }
    var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
    var count: UInt32 = 0
    guard unsafe EVP_Digest(text, text.count, &digest, &count, EVP_sha256(), nil) == 1 else {
      return []
    }
    return digest
  }

  /// Called for each certificate of the chain, the client's own last.
  fileprivate func allows(_ context: OpaquePointer) -> Bool {
    guard !settings.allowedNames.isEmpty, unsafe X509_STORE_CTX_get_error_depth(context) == 0
    else { return true }
    guard let certificate = unsafe X509_STORE_CTX_get_current_cert(context) else { return false }
    let names = unsafe ClientNames(of: certificate)
    if settings.allowedNames.contains(where: names.match) { return true }
    unsafe X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION)
    return false
  }

  fileprivate static func of(_ context: OpaquePointer) -> ClientVerifier? {
    let index = SSL_get_ex_data_X509_STORE_CTX_idx()
    guard let ssl = unsafe X509_STORE_CTX_get_ex_data(context, index),
      let own = unsafe SSL_get_ex_data(OpaquePointer(ssl), 0)
    else { return nil }
    return unsafe Unmanaged<ClientVerifier>.fromOpaque(own).takeUnretainedValue()
  }
}

private let checkClientName: @convention(c) (Int32, OpaquePointer?) -> Int32 = { isGood, context in
  guard isGood == 1, let context = unsafe context else { return 0 }
  return unsafe ClientVerifier.of(context)?.allows(context) == true ? 1 : 0
}

private func addName(to names: OpaquePointer, of certificate: OpaquePointer) -> Bool {
  guard let name = unsafe X509_NAME_dup(X509_get_subject_name(certificate)) else { return false }
  guard unsafe gatehouse_sk_X509_NAME_push(names, name) > 0 else {
    unsafe X509_NAME_free(name)
    return false
  }
  return true
}
