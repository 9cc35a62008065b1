/// A point of edwards25519 (RFC 8032, section 5.1) in extended coordinates: the curve of X25519 in the
/// form that adds with the fewest products.
struct EdwardsPoint {
  var x, y, z, t: FieldElement

  static let neutral = EdwardsPoint(x: .zero, y: .one, z: .one, t: .zero)
  static let base: EdwardsPoint = {
    let x = FieldElement(
      words: (
        0xc956_2d60_8f25_d51a, 0x692c_c760_9525_a7b2, 0xc0a4_e231_fdd6_dc5c, 0x2169_36d3_cd6e_53fe
      ))
    let y = FieldElement(
      words: (
        0x6666_6666_6666_6658, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666, 0x6666_6666_6666_6666
      ))
    return EdwardsPoint(x: x, y: y, z: .one, t: x * y)
  }()

  /// Twice the d of the curve's equation.
  fileprivate static let twiceD: FieldElement = {
    let d = FieldElement(
      words: (
        0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73
      ))
    return (d + d).carried
  }()

  /// What an addition needs of a point whose z is one.
  struct Addend {
    var sum, difference, product: FieldElement

    /// The limbs in one vector, the last of it unused.
    var vector: SIMD16<UInt64> {
      SIMD16(
        sum.a, sum.b, sum.c, sum.d, sum.e, difference.a, difference.b, difference.c, difference.d,
        difference.e, product.a, product.b, product.c, product.d, product.e, 0)
    }

    @inline(__always)
    init(_ v: SIMD16<UInt64>) {
      sum = FieldElement(v[0], v[1], v[2], v[3], v[4])
      difference = FieldElement(v[5], v[6], v[7], v[8], v[9])
      product = FieldElement(v[10], v[11], v[12], v[13], v[14])
    }

    init(_ point: EdwardsPoint) {
      let inverse = point.z.inverse
      let (x, y) = (point.x * inverse, point.y * inverse)
      sum = (y + x).carried
      difference = (y - x).carried
      product = x * y * twiceD
    }

    /// The opposite point, where all bits of `mask` are set, and itself, where none is.
    @inline(__always)
    func negated(where mask: UInt64) -> Self {
      var result = self
      result.sum = sum.chosen(difference, where: mask)
      result.difference = difference.chosen(sum, where: mask)
      result.product = product.chosen(.zero - product, where: mask)
      return result
    }
  }

  /// "add-2008-hwcd-3" of the Explicit-Formulas Database, complete on this curve.
  @inline(__always)
  func adding(_ other: Addend) -> Self {
    let a = (y - x) * other.difference
    let b = (y + x) * other.sum
    let c = other.product * t
    let d = z + z
    let (e, f, g, h) = (b - a, d - c, d + c, b + a)
    return Self(x: e * f, y: g * h, z: f * g, t: e * h)
  }

  /// "dbl-2008-hwcd", each factor with its sign turned.
  var doubled: Self {
    let (a, b, c) = (x.squared, y.squared, z.squared)
    let h = a + b
    let e = h - (x + y).squared
    let g = a - b
    let f = (c + c + g).carried
    return Self(x: e * f, y: g * h, z: f * g, t: e * h)
  }
}

extension FieldElement {
  /// `other` where all bits of `mask` are set, itself where none is.
  @inline(__always)
  fileprivate func chosen(_ other: Self, where mask: UInt64) -> Self {
    Self(
      a ^ ((a ^ other.a) & mask), b ^ ((b ^ other.b) & mask), c ^ ((c ^ other.c) & mask),
      d ^ ((d ^ other.d) & mask), e ^ ((e ^ other.e) & mask))
  }
}
