internal import COpenSSL

/// The names a certificate serves: DNS names in lower case, `*.` taken off the wildcards.
struct CertificateNames {
  var exact: [[UInt8]] = []
  var wildcard: [[UInt8]] = []
  var addresses: [IPAddress] = []
}

extension TLSContext {
  /// Takes chain and key, beside those of other kinds of keys that it has already.
  func use(_ certificate: ProxyConfiguration.Certificate) throws(TLSContextError) {
    var isLeaf = true
    var failure: String?
    unsafe try PEMReader.forEachCertificate(in: certificate.chainPEM, of: certificate.name) {
      guard !isLeaf else {
        isLeaf = false
        if unsafe SSL_CTX_use_certificate(pointer, $0) != 1 { failure = "OpenSSL refuses the leaf" }
        return
      }
      if unsafe gatehouse_SSL_CTX_add1_chain_cert(pointer, $0) != 1 {
        failure = "OpenSSL refuses a certificate of the chain"
      }
    }
    guard !isLeaf else { throw TLSContextError(certificate.name, "no certificate in the file") }
    if let failure {
      throw TLSContextError(certificate.name, "\(failure): \(OpenSSLError.takeLast().reason)")
    }
    let key = unsafe try PEMReader.privateKey(in: certificate.keyPEM, of: certificate.name)
    defer { unsafe EVP_PKEY_free(key) }
    // A key that doesn't match silently drops the other of the two; so ask (operations.md, 1.4).
    guard unsafe SSL_CTX_use_PrivateKey(pointer, key) == 1,
      unsafe SSL_CTX_check_private_key(pointer) == 1
    else {
      ERR_clear_error()
      throw TLSContextError(certificate.name, "the private key does not belong to the certificate")
    }
  }
}

extension CertificateNames {
  init(of certificate: OpaquePointer) {
    guard
      let extensionValue = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
    else {
      ERR_clear_error()
      return
    }
    let names = OpaquePointer(extensionValue)
    defer { unsafe GENERAL_NAMES_free(names) }
    let count = unsafe max(0, gatehouse_sk_GENERAL_NAME_num(names))
    for index in 0..<count {
      let name = unsafe gatehouse_sk_GENERAL_NAME_value(names, index)
      if let dns = unsafe gatehouse_GENERAL_NAME_dns(name) {
        unsafe add(dnsName: Self.bytes(dns))
      } else if let address = unsafe gatehouse_GENERAL_NAME_ip(name) {
        unsafe add(address: Self.bytes(address))
      }
    }
  }

  private mutating func add(dnsName bytes: [UInt8]) {
    // A NUL would end the name early for a careless reader (Envoy CVE-2025-66220).
    guard !bytes.isEmpty, !bytes.contains(0) else { return }
    let name = bytes.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 }
    if name.starts(with: Array("*.".utf8)) {
      wildcard.append(Array(name.dropFirst(2)))
    } else {
      exact.append(name)
    }
  }

  private mutating func add(address bytes: [UInt8]) {
    switch bytes.count {
    case 4: addresses.append(.ipv4(bytes.reduce(0) { $0 << 8 | UInt32($1) }))
    case 16: addresses.append(.ipv6(bytes.reduce(0) { $0 << 8 | UInt128($1) }))
    default: return
    }
  }

  private static func bytes(_ text: UnsafePointer<ASN1_STRING>) -> [UInt8] {
    unsafe Array(
      UnsafeBufferPointer(
        start: ASN1_STRING_get0_data(text), count: max(0, Int(ASN1_STRING_length(text)))))
  }
}
