internal import Foundation

/// Events on disk, a line of JSON each; written anew when it has twice as many as are kept.
///
/// It is a memory, and no record: what cannot be written is left out, and `audit.log` says who changed
/// what.
final class EventFile: @unchecked Sendable {
  /// As much of its end as is read.
  static let readLimit = 4 << 20

  private let path: String
  /// Touched by `read`, and then by the book's queue alone.
  private var lineCount = 0

  init(_ path: String) { self.path = path }

  /// The last ones; lines that are none, and those that stand there twice, are left out.
  func read(_ count: Int) -> [Event] {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return [] }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    let size = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: size > UInt64(Self.readLimit) ? size - UInt64(Self.readLimit) : 0)
    let lines = ((try? handle.read(upToCount: Self.readLimit)) ?? Data())
      .split(separator: UInt8(ascii: "\n"))
    lineCount = lines.count
    var events: [Event] = []
    for line in lines {
      guard let event = try? readJSON(Event.self, Data(line)), event.id < .max / 2,
        event.id > events.last?.id ?? 0
      else { continue }
      events.append(event)
    }
    return events.suffix(count)
  }

  /// `all` are those to keep when the file has grown too long.
  func append(_ events: [Event], all: () -> [Event]) {
    lineCount += events.count
    guard lineCount > 2 * EventBook.limit else { return write(events, O_APPEND, to: path) }
    let kept = all()
    write(kept, O_TRUNC, to: "\(path).new")
    guard unsafe rename("\(path).new", path) == 0 else { return }
    lineCount = kept.count
  }

  private func write(_ events: [Event], _ mode: Int32, to path: String) {
    let file = unsafe open(path, O_WRONLY | mode | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
    guard file >= 0 else { return }
    defer { close(file) }
    let bytes = events.flatMap(Self.line)
    _ = unsafe bytes.withUnsafeBytes { unsafe Foundation.write(file, $0.baseAddress, $0.count) }
  }

  private static func line(of event: Event) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let text = try? encoder.encode(event) else { return [] }
    return Array(text) + [UInt8(ascii: "\n")]
  }
}
