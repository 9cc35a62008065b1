import Foundation
import Testing

/// Requests that wait for one server, and others that would take any.
@Suite struct StickyQueueTests {
  /// Answers at once, but for /hold, which waits until it is let go.
  private static func origin(_ name: String, _ gate: DispatchSemaphore) -> Origin {
    Origin { connection, origin in
      while true {
        let head = connection.receive(until: "\r\n\r\n")
        guard !head.isEmpty else { return }
        origin.note(String(head.prefix { $0 != "\r\n" }))
        if head.hasPrefix("GET /hold") { _ = gate.wait(timeout: .now() + 30) }
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\(name)\n")
      }
    }
  }

  private static func ask(_ gate: Gate, _ path: String, _ cookie: String = "") throws -> RawSocket {
    let socket = try RawSocket(port: gate.http)
    socket.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(cookie)\r\n")
    return socket
  }

  @Test func `who waits for his own server keeps nobody from another`() throws {
    let holds = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
    let origins = [Self.origin("s1", holds[0]), Self.origin("s2", holds[1])]
    let gate = try Gate(
      origins,
      edit: {
        $0.replacing(
          "  web:\n",
          with: "  web:\n    sticky: ID\n    limit: { connections: 1, queue: 1000, wait: 30s }\n")
      })
    var cookies: [String: String] = [:]
    while cookies.count < 2 {
      let text = try Self.ask(gate, "/").receive(until: "\n")
      let found = try #require(text.firstMatch(of: /Set-Cookie: (ID=[0-9a-f]+)/))
      cookies[text.hasSuffix("s1\n") ? "s1" : "s2"] = "Cookie: \(found.1)\r\n"
    }
    let (first, second) = (try #require(cookies["s1"]), try #require(cookies["s2"]))
    let (one, two) = (
      try Self.ask(gate, "/hold", first), try Self.ask(gate, "/hold", second)
    )
    try #require(
      gate.waits { origins.allSatisfy { $0.notes.contains("GET /hold HTTP/1.1") } })
    // Hundreds in the queue of each worker.
    let stuck = try (0..<800).map { _ in try Self.ask(gate, "/stuck", first) }
    #expect(try gate.waits { try gate.status().backends[0].queued == 800 })
    let free = try Self.ask(gate, "/free")
    #expect(try gate.waits { try gate.status().backends[0].queued == 801 })
    let waiting = try gate.status().backends[0].servers.map(\.queued)
    #expect(waiting == [800, 0])
    // The second server has room again: the one behind may have it.
    holds[1].signal()
    #expect(two.receive(until: "s2\n").hasSuffix("s2\n"))
    #expect(free.receive(until: "\ns2\n").hasSuffix("s2\n"))
    #expect(!origins[0].notes.contains("GET /stuck HTTP/1.1"))
    holds[0].signal()
    #expect(one.receive(until: "s1\n").hasSuffix("s1\n"))
    for socket in stuck { #expect(socket.receive(until: "s1\n").hasSuffix("s1\n")) }
  }
}
