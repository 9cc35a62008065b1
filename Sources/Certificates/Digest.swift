internal import COpenSSL

/// SHA-256 of bytes in memory.
public enum Digest {
  /// 32 bytes; all zero, which no content hashes to in practice, when OpenSSL fails.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 32
    _ = unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
    return digest
  }
}
