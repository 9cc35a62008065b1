/// Which trace a request belongs to, as `traceparent` says it (W3C Trace Context, section 3.2).
struct TraceParent: Equatable {
  var trace: RequestID
  var span: UInt64
  var isSampled: Bool

  static let digitCount = 55

  /// Nil for what must be ignored; a later version may say more behind these fields.
  init?(parsing text: Span<UInt8>) {
    guard text.count >= Self.digitCount, text[2] == 0x2d, text[35] == 0x2d, text[52] == 0x2d,
      let version = Self.number(text, 0..<2), version != 0xff,
      version == 0
        ? text.count == Self.digitCount : text.count == Self.digitCount || text[55] == 0x2d,
      let high = Self.number(text, 3..<19), let low = Self.number(text, 19..<35), high | low != 0,
      let span = Self.number(text, 36..<52), span != 0, let flags = Self.number(text, 53..<55)
    else { return nil }
    trace = RequestID(high: high, low: low)
    self.span = span
    isSampled = flags & 1 == 1
  }

  init(trace: RequestID, span: UInt64, isSampled: Bool) {
    self.trace = trace
    self.span = span
    self.isSampled = isSampled
  }

  /// `00-TRACE-SPAN-FLAGS`.
  func write(into output: inout OutputSpan<UInt8>) {
    output.put("00-")
    trace.write(into: &output)
    output.put("-")
    RequestID.write(span, into: &output)
    output.put(isSampled ? "-01" : "-00")
  }

  /// Lower case only, as the specification has it.
  private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
    var number: UInt64 = 0
    for index in range {
      switch text[index] {
      case 0x30...0x39: number = number << 4 | UInt64(text[index] - 0x30)
      case 0x61...0x66: number = number << 4 | UInt64(text[index] - 0x57)
      default: return nil
      }
    }
    return number
  }
}
