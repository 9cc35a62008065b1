import Foundation
import Testing

@testable import Control

@Suite struct AccessLogSearchTests {
  private let folder: URL
  private let id = "4f0c9a6de0f14c1f9d8c6f4b2a7e5d31"

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gatehouse-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func write(_ lines: [String], _ name: String = "access.log") throws -> String {
    let file = folder.appendingPathComponent(name)
    try Data(lines.map { "\($0)\n" }.joined().utf8).write(to: file)
    return file.path
  }

  private func line(_ number: Int, _ id: String = "x") -> String {
    #"{"n":\#(number),"pad":"\#(String(repeating: "p", count: 150))","req_id":"\#(id)"}"#
  }

  private func search(_ path: String, limit: Int = AccessLogSearch.byteLimit)
    -> AccessLogSearch.Outcome
  { AccessLogSearch(path: path, limit: limit).line(with: "\"\(id)\"") }

  /// 20,000 lines are three blocks and more.
  @Test(arguments: [0, 1, 5_237, 5_238, 5_239, 10_000, 19_999])
  func `a line is found wherever it lies`(_ place: Int) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try write((0..<20_000).map { line($0, $0 == place ? id : "x") })
    #expect(search(path) == .found(Data(line(place, id).utf8)))
  }

  @Test func `a line across each border of two blocks is found whole`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for shift in stride(from: 0, to: 240, by: 7) {
      let rest = (1 << 20) - shift
      let text = line(1, id)
      let path = try write([
        String(repeating: "a", count: 3000), text, String(repeating: "b", count: rest),
      ])
      #expect(search(path) == .found(Data(text.utf8)), "\(shift)")
    }
  }

  @Test func `of two the later one, then the file before, and no further than the limit`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = try write([line(1, id), line(2, id), line(3)])
    #expect(search(path) == .found(Data(line(2, id).utf8)))
    let rotated = try write([line(9, id)], "other.log.1")
    let current = try write([line(8)], "other.log")
    #expect(rotated == "\(current).1")
    #expect(search(current) == .found(Data(line(9, id).utf8)))
    guard case .notFound(let bytes) = search(current, limit: 100) else {
      Issue.record("found beyond the limit")
      return
    }
    #expect(bytes <= 100)
    guard case .unreadable = search("\(current).none") else {
      Issue.record("a file that is not there was read")
      return
    }
  }

  @Test func `a line is read with what it has`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = """
      {"ts":"2026-11-27T08:00:00Z","listener":"https","client_ip":"203.0.113.9","client_port":5000,
      "method":"GET","host":"www.test","path":"/a","status":504,"term":"sH",
      "term_reason":"the server did not answer in time","tls":{"version":"1.3"},
      "t":{"req_ms":1,"queue_ms":0,"connect_ms":2.5,"ttfb_ms":-1,"total_ms":60010}}
      """
    let request = try #require(LoggedRequest(line: Data(text.utf8)))
    #expect(request.url(port: nil) == "https://www.test/a")
    #expect(request.phases.map(\.name) == ["req", "queue", "connect", "ttfb"])
    #expect(request.phases.last?.milliseconds == 60006.5)
    #expect(request.meaning?.name == "server_timed_out")
  }

  @Test(arguments: [
    "", "[]", "null", "{", #"{"t":{"req":1e999}}"#,
    #"{"t":7,"status":"x","term":"??","path":["a"]}"#,
    #"{"client_port":1e300,"t":{"total":"NaN"}}"#,
  ])
  func `no line is taken for more than it is`(_ text: String) {
    let request = LoggedRequest(line: Data(text.utf8))
    #expect(request?.meaning == nil)
    #expect(request?.phases.isEmpty ?? true)
    #expect(request?.url(port: nil) == nil)
  }
}
