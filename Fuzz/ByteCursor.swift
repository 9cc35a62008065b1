/// Makes numbers of a fuzzer's bytes; zeros once they are used up.
struct ByteCursor {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func number(byteCount: Int) -> UInt128 {
    (0..<byteCount).reduce(0) { number, _ in number << 8 | UInt128(rest.popFirst() ?? 0) }
  }

  mutating func byte() -> Int { Int(number(byteCount: 1)) }
}
