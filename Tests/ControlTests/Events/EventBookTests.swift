import Foundation
import Logging
import Synchronization
import Testing

@testable import Control

/// A log that nobody reads.
private struct Silent: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {}
}

@Suite struct EventBookTests {
  private static func path() -> String {
    FileManager.default.temporaryDirectory.path + "/events-\(UUID().uuidString)"
  }

  @Test func `keeps the last thousand, and tells what came after one`() {
    let book = EventBook()
    for number in 1...1500 { book.note(.server, "web/s\(number)", "up") }
    #expect(book.last(5000).count == EventBook.limit)
    #expect(book.last(5000).first?.id == 501)
    #expect(book.last(2).map(\.subject) == ["web/s1499", "web/s1500"])
    #expect(book.last(50, after: 1498).map(\.id) == [1499, 1500])
    #expect(book.last(50, after: 1500).isEmpty)
    // Of a process before, which had more.
    #expect(book.last(50, after: .max).isEmpty)
    #expect(book.last(3, after: 7).map(\.id) == [1498, 1499, 1500])
  }

  @Test func `a line of the log is an event of its part's kind, and says what it is about`() {
    let book = EventBook()
    let logger = Logger(label: "test") { _ in Silent() }.noting(in: book)
    logger.info("only for the log")
    logger.of(.server).warning("web/s1 is down", metadata: .about("web/s1"))
    logger.of(.apply).notice("applied", metadata: .about("generation 2", by: "alice"))
    logger.notice("begins")
    logger.critical("no memory")
    let all = book.last(10)
    #expect(all.map(\.kind) == [.server, .apply, .process, .trouble])
    #expect(all.map(\.severity) == [.warning, .info, .info, .error])
    #expect(all.map(\.subject) == ["web/s1", "generation 2", "", ""])
    #expect(all.map(\.by) == [nil, "alice", nil, nil])
  }

  @Test func `what steers a terminal is written out, and a text has an end`() {
    let book = EventBook()
    book.note(.trouble, "a\u{1b}[2J", String(repeating: "\u{9b}x", count: 5000))
    #expect(book.last(1)[0].subject == "a\\u{1b}[2J")
    #expect(book.last(1)[0].text.count == EventBook.textLimit)
  }

  @Test func `goes on after a restart, and its file stays small`() throws {
    let path = Self.path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var book = EventBook(path)
    for number in 1...700 { book.note(.server, "\(number)", "x", by: "root") }
    book.flush()
    book = EventBook(path)
    #expect(book.last(1).map(\.id) == [700] && book.last(1)[0].by == "root")
    for round in 0..<30 {
      for number in 0..<100 { book.note(.ban, "\(round) \(number)", "x") }
      book.flush()
    }
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.count <= 2 * EventBook.limit && lines.count >= EventBook.limit)
    book = EventBook(path)
    #expect(book.lastID == 3700 && book.last(5000).count == EventBook.limit)
  }

  @Test func `a broken file is read as far as it can be`() throws {
    let path = Self.path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let book = EventBook(path)
    book.note(.name, "a.test", "gone")
    book.flush()
    var text = try String(contentsOfFile: path, encoding: .utf8)
    text += "{\"id\":18446744073709551615}\nnonsense\n\u{0}\n" + text + "{\"id\": 7"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let next = EventBook(path)
    #expect(next.last(10).map(\.subject) == ["a.test"])
    next.note(.name, "b.test", "here")
    #expect(next.lastID == 2)
    // A folder in its place is no reason to stop.
    EventBook("/").note(.name, "", "")
    EventBook("/nonexistent/events").note(.name, "", "")
  }

  @Test func `whoever listens hears each once, in order`() {
    let book = EventBook()
    let heard = Mutex<[UInt64]>([])
    book.tell { event in heard.withLock { $0.append(event.id) } }
    DispatchQueue.concurrentPerform(iterations: 200) { _ in book.note(.log, "", "x") }
    for _ in 0..<500 where heard.withLock({ $0.count }) < 200 { usleep(10_000) }
    #expect(heard.withLock { $0 } == Array(1...200))
  }
}
