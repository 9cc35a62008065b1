internal import COpenSSL

/// What proves a password without showing it.
enum LoginProof {
  case nativePassword
  case cachingSHA2
  case ed25519

  init?(plugin: String) {
    switch plugin {
    case "mysql_native_password": self = .nativePassword
    case "caching_sha2_password": self = .cachingSHA2
    case "client_ed25519": self = .ed25519
    default: return nil
    }
  }

  var plugin: String {
    switch self {
    case .nativePassword: "mysql_native_password"
    case .cachingSHA2: "caching_sha2_password"
    case .ed25519: "client_ed25519"
    }
  }

  /// MariaDB signs with SHA-512 of the password where RFC 8032 has SHA-512 of a seed of 32 bytes: for a
  /// password of that size it is the same signature, and OpenSSL makes it; for others it makes none.
  static let seedSize = 32

  func canProve(_ password: [UInt8]) -> Bool {
    switch self {
    case .nativePassword, .cachingSHA2: true
    case .ed25519: password.count == Self.seedSize
    }
  }

  /// Empty for an empty password, as the protocol has it, and for one that cannot be proved so.
  /// `challenge` may have more behind it than the plugin wants, such as a zero.
  func answer(_ password: [UInt8], challenge: [UInt8]) -> [UInt8] {
    guard !password.isEmpty else { return [] }
    switch self {
    case .nativePassword:
      let challenge = Array(challenge.prefix(Greeting.challengeSize))
      let once = Self.sha1(password)
      let mask = Self.sha1(challenge + Self.sha1(once))
      return zip(once, mask).map { $0 ^ $1 }
    case .cachingSHA2:
      let challenge = Array(challenge.prefix(Greeting.challengeSize))
      let once = Self.sha256(password)
      let mask = Self.sha256(Self.sha256(once) + challenge)
      return zip(once, mask).map { $0 ^ $1 }
    case .ed25519:
      // Not a byte more: what is signed must be nothing but a challenge.
      return canProve(password) ? Self.signature(password, Array(challenge.prefix(32))) : []
    }
  }

  private static func signature(_ seed: [UInt8], _ message: [UInt8]) -> [UInt8] {
    guard
      let key = unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count)
    else { return [] }
    defer { unsafe EVP_PKEY_free(key) }
    guard let context = unsafe EVP_MD_CTX_new() else { return [] }
    defer { unsafe EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var count = signature.count
    guard unsafe EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      unsafe EVP_DigestSign(context, &signature, &count, message, message.count) == 1
    else { return [] }
    return Array(signature.prefix(count))
  }

  private static func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 20)
    var count: UInt32 = 20
    _ = unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha1(), nil)
    return digest
  }

  private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 32
    _ = unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
    return digest
  }
}
