import Foundation
import Testing

/// The status as it changes, over the door.
@Suite struct AdminStreamTests {
  /// curl that follows the events into a file.
  private final class Follower {
    let file: URL
    let process = Process()

    init(_ door: Door, _ header: String) throws {
      file = door.gate.folder.url.appendingPathComponent("events-\(UUID())")
      try Data().write(to: file)
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        "curl", "-sSN", "-i", "--cacert", door.gate.ca, "-H", header,
        "\(door.origin)/v1/events/stream",
      ]
      process.standardOutput = try FileHandle(forWritingTo: file)
      try process.run()
    }

    deinit { if process.isRunning { process.terminate() } }

    var text: String { (try? String(contentsOf: file, encoding: .utf8)) ?? "" }

    func count(_ part: String) -> Int { text.components(separatedBy: part).count - 1 }

    func waits(_ seconds: Double, _ isSo: () -> Bool) -> Bool {
      let end = Date() + seconds
      while Date() < end {
        if isSo() { return true }
        usleep(50_000)
      }
      return false
    }
  }

  @Test(arguments: [false, true])
  func `curl sees the status at once, again as it changes, and that the line is alive`(_ tls: Bool)
    throws
  {
    let door = try Door(tls: tls)
    let follower = try Follower(door, "Authorization: Bearer \(door.tokens["viewer"] ?? "")")
    #expect(follower.waits(4) { follower.count("event: status\n") >= 2 })
    #expect(follower.text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"))
    let body = #"{"weight": 7}"#
    _ = try door.ask("PATCH", "/v1/servers/web/s1", as: "operator", body: body)
    #expect(
      follower.waits(4) { follower.text.contains("data:       \"weight\" : 7") }
        || follower.text.contains("\"weight\" : 7"))
    #expect(follower.waits(25) { follower.count(": still here\n\n") >= 1 })
    // Every line is of an event.
    let stream = follower.text.components(separatedBy: "\r\n\r\n").last ?? ""
    for line in stream.split(separator: "\n").dropLast() {
      #expect(
        ["event: ", "data: ", "retry: ", ": "].contains(where: line.hasPrefix), "\(line)")
    }
  }

  @Test func `it needs a role, and ends with the session`() throws {
    let door = try Door()
    #expect(try door.ask("GET", "/v1/events/stream").status == 401)
    let cookie = "Cookie: \(try AdminSessionTests.logIn(door, "viewer"))"
    let follower = try Follower(door, cookie)
    #expect(follower.waits(5) { follower.count("event: status\n") >= 1 })
    let end = try door.ask(
      "DELETE", "/v1/session", headers: [cookie, "Sec-Fetch-Site: same-origin"])
    #expect(end.status == 200)
    #expect(follower.waits(10) { !follower.process.isRunning })
  }

  @Test func `a follower that is stopped costs no memory, and the others go on`() throws {
    let door = try Door()
    let stuck = try Follower(door, "Authorization: Bearer \(door.tokens["viewer"] ?? "")")
    #expect(stuck.waits(5) { stuck.count("event: status\n") >= 1 })
    kill(stuck.process.processIdentifier, SIGSTOP)
    defer { kill(stuck.process.processIdentifier, SIGKILL) }
    let good = try Follower(door, "Authorization: Bearer \(door.tokens["viewer"] ?? "")")
    #expect(good.waits(15) { good.count("event: status\n") >= 6 })
    #expect(try door.ask("GET", "/v1/status", as: "viewer").status == 200)
  }
}
