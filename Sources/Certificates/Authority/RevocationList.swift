internal import COpenSSL
internal import Foundation
internal import Glibc

/// One list of revoked certificates (RFC 5280, section 5), signed when it is finished.
@safe final class RevocationList {
  private let pointer: OpaquePointer

  init(issuer: X509Certificate, number: Int, from start: Date, to end: Date)
    throws(CertificateError)
  {
    guard let list = unsafe X509_CRL_new() else { throw .openSSL("crl", "no memory") }
    unsafe pointer = unsafe list
    guard let count = unsafe ASN1_INTEGER_new() else { throw .openSSL("crl", "no memory") }
    defer { unsafe ASN1_INTEGER_free(count) }
    let first = unsafe ASN1_TIME_set(nil, time_t(start.timeIntervalSince1970))
    defer { unsafe ASN1_TIME_free(first) }
    let last = unsafe ASN1_TIME_set(nil, time_t(end.timeIntervalSince1970))
    defer { unsafe ASN1_TIME_free(last) }
    let isReady =
      unsafe X509_CRL_set_version(list, Int(X509_CRL_VERSION_2)) == 1
      && X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer.pointer)) == 1
      && X509_CRL_set1_lastUpdate(list, first) == 1 && X509_CRL_set1_nextUpdate(list, last) == 1
      && ASN1_INTEGER_set_int64(count, Int64(number)) == 1
      && X509_CRL_add1_ext_i2d(list, NID_crl_number, count, 0, 0) == 1
    guard isReady else { throw .openSSL("crl", "cannot make a list") }
    var context = unsafe X509V3_CTX()
    unsafe X509V3_set_ctx(&context, issuer.pointer, nil, nil, list, 0)
    guard
      let item = unsafe X509V3_EXT_conf_nid(
        nil, &context, NID_authority_key_identifier, "keyid:always")
    else { throw .openSSL("crl", "cannot name its issuer's key") }
    defer { unsafe X509_EXTENSION_free(item) }
    guard unsafe X509_CRL_add_ext(list, item, -1) == 1 else {
      throw .openSSL("crl", "cannot name its issuer's key")
    }
  }

  deinit { unsafe X509_CRL_free(pointer) }

  func add(_ entry: AuthorityIndex.Entry) throws(CertificateError) {
    guard let date = entry.revoked else { return }
    guard let new = unsafe X509_REVOKED_new() else { throw .openSSL("crl", "no memory") }
    var number: OpaquePointer?
    defer { unsafe BN_free(number) }
    guard unsafe BN_hex2bn(&number, entry.serial) > 0, unsafe number != nil,
      let serial = unsafe BN_to_ASN1_INTEGER(number, nil)
    else {
      unsafe X509_REVOKED_free(new)
      throw CertificateError(entry.serial, "not a serial number")
    }
    defer { unsafe ASN1_INTEGER_free(serial) }
    let time = unsafe ASN1_TIME_set(nil, time_t(date.timeIntervalSince1970))
    defer { unsafe ASN1_TIME_free(time) }
    var isReady =
      unsafe X509_REVOKED_set_serialNumber(new, serial) == 1
      && X509_REVOKED_set_revocationDate(new, time) == 1
    // "Unspecified" is said by leaving it out (RFC 5280, section 5.3.1).
    if let reason = entry.reason, reason != .unspecified {
      let code = unsafe ASN1_ENUMERATED_new()
      defer { unsafe ASN1_ENUMERATED_free(code) }
      isReady =
        unsafe isReady && ASN1_ENUMERATED_set(code, reason.code) == 1
        && X509_REVOKED_add1_ext_i2d(new, NID_crl_reason, code, 0, 0) == 1
    }
    guard isReady, unsafe X509_CRL_add0_revoked(pointer, new) == 1 else {
      unsafe X509_REVOKED_free(new)
      throw .openSSL(entry.serial, "cannot put it on the list")
    }
  }

  /// The finished list, signed with the issuer's key.
  func pem(signedWith key: PrivateKey) throws(CertificateError) -> [UInt8] {
    unsafe X509_CRL_sort(pointer)
    guard unsafe X509_CRL_sign(pointer, key.pointer, EVP_sha256()) > 0 else {
      throw .openSSL("crl", "cannot sign")
    }
    let bio = try MemoryBIO()
    guard unsafe PEM_write_bio_X509_CRL(bio.pointer, pointer) == 1 else {
      throw .openSSL("crl", "cannot write")
    }
    return bio.takeBytes()
  }
}
