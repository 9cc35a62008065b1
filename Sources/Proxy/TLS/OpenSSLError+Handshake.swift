internal import COpenSSL

extension OpenSSLError {
  /// What a failed handshake counts as.
  var handshakeFailure: HandshakeMeter.Failure {
    // Its connection ended: OpenSSL was not even asked.
    guard code != 0 else { return .clientGone }
    // The low 23 bits say why (ERR_GET_REASON).
    return switch Int32(truncatingIfNeeded: code & 0x7f_ffff) {
    case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER,
      SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_BAD_RECORD_TYPE, SSL_R_BAD_PACKET_LENGTH:
      .notTLS
    case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_UNKNOWN_PROTOCOL, SSL_R_VERSION_TOO_LOW,
      SSL_R_VERSION_TOO_HIGH, SSL_R_INAPPROPRIATE_FALLBACK, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      .version
    case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_GROUPS,
      SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
      SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY,
      SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      .cipher
    // Said by the choice of certificates only.
    case SSL_R_CALLBACK_FAILED: .unknownName
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
      SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED,
      SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      .certificateRefused
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: .clientCertificateMissing
    case SSL_R_CERTIFICATE_VERIFY_FAILED: .clientCertificateBad
    case SSL_R_UNEXPECTED_EOF_WHILE_READING, SSL_R_TLSV1_ALERT_USER_CANCELLED: .clientGone
    default: .protocolError
    }
  }
}
