internal import COpenSSL

/// SHA-256 of bytes.
public enum Digest {
  /// 32 bytes; all zero, which no content hashes to in practice, when OpenSSL fails.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 32
    _ = unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
    return digest
  }

  /// Of the pieces that `body` hands over one after another, so that nobody has to hold the whole.
  public static func sha256(_ body: (_ take: (UnsafeRawBufferPointer) -> Void) -> Void) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    guard let context = unsafe EVP_MD_CTX_new() else { return digest }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else { return digest }
    var isWhole = true
    unsafe body { piece in
      let status = unsafe EVP_DigestUpdate(context, piece.baseAddress, piece.count)
      isWhole = isWhole && status == 1
    }
    guard isWhole, unsafe EVP_DigestFinal_ex(context, &digest, nil) == 1 else {
      return [UInt8](repeating: 0, count: 32)
    }
    return digest
  }
}
