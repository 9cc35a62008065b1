import Glibc
import Testing

@testable import Proxy

/// Clients that stay for what is published, over plain TCP.
@Suite struct EventStreamTests {
  private static func server(_ edit: (inout ProxyConfiguration) -> Void = { _ in }) throws
    -> ProxyServer
  {
    var configuration = ProxyConfiguration()
    configuration.workers = 1
    configuration.listeners = [
      .init(name: "admin", addresses: [.ipv4(0x7f00_0001, port: 0)])
    ]
    configuration.routes = [.init(host: .any, path: .any, action: .local)]
    edit(&configuration)
    return try ProxyServer(
      configuration,
      responder: { _ in
        var response = LocalResponse(
          status: 200, contentType: "text/event-stream", body: Array("data: hello\n\n".utf8))
        response.isEventStream = true
        return response
      }, log: { _ in })
  }

  /// One who listens, with as small a buffer as the kernel gives where he is to be slow.
  private final class Listener {
    let number: Int32
    var heard: [UInt8] = []

    init(_ server: ProxyServer, isSlow: Bool = false) throws {
      number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var small: Int32 = 4096
      if isSlow { _ = unsafe setsockopt(number, SOL_SOCKET, SO_RCVBUF, &small, 4) }
      var timeout = timeval(tv_sec: 10, tv_usec: 0)
      let size = socklen_t(MemoryLayout<timeval>.size)
      _ = unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = (server.addresses.first?.port ?? 0).bigEndian
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      let answer = unsafe withUnsafeBytes(of: &address) {
        unsafe connect(number, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 16)
      }
      try #require(answer == 0)
      let request = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      _ = unsafe send(number, request, request.count, Int32(MSG_NOSIGNAL))
    }

    deinit { close(number) }

    var text: String { String(decoding: heard, as: UTF8.self) }

    /// False at the end, or when nothing came for 10 s.
    func hear() -> Bool {
      var buffer = [UInt8](repeating: 0, count: 256 << 10)
      let count = unsafe recv(number, &buffer, buffer.count, 0)
      guard count > 0 else { return false }
      heard += buffer.prefix(count)
      return true
    }

    func hear(until end: String) -> Bool {
      while !text.hasSuffix(end) { guard hear() else { return false } }
      return true
    }
  }

  private static func waits(_ isSo: () -> Bool) -> Bool {
    for _ in 0..<500 {
      if isSo() { return true }
      usleep(20_000)
    }
    return false
  }

  @Test func `each gets what is published, and it is known how many listen`() throws {
    let server = try Self.server()
    defer { server.stop() }
    #expect(server.audience == 0)
    let first = try Listener(server)
    var second: Listener? = try Listener(server)
    #expect(first.hear(until: "data: hello\n\n") && second?.hear(until: "data: hello\n\n") == true)
    #expect(first.text.contains("\r\nContent-Type: text/event-stream\r\n"))
    #expect(first.text.contains("\r\nConnection: close\r\n"))
    #expect(!first.text.lowercased().contains("content-length"))
    #expect(server.audience == 2)
    server.publish(Array("data: 1\n\n".utf8))
    server.publish(Array("data: 2\n\n".utf8))
    #expect(first.hear(until: "data: 1\n\ndata: 2\n\n"))
    #expect(second?.hear(until: "data: 1\n\ndata: 2\n\n") == true)
    second = nil
    #expect(
      Self.waits {
        server.publish(Array(": still here\n\n".utf8))
        return server.audience == 1
      })
  }

  @Test func `who reads nothing is closed, and holds nobody up`() throws {
    let server = try Self.server()
    defer { server.stop() }
    let stuck = try Listener(server, isSlow: true)
    let good = try Listener(server)
    #expect(good.hear(until: "data: hello\n\n") && Self.waits { server.audience == 2 })
    let line = String(repeating: "x", count: 64 << 10)
    var published = 0
    while server.audience == 2, published < 1000 {
      published += 1
      server.publish(Array("data: \(line)\n\n".utf8))
      good.heard = []
      // The next one only when this one has come: only the stuck one falls behind.
      while good.heard.count < line.utf8.count + 8 { #expect(good.hear()) }
    }
    // What the kernel took for him, and our bound.
    #expect(published < 1000, "still open after \(published) times 64 KiB")
    #expect(server.audience == 1)
    while stuck.hear() {}
    #expect(stuck.heard.count < published * (line.utf8.count + 8))
  }

  @Test func `one more than may listen is told to come again`() throws {
    let server = try Self.server()
    defer { server.stop() }
    let all = try (0..<Worker.eventStreamLimit).map { _ in try Listener(server) }
    for one in all { #expect(one.hear(until: "data: hello\n\n")) }
    let late = try Listener(server)
    #expect(late.hear(until: "}\n") && late.text.hasPrefix("HTTP/1.1 503 "))
    #expect(late.text.contains("as many follow the events as may at a time"))
  }

  @Test func `they end when they are told to, and when the server drains`() throws {
    let server = try Self.server()
    let first = try Listener(server)
    #expect(first.hear(until: "data: hello\n\n"))
    server.endEventStreams()
    while first.hear() {}
    #expect(first.text.hasSuffix("data: hello\n\n"))
    let second = try Listener(server)
    #expect(second.hear(until: "data: hello\n\n"))
    server.drain()
    while second.hear() {}
    server.waitUntilStopped()
    #expect(server.audience == 0)
  }

  @Test func `without a byte for too long the line is given up, a heartbeat keeps it`() throws {
    let server = try Self.server { $0.timeouts.response = .milliseconds(1500) }
    defer { server.stop() }
    let one = try Listener(server)
    #expect(one.hear(until: "data: hello\n\n"))
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(3) {
      one.heard = []
      server.publish(Array(": still here\n\n".utf8))
      try #require(one.hear(until: ": still here\n\n"))
      usleep(200_000)
    }
    let silent = ContinuousClock.now
    while one.hear() {}
    #expect((.seconds(1) ... .seconds(8)).contains(ContinuousClock.now - silent))
  }

  @Test func `a worker that takes nothing gets no more than so much`() throws {
    let mailbox = try #require(Mailbox())
    for _ in 0..<1000 { mailbox.publish([1]) }
    #expect(mailbox.takeAll().count == Mailbox.publishedLimit)
  }
}
