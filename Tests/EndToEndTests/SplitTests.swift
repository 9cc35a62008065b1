import Foundation
import Testing

/// Reads to replicas, writes to the primary.
@Suite struct SplitTests {
  private static func gate(
    _ split: String = "{}", key: String? = nil, _ origins: [Origin]? = nil
  ) throws -> Gate {
    try Gate(
      origins ?? [.named("primary"), .named("r1"), .named("r2")],
      edit: { file in
        var role = 0
        return file.replacing("  web:\n", with: "  web:\n    split: \(split)\n")
          .replacing(/s\d: \{/) { match in
            role += 1
            return "\(match.output) role: \(role == 1 ? "primary" : "replica"),"
          }
      })
  }

  @Test func `unsafe methods go to the primary only, reads to the replicas`() throws {
    let gate = try Self.gate()
    for _ in 0..<4 {
      #expect(try gate.curl("-X", "POST").standardOutput == "primary\n")
      #expect(try gate.curl("-X", "PURGE").standardOutput == "primary\n")
    }
    #expect(Set(try (0..<4).map { _ in try gate.curl().standardOutput }) == ["r1\n", "r2\n"])
  }

  @Test func `who wrote reads his own writes, by a cookie that nobody can forge`() throws {
    let gate = try Self.gate("{ pin_after_write: 60s }")
    let jar = gate.folder.url.appendingPathComponent("jar").path
    let write = try gate.curl("-i", "-c", jar, "-X", "POST").standardOutput
    let pin = try #require(
      write.firstMatch(
        of:
          /Set-Cookie: gatehouse_pin_web=([0-9a-f]{16})\.([0-9a-f]{16}); Path=\/; Max-Age=61; HttpOnly; SameSite=Lax; Secure/
      ))
    for _ in 0..<4 { #expect(try gate.curl("-b", jar).standardOutput == "primary\n") }
    for forged in [
      "ffffffffffffffff.\(pin.2)", "\(pin.1).0000000000000000", "\(pin.1)", "\(pin.1).\(pin.2)0",
      "", "zzzzzzzzzzzzzzzz.\(pin.2)",
    ] {
      let answer = try gate.curl("-H", "Cookie: gatehouse_pin_web=\(forged)").standardOutput
      #expect(answer.hasPrefix("r"), "\(forged)")
    }
    let read = try gate.curl("-i").standardOutput
    #expect(!read.contains("Set-Cookie"))
  }

  @Test func `excepted paths go to the primary, however they are written`() throws {
    let gate = try Self.gate("{ except: [/cart/**] }")
    for path in ["/cart", "/cart/1", "/c%61rt/1"] {
      #expect(try gate.curl(path: path).standardOutput == "primary\n", "\(path)")
    }
    #expect(try gate.curl(path: "/carts").standardOutput.hasPrefix("r"))
  }

  @Test func `without a primary reads go on, and writes are answered 503 with Retry-After`() throws
  {
    let gate = try Self.gate("{ pin_after_write: 0s }")
    let set = try gate.command(
      "server", "set", "web/s1", "--weight", "0", "--socket", gate.socket)
    #expect(set.status == 0)
    let write = try gate.curl("-i", "-X", "POST").standardOutput
    #expect(write.hasPrefix("HTTP/1.1 503 ") && write.contains("no server takes writes just now"))
    #expect(write.lowercased().contains("\r\nretry-after: "))
    for _ in 0..<4 { #expect(try gate.curl().standardOutput.hasPrefix("r")) }
    let back = try gate.command(
      "server", "set", "web/s1", "--weight", "1", "--socket", gate.socket)
    #expect(back.status == 0)
    let again = try gate.curl("-i", "-X", "POST").standardOutput
    #expect(again.hasSuffix("primary\n") && !again.contains("Set-Cookie"))
  }

  @Test func `a write waits for a primary to come, when it may`() throws {
    let gate = try Self.gate("{ queue_writes: 20s }")
    _ = try gate.command("server", "set", "web/s1", "--weight", "0", "--socket", gate.socket)
    let client = try RawSocket(port: gate.http)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    try #require(
      wait {
        try gate.command("status", "--json", "--socket", gate.socket).standardOutput
          .contains("\"queued\" : 1")
      })
    #expect(try gate.curl().standardOutput.hasPrefix("r"))
    _ = try gate.command("server", "set", "web/s1", "--weight", "1", "--socket", gate.socket)
    #expect(client.receive(until: "hi").hasSuffix("primary\nhi"))
  }

  @Test func `a write gets the very primary that refused it, once that is back`() throws {
    let port = RawSocket.quietPort()
    let gate = try Gate(
      [.named("r1")],
      edit: {
        $0.replacing(
          "  web:\n",
          with: "  web:\n    split: { queue_writes: 20s }\n"
        ).replacing(
          "      s1: {",
          with:
            "      p: { address: \"127.0.0.1:\(port)\", role: primary }\n      s1: { role: replica,"
        ).replacing("workers: 1", with: "workers: 1\ntimeouts: { set_aside: 1s }")
      })
    let client = try RawSocket(port: gate.http)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
    try #require(gate.waitForLog("web/p is set aside"))
    // Nobody tells of its return: the gate must look by itself.
    let primary = try PlainServer("p", port: port)
    #expect(client.receive(until: "p\n").hasSuffix("p\n"))
    #expect(primary.posts == ["hi"])
  }

  @Test func `when no replica can take them, reads go to the primary`() throws {
    let gate = try Self.gate()
    for server in ["s2", "s3"] {
      _ = try gate.command(
        "server", "set", "web/\(server)", "--weight", "0", "--socket", gate.socket)
    }
    #expect(try gate.curl().standardOutput == "primary\n")
  }
}
