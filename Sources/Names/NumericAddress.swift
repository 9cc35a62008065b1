internal import Glibc

/// Addresses as text, without their names.
public enum NumericAddress {
  /// 4 or 16 bytes; nil where the text is no address.
  public static func bytes(_ text: some StringProtocol) -> [UInt8]? {
    let text = String(text)
    // inet_pton stops at a NUL, which would let `1.2.3.4\0x` through.
    guard !text.utf8.contains(0) else { return nil }
    var four = in_addr()
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      return unsafe withUnsafeBytes(of: &four) { unsafe Array($0) }
    }
    var sixteen = in6_addr()
    guard unsafe inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
    return unsafe withUnsafeBytes(of: &sixteen) { unsafe Array($0) }
  }
}
