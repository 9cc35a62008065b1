import Foundation
import Glibc
import Testing

/// What one of many can take of the admin doors, and what the others still get.
@Suite(.serialized) struct AdminLimitTests {
  private func request(_ door: Door, _ path: String, as role: String) -> String {
    "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(door.port)\r\n"
      + "Authorization: Bearer \(door.tokens[role] ?? "")\r\n\r\n"
  }

  private func head(_ door: Door, _ path: String, as role: String) throws -> (RawSocket, String) {
    let socket = try RawSocket(port: door.port)
    socket.send(request(door, path, as: role))
    return (socket, socket.receive(until: "\r\n\r\n"))
  }

  @Test func `one viewer does not take all event streams`() throws {
    let door = try Door()
    var open: [RawSocket] = []
    for _ in 0..<16 {
      let (socket, text) = try head(door, "/v1/events/stream", as: "viewer")
      #expect(text.hasPrefix("HTTP/1.1 200 "))
      open.append(socket)
    }
    let late = try door.ask("GET", "/v1/events/stream", as: "viewer")
    #expect(late.status == 429 && late.field("Retry-After") == "5")
    #expect(late.field("Content-Type") == "application/json")
    #expect(late.body.contains(#"{"errors": ["you follow the events over 16 connections already"#))
    let (other, text) = try head(door, "/v1/events/stream", as: "operator")
    #expect(text.hasPrefix("HTTP/1.1 200 "))
    open.append(other)
    #expect(try door.ask("GET", "/v1/status", as: "viewer").status == 200)
  }

  @Test func `connections that never say who they are keep nobody out`() throws {
    let door = try Door()
    var idle: [RawSocket] = []
    // More than the door takes, from one address and from others.
    for index in 0..<320 {
      idle.append(try RawSocket(port: door.port, from: "127.0.0.\(2 + index % 8)"))
    }
    for role in ["viewer", "operator", "admin"] {
      #expect(try door.ask("GET", "/v1/status", as: role).status == 200)
    }
    // Those that were not closed for others are closed when their time is over.
    for socket in idle { #expect(socket.receive().isEmpty) }
    #expect(try door.ask("GET", "/v1/status", as: "viewer").status == 200)
  }

  @Test func `idle connections of a caller make room for his next ones`() throws {
    let door = try Door()
    var open: [RawSocket] = []
    for _ in 0..<80 {
      let (socket, text) = try head(door, "/v1/session", as: "viewer")
      #expect(text.hasPrefix("HTTP/1.1 200 "))
      open.append(socket)
    }
    // POLLRDHUP of <poll.h>: the other end has closed; there may be a body still to be read.
    let ended: Int16 = 0x2000
    var numbers = open.map { pollfd(fd: $0.number, events: ended, revents: 0) }
    #expect(unsafe poll(&numbers, nfds_t(numbers.count), 5000) >= 1)
    #expect(numbers.count { $0.revents & ended != 0 } >= 15)
    #expect(numbers.suffix(60).allSatisfy { $0.revents & ended == 0 })
    #expect(try door.ask("GET", "/v1/status", as: "admin").status == 200)
    #expect(try door.gate.admin("GET", "/v1/status").status == 200)
  }

  /// A name server that says nothing: an apply waits for it.
  private final class SilentNames {
    let number: Int32
    let port: UInt16

    init() {
      let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var size = socklen_t(16)
      unsafe withUnsafeMutableBytes(of: &address) {
        guard let plain = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
          return
        }
        _ = unsafe bind(number, plain, 16)
        _ = unsafe getsockname(number, plain, &size)
      }
      self.number = number
      port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(number) }

    /// Waits until somebody asks.
    func isAsked() -> Bool {
      var one = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
      return unsafe poll(&one, 1, 20_000) == 1
    }
  }

  @Test func `applies of one that wait leave a thread for another's change`() throws {
    let names = SilentNames()
    let door = try Door()
    try door.gate.rewrite {
      "resolver: { servers: [\"127.0.0.1:\(names.port)\"] }\n"
        + $0.replacing("  web:\n", with: "  far: { servers: { a: \"far.test:80\" } }\n  web:\n")
    }
    var applies: [RawSocket] = []
    for _ in 0..<8 {
      let apply = try RawSocket(port: door.port)
      apply.send(
        request(door, "/v1/apply", as: "admin").replacing("GET ", with: "POST ").replacing(
          "\r\n\r\n", with: "\r\nContent-Length: 0\r\n\r\n"))
      applies.append(apply)
    }
    #expect(names.isAsked())
    let path = "/v1/servers/web/s1"
    let change = try door.ask("PATCH", path, as: "operator", body: #"{"state": "drain"}"#)
    #expect(change.status == 200, "\(change.body)")
    var waiting = applies.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    #expect(unsafe poll(&waiting, nfds_t(waiting.count), 0) == 0, "no apply waited any more")
  }

  @Test func `while an apply waits the others are answered`() throws {
    let names = SilentNames()
    let health = RawSocket.freePort()
    let door = try Door(more: "health: { listen: \"127.0.0.1:\(health)\" }")
    try door.gate.rewrite {
      "resolver: { servers: [\"127.0.0.1:\(names.port)\"] }\n"
        + $0.replacing("  web:\n", with: "  far: { servers: { a: \"far.test:80\" } }\n  web:\n")
    }
    let apply = try RawSocket(port: door.port)
    apply.send(
      request(door, "/v1/apply", as: "admin").replacing("GET ", with: "POST ").replacing(
        "\r\n\r\n", with: "\r\nContent-Length: 0\r\n\r\n"))
    #expect(names.isAsked())
    let (_, status) = try head(door, "/v1/status", as: "viewer")
    #expect(status.hasPrefix("HTTP/1.1 200 "))
    let live = try RawSocket(port: health)
    live.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(live.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
    var waiting = pollfd(fd: apply.number, events: Int16(POLLIN), revents: 0)
    #expect(unsafe poll(&waiting, 1, 0) == 0, "the apply was over before the others were answered")
    var answer = ""
    for _ in 0..<6 where answer.isEmpty { answer = apply.receive(until: "\r\n\r\n") }
    #expect(answer.hasPrefix("HTTP/1.1 422 "), "\(answer)")
  }
}
