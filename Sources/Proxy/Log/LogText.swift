internal import Glibc

/// Names that lines bear, made ready once.
enum LogText {
  /// Of an escaped name of the configuration.
  static let nameLimit = 512

  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    // It stands between spaces in some forms.
    return String(decoding: bytes.filter { $0 > 0x20 && $0 < 0x7f && $0 != 0x22 }, as: UTF8.self)
  }

  static func unixMilliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// A name as the format wants it, within `nameLimit`.
  static func name(_ text: String, _ format: ProxyConfiguration.AccessLog.Format) -> [UInt8] {
    let bytes = Array(text.utf8.prefix(nameLimit / 6))
    return [UInt8](capacity: nameLimit) { output in
      switch format {
      case .json: output.putJSON(bytes.span)
      case .httplog: output.putHashed(bytes.span, andSpaces: true)
      case .combined: output.putBackslashed(bytes.span)
      }
    }
  }
}

extension OutputSpan<UInt8> {
  mutating func put(_ name: [UInt8]) { put(name.span) }

  /// A number with zeros before it.
  mutating func put(_ number: Int, digits: Int) {
    var unit = 1
    for _ in 1..<max(1, digits) { unit *= 10 }
    while unit > 0 {
      append(UInt8(truncatingIfNeeded: number / unit % 10) + 0x30)
      unit /= 10
    }
  }

  /// Microseconds as milliseconds with three decimals.
  mutating func put(milliseconds micros: Int64) {
    let micros = max(0, micros)
    put(decimal: micros / 1000)
    put(".")
    put(Int(micros % 1000), digits: 3)
  }

  /// As it stands within quotes in JSON, at most six bytes for each: always valid UTF-8, whatever came;
  /// a byte that is none is told as the character of its number.
  mutating func putJSON(_ bytes: Span<UInt8>) {
    var start = 0
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte >= 0x20, byte < 0x7f, byte != 0x22, byte != 0x5c {
        index += 1
        continue
      }
      let length = byte < 0x80 ? 0 : UTF8Rule.length(bytes, at: index)
      // C1 controls steer terminals as ESC does.
      if length > 0, !(byte == 0xc2 && bytes[index + 1] < 0xa0) {
        index += length
        continue
      }
      put(bytes.extracting(start..<index))
      if byte == 0x22 || byte == 0x5c {
        append(0x5c)
        append(byte)
      } else {
        put("\\u00")
        putHex(length > 0 ? bytes[index + 1] : byte, capitals: false)
      }
      index += max(1, length)
      start = index
    }
    put(bytes.extracting(start..<bytes.count))
  }

  /// As nginx does in quotes: `\x22`; at most four bytes for each.
  mutating func putBackslashed(_ bytes: Span<UInt8>) {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte >= 0x20, byte < 0x7f, byte != 0x22, byte != 0x5c {
        append(byte)
      } else {
        put("\\x")
        putHex(byte, capitals: true)
      }
    }
  }

  /// As HAProxy does: `#22`; at most three bytes for each.
  mutating func putHashed(_ bytes: Span<UInt8>, andSpaces: Bool = false) {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte > 0x20 || (byte == 0x20 && !andSpaces), byte < 0x7f, byte != 0x22, byte != 0x23 {
        append(byte)
      } else {
        put("#")
        putHex(byte, capitals: true)
      }
    }
  }

  private mutating func putHex(_ byte: UInt8, capitals: Bool) {
    append(Self.hexDigit(byte >> 4, capitals))
    append(Self.hexDigit(byte & 0xf, capitals))
  }

  private static func hexDigit(_ digit: UInt8, _ capitals: Bool) -> UInt8 {
    digit < 10 ? digit + 0x30 : digit - 10 + (capitals ? 0x41 : 0x61)
  }
}

/// What is a character in UTF-8 (RFC 3629, section 4).
private enum UTF8Rule {
  /// How many bytes the character has that begins there; 0 where none does.
  static func length(_ bytes: Span<UInt8>, at index: Int) -> Int {
    let first = bytes[index]
    func follows(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
      index + offset < bytes.count && range.contains(bytes[index + offset])
    }
    switch first {
    case 0xc2...0xdf: return follows(1) ? 2 : 0
    case 0xe0: return follows(1, 0xa0...0xbf) && follows(2) ? 3 : 0
    case 0xed: return follows(1, 0x80...0x9f) && follows(2) ? 3 : 0
    case 0xe1...0xef: return follows(1) && follows(2) ? 3 : 0
    case 0xf0: return follows(1, 0x90...0xbf) && follows(2) && follows(3) ? 4 : 0
    case 0xf1...0xf3: return follows(1) && follows(2) && follows(3) ? 4 : 0
    case 0xf4: return follows(1, 0x80...0x8f) && follows(2) && follows(3) ? 4 : 0
    default: return 0
    }
  }
}
