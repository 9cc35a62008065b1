import Foundation

/// Colours for a terminal; what has them says the same in words.
struct Paint {
  enum Colour: String {
    case plain = ""
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case blue = "34"
    case reverse = "7"
  }

  static let none = Paint(isOn: false)

  /// Only where standard output is a terminal, and nobody asked for none (no-color.org).
  static var standard: Paint {
    let wish = ProcessInfo.processInfo.environment["NO_COLOR"] ?? ""
    let terminal = ProcessInfo.processInfo.environment["TERM"] ?? ""
    return Paint(isOn: isatty(STDOUT_FILENO) == 1 && wish.isEmpty && terminal != "dumb")
  }

  let isOn: Bool

  func callAsFunction(_ text: String, _ colour: Colour) -> String {
    guard isOn, colour != .plain, !text.isEmpty else { return text }
    return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
  }
}

extension String {
  /// Itself, or as much of it as there is room for, and "…".
  func cut(to count: Int) -> String {
    self.count <= count ? self : "\(prefix(max(0, count - 1)))…"
  }
}
