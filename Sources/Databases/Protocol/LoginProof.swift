internal import COpenSSL

/// What proves a password without showing it.
enum LoginProof {
  case nativePassword
  case cachingSHA2

  init?(plugin: String) {
    switch plugin {
    case "mysql_native_password": self = .nativePassword
    case "caching_sha2_password": self = .cachingSHA2
    default: return nil
    }
  }

  var plugin: String {
    switch self {
    case .nativePassword: "mysql_native_password"
    case .cachingSHA2: "caching_sha2_password"
    }
  }

  /// Empty for an empty password, as the protocol has it.
  func answer(_ password: [UInt8], challenge: [UInt8]) -> [UInt8] {
    guard !password.isEmpty else { return [] }
    switch self {
    case .nativePassword:
      let once = Self.sha1(password)
      let mask = Self.sha1(challenge + Self.sha1(once))
      return zip(once, mask).map { $0 ^ $1 }
    case .cachingSHA2:
      let once = Self.sha256(password)
      let mask = Self.sha256(Self.sha256(once) + challenge)
      return zip(once, mask).map { $0 ^ $1 }
    }
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
