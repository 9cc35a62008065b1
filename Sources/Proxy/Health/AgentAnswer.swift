/// A line of an agent on a server, in HAProxy's words (configuration manual, `agent-check`).
public struct AgentAnswer: Sendable, Equatable {
  /// Share of its weight, in percent; nil when the line says nothing of it.
  public var percent: Int?
  public var state: ServerStanding.State?
  /// False for `down`, `fail` and `stopped`.
  public var isUp = true
  /// What stands after `down`, `fail` or `stopped`.
  public var reason = ""

  /// Of a line, without its end.
  static let byteLimit = 256
  /// HAProxy allows more than a server's whole weight as well.
  static let percentLimit = 256

  /// Nil when a word of the line is unknown, or there is none.
  init?(_ line: Span<UInt8>) {
    guard line.count <= Self.byteLimit else { return nil }
    var words = Self.words(line)[...]
    guard !words.isEmpty else { return nil }
    while let word = words.popFirst() {
      switch word.lowercased() {
      case "up": isUp = true
      case "ready": state = .ready
      case "drain": state = .drain
      case "maint": state = .maint
      case "down", "fail", "failed", "stopped":
        isUp = false
        // Whatever follows is for people.
        reason = words.joined(separator: " ")
        return
      case let text:
        guard text.hasSuffix("%"), let number = Int(text.dropLast()),
          (0...Self.percentLimit).contains(number)
        else { return nil }
        percent = number
      }
    }
  }

  /// Only printable ASCII counts: the words go to logs and terminals.
  private static func words(_ line: Span<UInt8>) -> [String] {
    var words: [String] = []
    var word = ""
    for index in line.indices {
      let byte = line[index]
      let parts = byte == 0x20 || byte == 0x09 || byte == 0x2c || byte == 0x0d
      if !parts {
        word.unicodeScalars.append(Unicode.Scalar(byte > 0x20 && byte < 0x7f ? byte : 0x3f))
      }
      guard parts, !word.isEmpty else { continue }
      words.append(word)
      word = ""
    }
    return word.isEmpty ? words : words + [word]
  }
}
