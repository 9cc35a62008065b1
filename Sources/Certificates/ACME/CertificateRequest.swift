internal import COpenSSL

/// What is sent to be signed (RFC 2986): a key and the names, nothing else.
enum CertificateRequest {
  /// DER, with an empty subject: only the names in the extension count.
  static func make(
    for names: [ServerName], key: PrivateKey
  ) throws(CertificateError) -> [UInt8] {
    guard let request = unsafe X509_REQ_new() else { throw .openSSL("openssl", "no memory") }
    defer { unsafe X509_REQ_free(request) }
    let list = names.map(\.alternativeName).joined(separator: ",")
    guard
      let names = unsafe X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, list),
      let extensions = unsafe gatehouse_sk_X509_EXTENSION_new_null()
    else { throw .openSSL(list, "not names a certificate can bear") }
    // The stack takes the extension over.
    guard unsafe gatehouse_sk_X509_EXTENSION_push(extensions, names) > 0 else {
      unsafe X509_EXTENSION_free(names)
      throw .openSSL(list, "no memory")
    }
    defer { unsafe gatehouse_sk_X509_EXTENSION_free(extensions) }
    guard unsafe X509_REQ_set_version(request, 0) == 1,
      unsafe X509_REQ_set_pubkey(request, key.pointer) == 1,
      unsafe X509_REQ_add_extensions(request, extensions) == 1,
      unsafe X509_REQ_sign(request, key.pointer, EVP_sha256()) > 0
    else { throw .openSSL(list, "cannot make a request") }
    let count = unsafe i2d_X509_REQ(request, nil)
    guard count > 0 else { throw .openSSL(list, "cannot make a request") }
    var der = [UInt8](repeating: 0, count: Int(count))
    unsafe der.withUnsafeMutableBufferPointer {
      var end = $0.baseAddress
      _ = unsafe i2d_X509_REQ(request, &end)
    }
    return der
  }
}
