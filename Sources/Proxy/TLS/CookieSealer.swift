internal import COpenSSL

/// Makes and opens the values of our own cookies: short authenticators under a key that only the
/// gates know (HMAC-SHA256, cut to 64 bits: guessing one means asking 2^63 times).
struct CookieSealer {
  private let key: [UInt8]

  init(key: [UInt8]) { self.key = key }

  /// Names a server in a client's cookie without telling its name.
  func tag(of server: ServerID) -> UInt64 {
    seal("server\0\(server.backend)\0\(server.server)")
  }

  /// Says until when, in seconds since 1970, a client reads where it wrote.
  func pin(backend: String, until: Int64) -> UInt64 { seal("pin\0\(backend)\0\(until)") }

  private func seal(_ text: String) -> UInt64 {
    let bytes = Array(text.utf8)
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let made = unsafe HMAC(
      EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &digest, &count)
    guard unsafe made != nil, count >= 8 else { return 0 }
    return digest[..<8].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
