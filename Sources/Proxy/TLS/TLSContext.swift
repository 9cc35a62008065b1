internal import COpenSSL
internal import Glibc

/// Why a TLS context could not be made; the configuration that asked for it is refused.
public struct TLSContextError: Error, Sendable, Equatable {
  /// Which certificate or setting.
  public let subject: String
  public let reason: String

  init(_ subject: String, _ reason: String) {
    self.subject = subject
    self.reason = reason
  }
}

/// Settings and certificate shared by many connections of one worker.
@safe final class TLSContext {
  let pointer: OpaquePointer

  /// For a listener: Mozilla's intermediate profile (version 5.7 without finite-field DHE).
  init(listener settings: ProxyConfiguration.TLS, sealer: TicketSealer) throws(TLSContextError) {
    guard let context = unsafe HandshakeProvider.makeContext() else {
      throw TLSContextError("listener", OpenSSLError.takeLast().reason)
    }
    unsafe pointer = context
    let minimum = settings.minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION
    let options =
      gatehouse_SSL_OP_NO_COMPRESSION | gatehouse_SSL_OP_NO_RENEGOTIATION
      | gatehouse_SSL_OP_CIPHER_SERVER_PREFERENCE | gatehouse_SSL_OP_PRIORITIZE_CHACHA
    unsafe SSL_CTX_set_options(context, options)
    unsafe gatehouse_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
    unsafe Self.setCommon(context)
    guard unsafe gatehouse_SSL_CTX_set_min_proto_version(context, minimum) == 1,
      unsafe SSL_CTX_set_cipher_list(context, Self.cipherList) == 1,
      unsafe SSL_CTX_set_ciphersuites(context, Self.cipherSuites) == 1,
      unsafe gatehouse_SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1,
      unsafe SSL_CTX_set_num_tickets(context, settings.tickets) == 1,
      unsafe SSL_CTX_set_session_id_context(context, "gatehouse", 9) == 1
    else { throw TLSContextError("listener", OpenSSLError.takeLast().reason) }
    guard sealer.install(in: self) else {
      throw TLSContextError("session tickets", OpenSSLError.takeLast().reason)
    }
    if settings.tickets == 0 {
      unsafe SSL_CTX_set_options(context, gatehouse_SSL_OP_NO_TICKET)
    }
    unsafe SSL_CTX_set_alpn_select_cb(context, selectHTTP1, nil)
  }

  /// For an authority that validates a name: it gets its proof and nothing else (RFC 8737).
  init(challenge certificate: ProxyConfiguration.Certificate) throws(TLSContextError) {
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else {
      throw TLSContextError(certificate.name, OpenSSLError.takeLast().reason)
    }
    unsafe pointer = context
    unsafe SSL_CTX_set_options(context, gatehouse_SSL_OP_NO_TICKET)
    unsafe gatehouse_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
    unsafe Self.setCommon(context)
    guard unsafe gatehouse_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      throw TLSContextError(certificate.name, OpenSSLError.takeLast().reason)
    }
    unsafe SSL_CTX_set_alpn_select_cb(context, selectChallenge, nil)
    try use(certificate)
  }

  /// For connections to servers.
  init(upstream settings: ProxyConfiguration.UpstreamTLS) throws(TLSContextError) {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw TLSContextError(settings.serverName, OpenSSLError.takeLast().reason)
    }
    unsafe pointer = context
    unsafe Self.setCommon(context)
    unsafe gatehouse_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
    guard unsafe gatehouse_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      throw TLSContextError(settings.serverName, OpenSSLError.takeLast().reason)
    }
    guard settings.verify else { return }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    try trust(settings)
  }

  deinit { unsafe SSL_CTX_free(pointer) }

  private static let cipherList = """
    ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
    ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
    """

  /// For TLS 1.3, in Mozilla's order: with OpenSSL's own, AES-256 first, a full handshake takes 9 %
  /// more and a resumed one 12 % (docs/performance.md).
  private static let cipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

  private static func setCommon(_ context: OpaquePointer) {
    // Without it 13.8 kB more for each idle connection (docs/performance.md).
    unsafe gatehouse_SSL_CTX_set_mode(context, Int(SSL_MODE_RELEASE_BUFFERS))
  }

  private func trust(_ settings: ProxyConfiguration.UpstreamTLS) throws(TLSContextError) {
    guard let bytes = settings.authoritiesPEM else {
      guard unsafe SSL_CTX_set_default_verify_paths(pointer) == 1 else {
        throw TLSContextError(settings.serverName, OpenSSLError.takeLast().reason)
      }
      return
    }
    let store = unsafe SSL_CTX_get_cert_store(pointer)
    var count = 0
    unsafe try PEMReader.forEachCertificate(in: bytes, of: settings.serverName) { certificate in
      unsafe X509_STORE_add_cert(store, certificate)
      count += 1
    }
    guard count > 0 else {
      throw TLSContextError(settings.serverName, "no certificate in the file of authorities")
    }
  }
}

private typealias SelectProtocol =
  @convention(c) (
    OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
    UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
  ) -> Int32

/// HTTP/1.1 where a client offers it; a client that offers only others goes on without ALPN.
private let selectHTTP1: SelectProtocol = { _, chosen, chosenCount, offered, offeredCount, _ in
  unsafe select("http/1.1", chosen, chosenCount, offered, offeredCount)
}

private let selectChallenge: SelectProtocol = { _, chosen, chosenCount, offered, offeredCount, _ in
  unsafe select("acme-tls/1", chosen, chosenCount, offered, offeredCount)
}

private func select(
  _ wanted: String, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
  _ offeredCount: UInt32
) -> Int32 {
  guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_NOACK }
  let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
  var position = 0
  while position < list.count {
    let count = unsafe Int(list[position])
    let name = unsafe list.dropFirst(position + 1).prefix(count)
    if unsafe name.elementsEqual(wanted.utf8) {
      unsafe chosen?.pointee = offered + position + 1
      unsafe chosenCount?.pointee = UInt8(count)
      return SSL_TLSEXT_ERR_OK
    }
    position += 1 + count
  }
  return SSL_TLSEXT_ERR_NOACK
}
