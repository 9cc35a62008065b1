/// Looks through the text before the parser does, for what must not reach it: anchors and aliases
/// (a few of them stand for gigabytes) and deep nesting.
struct YAMLScan {
  /// Deeper than any setting stands.
  static let depthLimit = 16

  enum Finding: Error { case reference, depth, column }

  private enum State { case plain, comment, single, double }

  private var state = State.plain
  private var depth = 0
  private(set) var line = 1
  private(set) var column = 0
  /// The last byte that is no space, or a line feed at the start of a line.
  private var significant = UInt8(ascii: "\n")
  private var previous = UInt8(ascii: "\n")
  private var isEscaped = false

  mutating func run(_ bytes: [UInt8]) throws(Finding) {
    for index in bytes.indices {
      let byte = bytes[index]
      // Continuation bytes of UTF-8 are no columns of their own.
      if byte & 0xc0 != 0x80 { column += 1 }
      let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
      try step(byte, next: next)
      previous = byte
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 0
      }
    }
  }

  private mutating func step(_ byte: UInt8, next: UInt8) throws(Finding) {
    switch state {
    case .comment: if byte == UInt8(ascii: "\n") { state = .plain }
    case .single: if byte == UInt8(ascii: "'") { state = .plain }
    case .double:
      if byte == UInt8(ascii: "\""), !isEscaped { state = .plain }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
    case .plain: try plain(byte, next: next)
    }
    if byte == UInt8(ascii: "\n") {
      if state == .plain { significant = byte }
    } else if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t"), state != .comment {
      significant = byte
    }
  }

  private mutating func plain(_ byte: UInt8, next: UInt8) throws(Finding) {
    switch byte {
    case UInt8(ascii: "#") where previous.isBlank: state = .comment
    case UInt8(ascii: "'") where startsToken: state = .single
    case UInt8(ascii: "\"") where startsToken: state = .double
    case UInt8(ascii: "&"), UInt8(ascii: "*"):
      if startsToken, !next.isBlank, next != UInt8(ascii: ".") { throw .reference }
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      depth += 1
      if depth > Self.depthLimit { throw .depth }
    case UInt8(ascii: "]"), UInt8(ascii: "}"): depth = max(0, depth - 1)
    default:
      // What begins this far right is deeper than `depthLimit` levels of indentation.
      if column > 256, startsToken, byte == UInt8(ascii: "-"), next.isBlank { throw .column }
    }
  }

  private var startsToken: Bool {
    switch significant {
    case UInt8(ascii: "\n"), UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: ","): true
    case UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "?"): previous.isBlank
    default: false
    }
  }
}

extension UInt8 {
  fileprivate var isBlank: Bool {
    self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") || self == UInt8(ascii: "\n")
      || self == UInt8(ascii: "\r")
  }
}
