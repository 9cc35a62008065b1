internal import COpenSSL

/// What OpenSSL says went wrong; taking it empties the thread's queue of errors.
struct OpenSSLError: Error, Equatable {
  let code: UInt

  static func takeLast() -> OpenSSLError {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    return OpenSSLError(code: code)
  }

  /// Before each call: one that succeeds may leave an error behind, of a ticket that it could not
  /// read for example, and the next would take it for its own. Looking is cheaper than clearing.
  static func forgetOld() {
    if ERR_peek_error() != 0 { ERR_clear_error() }
  }

  var reason: String {
    guard let text = unsafe ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
    return unsafe String(cString: text)
  }
}
