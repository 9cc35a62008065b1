internal import COpenSSL

/// A client's or server's share of an X25519 key exchange (RFC 7748, sections 5 and 6.1): a secret of
/// 32 random bytes, and the base point times it.
///
/// OpenSSL 3.0's own takes three times as long (docs/performance.md): it counts in limbs of 26 bits.
/// Like that one this adds multiples of the base point that are known before, one for each four bits of
/// the secret, and reads all of them to take one.
enum KeyShare {
  typealias Bytes = InlineArray<32, UInt8>

  /// As OpenSSL keeps it: RFC 7748's decodeScalar25519.
  static func clamped(_ secret: Bytes) -> Bytes {
    var secret = secret
    secret[0] &= 248
    secret[31] = secret[31] & 127 | 64
    return secret
  }

  /// `secret` has to be clamped.
  static func publicKey(of secret: Bytes) -> Bytes {
    var digits = InlineArray<64, Int8>(repeating: 0)
    recode(secret, into: &digits)
    defer {
      unsafe withUnsafeMutableBytes(of: &digits) {
        unsafe OPENSSL_cleanse($0.baseAddress, $0.count)
      }
    }
    let table = multiples.span
    var point = EdwardsPoint.neutral
    for place in 0..<32 { point = point.adding(pick(digits[2 * place + 1], at: place, table)) }
    point = point.doubled.doubled.doubled.doubled
    for place in 0..<32 { point = point.adding(pick(digits[2 * place], at: place, table)) }
    // From the Edwards form to u of the Montgomery form.
    let u = ((point.z + point.y) * (point.z - point.y).inverse).words
    var result = Bytes(repeating: 0)
    for (index, word) in [u.0, u.1, u.2, u.3].enumerated() {
      for byte in 0..<8 {
        result[8 * index + byte] = UInt8(truncatingIfNeeded: word &>> (8 * UInt64(byte)))
      }
    }
    return result
  }

  /// The 64 digits of the secret to the base of 16, the lowest first, each from -8 to 8. Into an array
  /// that is wiped: one that is returned leaves a copy behind.
  @inline(__always)
  private static func recode(_ secret: Bytes, into digits: inout InlineArray<64, Int8>) {
    for index in 0..<32 {
      digits[2 * index] = Int8(bitPattern: secret[index] & 15)
      digits[2 * index + 1] = Int8(bitPattern: secret[index] &>> 4)
    }
    var carry: Int8 = 0
    for index in 0..<63 {
      let digit = digits[index] &+ carry
      carry = (digit &+ 8) &>> 4
      digits[index] = digit &- carry &<< 4
    }
    digits[63] &+= carry
  }

  /// By place and digit from 1 to 8: that digit times 256 to the place times the base point.
  private static let multiples: [SIMD16<UInt64>] = {
    var all: [SIMD16<UInt64>] = []
    var base = EdwardsPoint.base
    for _ in 0..<32 {
      let addend = EdwardsPoint.Addend(base)
      var multiple = EdwardsPoint.neutral
      for _ in 0..<8 {
        multiple = multiple.adding(addend)
        all.append(EdwardsPoint.Addend(multiple).vector)
      }
      for _ in 0..<8 { base = base.doubled }
    }
    return all
  }()

  private static let none = EdwardsPoint.Addend(EdwardsPoint.neutral).vector

  /// All eight are read, and those that are not meant are masked away.
  @inline(__always)
  private static func pick(
    _ digit: Int8, at place: Int, _ table: Span<SIMD16<UInt64>>
  ) -> EdwardsPoint.Addend {
    let sign = digit &>> 7
    let size = UInt64(truncatingIfNeeded: UInt8(bitPattern: (digit ^ sign) &- sign))
    var found = none & SIMD16(repeating: isZero(size))
    for index in 0..<8 {
      let mask = isZero(size ^ UInt64(truncatingIfNeeded: index + 1))
      found |= table[8 * place + index] & SIMD16(repeating: mask)
    }
    return EdwardsPoint.Addend(found).negated(where: UInt64(bitPattern: Int64(sign)))
  }

  /// All bits set for zero, none for 1 to 2^63.
  @inline(__always)
  private static func isZero(_ number: UInt64) -> UInt64 { 0 &- ((number &- 1) &>> 63) }
}
