internal import COpenSSL
internal import Foundation
internal import Glibc

/// Makes one certificate; `issuer` is nil for one that signs itself.
@safe struct CertificateBuilder {
  private let certificate: X509Certificate
  private let issuer: X509Certificate?

  /// X.509 v3 with a random serial; `text` becomes the common name.
  init(
    commonName text: String, key: PrivateKey, from start: Date, to end: Date,
    issuer: X509Certificate? = nil
  ) throws(CertificateError) {
    guard let new = unsafe X509_new() else { throw .openSSL(text, "no memory") }
    let certificate = unsafe X509Certificate(owning: new)
    self.certificate = certificate
    self.issuer = issuer
    let name = unsafe X509_get_subject_name(new)
    let bytes = Array(text.utf8)
    let isReady =
      unsafe X509_set_version(new, Int(X509_VERSION_3)) == 1
      && Self.setRandomSerial(of: certificate)
      && X509_NAME_add_entry_by_NID(
        name, NID_commonName, MBSTRING_UTF8, bytes, Int32(bytes.count), -1, 0) == 1
      && X509_set_issuer_name(new, X509_get_subject_name(issuer?.pointer ?? new)) == 1
      && ASN1_TIME_set(X509_getm_notBefore(new), time_t(start.timeIntervalSince1970)) != nil
      && ASN1_TIME_set(X509_getm_notAfter(new), time_t(end.timeIntervalSince1970)) != nil
      && X509_set_pubkey(new, key.pointer) == 1
    guard isReady else { throw .openSSL(text, "cannot make a certificate") }
  }

  /// Adds an extension as OpenSSL's configuration writes its value.
  func add(_ number: Int32, _ value: String) throws(CertificateError) {
    var context = unsafe X509V3_CTX()
    unsafe X509V3_set_ctx(
      &context, issuer?.pointer ?? certificate.pointer, certificate.pointer, nil, nil, 0)
    guard let item = unsafe X509V3_EXT_conf_nid(nil, &context, number, value) else {
      throw .openSSL(value, "not an extension's value")
    }
    defer { unsafe X509_EXTENSION_free(item) }
    guard unsafe X509_add_ext(certificate.pointer, item, -1) == 1 else {
      throw .openSSL(value, "cannot add an extension")
    }
  }

  /// The finished certificate, signed with the issuer's key.
  func sign(with key: PrivateKey) throws(CertificateError) -> X509Certificate {
    guard unsafe X509_sign(certificate.pointer, key.pointer, EVP_sha256()) > 0 else {
      throw .openSSL(certificate.subject, "cannot sign")
    }
    return certificate
  }

  private static func setRandomSerial(of certificate: X509Certificate) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16)
    guard unsafe RAND_bytes(&bytes, Int32(bytes.count)) == 1 else { return false }
    // Positive and of full length: a serial is a positive number (RFC 5280, 4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40
    guard let number = unsafe BN_bin2bn(bytes, Int32(bytes.count), nil) else { return false }
    defer { unsafe BN_free(number) }
    return unsafe BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.pointer)) != nil
  }
}

extension CertificateBuilder {
  /// Adds a critical extension by its number; `octets` is the DER of its value.
  func addCritical(_ number: String, octets: [UInt8]) throws(CertificateError) {
    guard let object = unsafe OBJ_txt2obj(number, 1), let value = unsafe ASN1_OCTET_STRING_new()
    else { throw .openSSL(number, "not an extension") }
    defer { unsafe ASN1_OBJECT_free(object) }
    defer { unsafe ASN1_OCTET_STRING_free(value) }
    guard unsafe ASN1_OCTET_STRING_set(value, octets, Int32(octets.count)) == 1,
      let item = unsafe X509_EXTENSION_create_by_OBJ(nil, object, 1, value)
    else { throw .openSSL(number, "not an extension's value") }
    defer { unsafe X509_EXTENSION_free(item) }
    guard unsafe X509_add_ext(certificate.pointer, item, -1) == 1 else {
      throw .openSSL(number, "cannot add an extension")
    }
  }
}
