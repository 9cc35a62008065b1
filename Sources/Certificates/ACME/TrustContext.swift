internal import COpenSSL

/// Whom a client of ours believes: the system's authorities, or those in one PEM file.
@safe final class TrustContext {
  let pointer: OpaquePointer

  init(path: String?) throws(ACMEError) {
    guard let context = unsafe SSL_CTX_new(TLS_client_method()) else {
      throw ACMEError(.openSSL("openssl", "no memory for a TLS client"))
    }
    unsafe pointer = unsafe context
    guard unsafe gatehouse_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 else {
      throw ACMEError(.openSSL("openssl", "cannot require TLS 1.2"))
    }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    if let path {
      guard unsafe SSL_CTX_load_verify_file(context, path) == 1 else {
        throw ACMEError(.openSSL(path, "no PEM file of authorities to trust"))
      }
    } else if unsafe SSL_CTX_set_default_verify_paths(context) != 1 {
      throw ACMEError(.openSSL("openssl", "cannot read the system's authorities"))
    }
  }

  deinit { unsafe SSL_CTX_free(pointer) }
}
