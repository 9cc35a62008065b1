internal import COpenSSL
internal import Foundation

/// What tells a public authority's certificate from others, and names no client would match.
extension X509Certificate {
  /// Signed certificate timestamps within it (RFC 6962).
  var timestampCount: Int {
    guard let value = unsafe X509_get_ext_d2i(pointer, NID_ct_precert_scts, nil, nil) else {
      ERR_clear_error()
      return 0
    }
    let list = OpaquePointer(value)
    defer { unsafe SCT_LIST_free(list) }
    return unsafe Int(max(0, gatehouse_sk_SCT_num(list)))
  }

  /// Says where the certificate of its issuer can be fetched (RFC 5280, section 4.2.2.1).
  var namesIssuerURL: Bool {
    guard let value = unsafe X509_get_ext_d2i(pointer, NID_info_access, nil, nil) else {
      ERR_clear_error()
      return false
    }
    let list = OpaquePointer(value)
    defer { unsafe AUTHORITY_INFO_ACCESS_free(list) }
    let count = unsafe max(0, gatehouse_sk_ACCESS_DESCRIPTION_num(list))
    return (0..<count).contains {
      unsafe gatehouse_ACCESS_DESCRIPTION_nid(list, $0) == NID_ad_ca_issuers
    }
  }

  /// Bears a policy of the CA/Browser Forum, `2.23.140.1.…`.
  var hasPublicPolicy: Bool {
    guard let value = unsafe X509_get_ext_d2i(pointer, NID_certificate_policies, nil, nil) else {
      ERR_clear_error()
      return false
    }
    let list = OpaquePointer(value)
    defer { unsafe CERTIFICATEPOLICIES_free(list) }
    let count = unsafe max(0, gatehouse_sk_POLICYINFO_num(list))
    return (0..<count).contains { index in
      var text = [CChar](repeating: 0, count: 80)
      let policy = unsafe gatehouse_POLICYINFO_policy(list, index)
      guard unsafe OBJ_obj2txt(&text, Int32(text.count), policy, 1) > 0 else { return false }
      let number = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      return String(decoding: number, as: UTF8.self).hasPrefix("2.23.140.1.")
    }
  }

  /// What is wrong with the serial number, if anything (RFC 5280, section 4.1.2.2).
  var serialFault: String? {
    let number = unsafe X509_get0_serialNumber(pointer)
    let bytes = unsafe Self.bytes(number)
    if unsafe ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER { return "negative" }
    if bytes.allSatisfy({ $0 == 0 }) { return "zero" }
    return bytes.count > 20 ? "longer than 20 bytes" : nil
  }

  /// DNS names as they stand in the certificate, byte for byte.
  var rawDNSNames: [[UInt8]] {
    guard let value = unsafe X509_get_ext_d2i(pointer, NID_subject_alt_name, nil, nil) else {
      ERR_clear_error()
      return []
    }
    let list = OpaquePointer(value)
    defer { unsafe GENERAL_NAMES_free(list) }
    let count = unsafe max(0, gatehouse_sk_GENERAL_NAME_num(list))
    return (0..<count).compactMap { index in
      let name = unsafe gatehouse_sk_GENERAL_NAME_value(list, index)
      return unsafe gatehouse_GENERAL_NAME_dns(name).map { unsafe Self.bytes($0) }
    }
  }

  /// More than any file of roots holds.
  private static let rootLimit = 1_000

  /// All certificates in PEM bytes, as many as a file of roots may hold.
  static func readAll(_ pem: [UInt8]) throws(CertificateError) -> [X509Certificate] {
    let bio = try MemoryBIO(holding: pem)
    var found: [X509Certificate] = []
    while found.count < rootLimit, let next = unsafe PEM_read_bio_X509(bio.pointer, nil, nil, nil) {
      unsafe found.append(X509Certificate(owning: next))
    }
    ERR_clear_error()
    return found
  }
}
