internal import Foundation

extension ACMEClient {
  /// Has the authority revoke the first certificate of a chain (RFC 8555, section 7.6).
  func revoke(chainPEM: [UInt8], reason: RevocationReason) throws(ACMEError) {
    guard let url = directory.revokeCert else {
      throw ACMEError(authority.name, "revokes nothing over ACME; ask it by other means")
    }
    let der = try ACMEError.wrapping { () throws(CertificateError) -> [UInt8] in
      let chain = try X509Certificate.readChain(from: chainPEM, of: "certificate")
      return chain.first?.der ?? []
    }
    let payload = "{\"certificate\":\"\(Base64URL.text(der))\",\"reason\":\(reason.code)}"
    _ = try post(url, Array(payload.utf8))
  }
}
