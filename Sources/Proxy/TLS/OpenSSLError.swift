internal import COpenSSL

/// What OpenSSL says went wrong; taking it empties the library's queue, as the next call needs.
struct OpenSSLError: Error, Equatable {
  let code: UInt

  static func takeLast() -> OpenSSLError {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    return OpenSSLError(code: code)
  }

  var reason: String {
    guard let text = unsafe ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
    return unsafe String(cString: text)
  }
}
