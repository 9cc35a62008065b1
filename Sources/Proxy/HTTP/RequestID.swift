/// 128 bits that name one request in every log, as 32 hexadecimal digits.
struct RequestID: Equatable, CustomStringConvertible {
  var high: UInt64 = 0
  var low: UInt64 = 0

  static let digitCount = 32

  func write(into output: inout OutputSpan<UInt8>) {
    Self.write(high, into: &output)
    Self.write(low, into: &output)
  }

  var description: String { Self.digits(high) + Self.digits(low) }

  static func digits(_ half: UInt64) -> String {
    let text = String(half, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }

  static func write(_ half: UInt64, into output: inout OutputSpan<UInt8>) {
    var digits: InlineArray<16, UInt8> = .init(repeating: 0)
    for index in digits.indices {
      let digit = UInt8(truncatingIfNeeded: half >> UInt64(60 - 4 * index)) & 0xf
      digits[index] = digit &+ 0x30 &+ (digit > 9 ? 0x27 : 0)
    }
    output.put(digits.span)
  }
}

/// Gives out request IDs: a random start, and a counter made to look random. Nothing secret
/// depends on them.
struct RequestIDs {
  private let worker = UInt64.random(in: .min ... .max)
  private var count = UInt64.random(in: .min ... .max)

  mutating func next() -> RequestID {
    count &+= 0x9e37_79b9_7f4a_7c15
    // splitmix64's mixer.
    var mixed = count
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return RequestID(high: worker, low: mixed ^ (mixed >> 31))
  }
}
