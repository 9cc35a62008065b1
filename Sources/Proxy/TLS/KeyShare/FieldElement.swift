/// A number modulo 2^255 - 19 (RFC 7748, section 4.1) in limbs of 51 bits, which may be a little more.
///
/// Nothing branches on a value, and no value is an index: how long it takes does not depend on any.
/// Limbs after a product are below 2^51 + 2; a product takes limbs below 2^54.
struct FieldElement {
  var a, b, c, d, e: UInt64

  static let zero = FieldElement(0, 0, 0, 0, 0)
  static let one = FieldElement(1, 0, 0, 0, 0)
  private static let limb: UInt64 = (1 << 51) - 1

  @inline(__always)
  init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64, _ e: UInt64) {
    (self.a, self.b, self.c, self.d, self.e) = (a, b, c, d, e)
  }

  /// From four words, the lowest first, and of these the lower 255 bits.
  init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.init(
      words.0 & Self.limb, (words.0 &>> 51 | words.1 &<< 13) & Self.limb,
      (words.1 &>> 38 | words.2 &<< 26) & Self.limb, (words.2 &>> 25 | words.3 &<< 39) & Self.limb,
      (words.3 &>> 12) & Self.limb)
  }

  /// The one number below 2^255 - 19 that it is, in four words, the lowest first.
  var words: (UInt64, UInt64, UInt64, UInt64) {
    var n = carried.carried
    // 1 where it is not below.
    var over = (n.a &+ 19) &>> 51
    over = (n.b &+ over) &>> 51
    over = (n.c &+ over) &>> 51
    over = (n.d &+ over) &>> 51
    over = (n.e &+ over) &>> 51
    n.a &+= 19 &* over
    n.b &+= n.a &>> 51
    n.c &+= n.b &>> 51
    n.d &+= n.c &>> 51
    n.e &+= n.d &>> 51
    n = Self(n.a & Self.limb, n.b & Self.limb, n.c & Self.limb, n.d & Self.limb, n.e & Self.limb)
    return (
      n.a | n.b &<< 51, n.b &>> 13 | n.c &<< 38, n.c &>> 26 | n.d &<< 25, n.d &>> 39 | n.e &<< 12
    )
  }

  @inline(__always)
  static func + (l: Self, r: Self) -> Self {
    Self(l.a &+ r.a, l.b &+ r.b, l.c &+ r.c, l.d &+ r.d, l.e &+ r.e)
  }

  /// Takes limbs below 2^52.5 away: four times the modulus is added.
  @inline(__always)
  static func - (l: Self, r: Self) -> Self {
    let (first, other): (UInt64, UInt64) = ((1 << 53) - 76, (1 << 53) - 4)
    return Self(
      l.a &+ first &- r.a, l.b &+ other &- r.b, l.c &+ other &- r.c, l.d &+ other &- r.d,
      l.e &+ other &- r.e)
  }

  @inline(__always)
  static func * (l: Self, r: Self) -> Self {
    // 2^255 is 19.
    let (b, c, d, e) = (r.b &* 19, r.c &* 19, r.d &* 19, r.e &* 19)
    return carry(
      l.a ** r.a &+ l.b ** e &+ l.c ** d &+ l.d ** c &+ l.e ** b,
      l.a ** r.b &+ l.b ** r.a &+ l.c ** e &+ l.d ** d &+ l.e ** c,
      l.a ** r.c &+ l.b ** r.b &+ l.c ** r.a &+ l.d ** e &+ l.e ** d,
      l.a ** r.d &+ l.b ** r.c &+ l.c ** r.b &+ l.d ** r.a &+ l.e ** e,
      l.a ** r.e &+ l.b ** r.d &+ l.c ** r.c &+ l.d ** r.b &+ l.e ** r.a)
  }

  @inline(__always)
  var squared: Self {
    let (twiceA, twiceB, twiceC, twiceD) = (a &* 2, b &* 2, c &* 2, d &* 2)
    let (d19, e19) = (d &* 19, e &* 19)
    return Self.carry(
      a ** a &+ twiceB ** e19 &+ twiceC ** d19, twiceA ** b &+ twiceC ** e19 &+ d ** d19,
      twiceA ** c &+ b ** b &+ twiceD ** e19, twiceA ** d &+ twiceB ** c &+ e ** e19,
      twiceA ** e &+ twiceB ** d &+ c ** c)
  }

  /// To the power of 2^255 - 21, by which it is the inverse; zero of zero.
  var inverse: Self {
    let two = squared
    let nine = two.squared(times: 2) * self
    let eleven = nine * two
    // The names tell how many bits of the exponent are ones.
    let ones5 = eleven.squared * nine
    let ones10 = ones5.squared(times: 5) * ones5
    let ones20 = ones10.squared(times: 10) * ones10
    let ones40 = ones20.squared(times: 20) * ones20
    let ones50 = ones40.squared(times: 10) * ones10
    let ones100 = ones50.squared(times: 50) * ones50
    let ones200 = ones100.squared(times: 100) * ones100
    let ones250 = ones200.squared(times: 50) * ones50
    return ones250.squared(times: 5) * eleven
  }

  @inline(never)
  private func squared(times: Int) -> Self {
    var power = self
    for _ in 0..<times { power = power.squared }
    return power
  }

  /// The same number with limbs as after a product.
  @inline(__always)
  var carried: Self {
    Self.carry(UInt128(a), UInt128(b), UInt128(c), UInt128(d), UInt128(e))
  }

  /// What is above 51 bits goes to the next limb; what is above the highest comes back at the lowest.
  @inline(__always)
  private static func carry(
    _ a: UInt128, _ b: UInt128, _ c: UInt128, _ d: UInt128, _ e: UInt128
  ) -> Self {
    let b = b &+ a.above
    let c = c &+ b.above
    let d = d &+ c.above
    let e = e &+ d.above
    let low = (a.low & limb) &+ UInt64(truncatingIfNeeded: e &>> 51) &* 19
    let next = (b.low & limb) &+ low &>> 51
    return Self(
      low & limb, next & limb, (c.low & limb) &+ next &>> 51, d.low & limb, e.low & limb)
  }
}

infix operator ** : MultiplicationPrecedence

/// The whole product of two limbs.
@inline(__always)
private func ** (l: UInt64, r: UInt64) -> UInt128 {
  UInt128(truncatingIfNeeded: l) &* UInt128(truncatingIfNeeded: r)
}

extension UInt128 {
  @inline(__always)
  fileprivate var low: UInt64 { UInt64(truncatingIfNeeded: self) }
  /// Beyond a limb; of sums below 2^115.
  @inline(__always)
  fileprivate var above: UInt128 { UInt128(truncatingIfNeeded: (self &>> 51).low) }
}
