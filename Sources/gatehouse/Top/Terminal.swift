import Foundation
import Synchronization

/// The terminal while a full screen is drawn on it: whoever leaves gives it back as it was.
final class Terminal: @unchecked Sendable {
  private let before: termios
  private let isLeft = Mutex(false)
  private let wish = Mutex(false)
  /// Kept, and touched by nobody.
  private let sources: [any DispatchSourceSignal]

  /// Nil where standard input or output is no terminal.
  init?() {
    var mode = termios()
    guard isatty(STDOUT_FILENO) == 1, unsafe tcgetattr(STDIN_FILENO, &mode) == 0 else { return nil }
    before = mode
    unsafe cfmakeraw(&mode)
    // A signal asks the loop to end; it gives the terminal back on its way out.
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
      signal(number, SIG_IGN)
      sources.append(DispatchSource.makeSignalSource(signal: number, queue: .global()))
    }
    self.sources = sources
    for source in sources {
      source.setEventHandler { [self] in wish.withLock { $0 = true } }
      source.resume()
    }
    unsafe tcsetattr(STDIN_FILENO, TCSANOW, &mode)
    // The other screen, no cursor, no wrapping.
    write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l")
  }

  /// Somebody wants the program to end.
  var isAskedToEnd: Bool { wish.withLock { $0 } }

  func leave() {
    guard
      isLeft.withLock({ left in
        defer { left = true }
        return !left
      })
    else { return }
    write("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l")
    var mode = before
    unsafe tcsetattr(STDIN_FILENO, TCSANOW, &mode)
  }

  /// As it is now; it may be changed at any time.
  static var size: (columns: Int, rows: Int) {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0,
      size.ws_row > 0
    else { return (80, 24) }
    return (min(Int(size.ws_col), 400), min(Int(size.ws_row), 200))
  }

  /// Draws over what is there, so that nothing flickers.
  func draw(_ lines: [String]) {
    var text = "\u{1b}[H"
    text += lines.map { "\($0)\u{1b}[K" }.joined(separator: "\r\n")
    write(text + "\u{1b}[J")
  }

  /// Keys pressed meanwhile, at most so long waited for; nil when there will be none any more.
  func keys(within milliseconds: Int32) -> [TopKey]? {
    var poll = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard unsafe Foundation.poll(&poll, 1, milliseconds) > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe read(STDIN_FILENO, &bytes, bytes.count)
    guard count > 0 else { return count < 0 && errno == EINTR ? [] : nil }
    return TopKey.read(bytes[..<count])
  }

  private func write(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }
}

enum TopKey: Equatable {
  case up, down, enter, escape, erase, end
  case character(Character)

  static func read(_ bytes: ArraySlice<UInt8>) -> [TopKey] {
    var keys: [TopKey] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      switch byte {
      case 0x1b:
        guard rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "O") else {
          keys.append(.escape)
          continue
        }
        rest = rest.dropFirst()
        let last = rest.firstIndex { (0x40...0x7e).contains($0) } ?? rest.endIndex
        if last < rest.endIndex {
          if rest[last] == UInt8(ascii: "A") { keys.append(.up) }
          if rest[last] == UInt8(ascii: "B") { keys.append(.down) }
          rest = rest[(last + 1)...]
        } else {
          rest = []
        }
      case 3, 4: keys.append(.end)
      case 10, 13: keys.append(.enter)
      case 8, 127: keys.append(.erase)
      case 0x20...0x7e: keys.append(.character(Character(UnicodeScalar(byte))))
      default: continue
      }
    }
    return keys
  }
}
