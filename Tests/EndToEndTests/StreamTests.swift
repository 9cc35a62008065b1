import Foundation
import Testing

/// Listeners that move bytes, whatever they say.
@Suite struct StreamTests {
  private static func gate(
    _ origins: [Origin], _ settings: String = "", _ port: UInt16,
    edit: @escaping (String) -> String = { $0 }
  ) throws -> Gate {
    try Gate(
      origins,
      edit: {
        edit(
          $0.replacing(
            "listeners:\n",
            with: "listeners:\n  tcp: { bind: \"127.0.0.1:\(port)\", backend: web\(settings) }\n"))
      })
  }

  @Test func `a server may speak first, and every byte goes both ways`() throws {
    let origin = Origin { connection, origin in
      connection.send("hello from the server\n")
      while true {
        let piece = connection.receive()
        guard !piece.isEmpty else { break }
        connection.send(piece)
      }
      connection.send("bye\n")
    }
    let port = RawSocket.freePort()
    let gate = try Self.gate([origin], "", port)
    let client = try RawSocket(port: port)
    #expect(client.receive(until: "\n") == "hello from the server\n")
    let bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    let sender = Thread {
      client.send(bytes)
      client.finishSending()
    }
    sender.start()
    #expect(client.receiveAll() == bytes + Data("bye\n".utf8))
    _ = gate
  }

  @Test func `a client that ends its direction at once is still served`() throws {
    let origin = Origin { connection, _ in
      let all = connection.receiveAll()
      connection.send("got \(all.count)\n")
    }
    let port = RawSocket.freePort()
    let gate = try Self.gate([origin], "", port)
    let client = try RawSocket(port: port)
    client.send("abc")
    client.finishSending()
    #expect(String(decoding: client.receiveAll(), as: UTF8.self) == "got 3\n")
    _ = gate
  }

  @Test func `over TLS, too, whoever speaks first`() throws {
    let origin = Origin { connection, _ in
      connection.send("hello\n")
      connection.send("you said \(connection.receive(until: "\n"))")
    }
    let port = RawSocket.freePort()
    let gate = try Self.gate([origin], ", certificates: certs", port)
    let output = try run(
      "bash",
      [
        "-c",
        "(sleep 1; echo early) | timeout 10 openssl s_client -quiet -connect 127.0.0.1:\(port) -servername www.test -CAfile \(gate.ca) 2>/dev/null",
      ])
    #expect(output.standardOutput == "hello\nyou said early\n")
    let first = try run(
      "bash",
      [
        "-c",
        "echo at once | timeout 10 openssl s_client -quiet -connect 127.0.0.1:\(port) -servername www.test -CAfile \(gate.ca) -ign_eof 2>/dev/null",
      ])
    #expect(first.standardOutput == "hello\nyou said at once\n")
  }

  @Test func `a server that can't be reached costs its clients nothing`() throws {
    let origin = Origin { connection, _ in connection.send("s2\n") }
    let port = RawSocket.freePort()
    let gate = try Self.gate(
      [.named("s1"), origin], "", port,
      edit: { $0.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)1" } })
    for _ in 0..<6 {
      let client = try RawSocket(port: port)
      #expect(client.receive(until: "\n") == "s2\n")
    }
    _ = gate
  }

  @Test func `with no server at all the client's connection ends`() throws {
    let port = RawSocket.freePort()
    let gate = try Self.gate(
      [.named("s1")], "", port,
      edit: { $0.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)1" } })
    let client = try RawSocket(port: port)
    #expect(client.receiveAll().isEmpty)
    #expect(try gate.curl("-o", "/dev/null", "-w", "%{http_code}").standardOutput == "503")
  }

  @Test func `by role, a stream goes to the primary or to replicas`() throws {
    let (write, read) = (RawSocket.freePort(), RawSocket.freePort())
    let speaker = { (name: String) in
      Origin { connection, _ in
        connection.send("\(name)\n")
        _ = connection.receiveAll()
      }
    }
    let gate = try Gate(
      [speaker("p"), speaker("r1"), speaker("r2")],
      edit: { file in
        var role = 0
        return file.replacing(
          "listeners:\n",
          with: """
            listeners:
              write: { bind: "127.0.0.1:\(write)", backend: web, role: primary }
              read: { bind: "127.0.0.1:\(read)", backend: web, role: replica }

            """
        ).replacing(/s\d: \{/) { match in
          role += 1
          return "\(match.output) role: \(role == 1 ? "primary" : "replica"),"
        }
      })
    func ask(_ port: UInt16) throws -> String { try RawSocket(port: port).receive(until: "\n") }
    #expect(try (0..<4).map { _ in try ask(write) } == ["p\n", "p\n", "p\n", "p\n"])
    #expect(Set(try (0..<4).map { _ in try ask(read) }) == ["r1\n", "r2\n"])
    _ = try gate.command("server", "set", "web/s2", "--weight", "3", "--socket", gate.socket)
    let heavy = try (0..<16).map { _ in try ask(read) }.filter { $0 == "r1\n" }.count
    #expect((11...13).contains(heavy), "\(heavy) of 16 by a weight of 3 beside 1")
    for server in ["s2", "s3"] {
      _ = try gate.command(
        "server", "set", "web/\(server)", "--weight", "0", "--socket", gate.socket)
    }
    #expect(try ask(read) == "p\n")
    #expect(try ask(write) == "p\n")
  }

  @Test func `a limit holds for streams, which wait like requests`() throws {
    let origin = Origin { connection, origin in
      origin.note("came")
      connection.send("hello\n")
      _ = connection.receiveAll()
    }
    let port = RawSocket.freePort()
    let gate = try Self.gate(
      [origin], "", port,
      edit: { $0.replacing("  web:\n", with: "  web:\n    limit: { connections: 1, wait: 20s }\n") }
    )
    var first: RawSocket? = try RawSocket(port: port)
    #expect(first?.receive(until: "\n") == "hello\n")
    let second = try RawSocket(port: port)
    second.send("waiting")
    try #require(
      wait {
        try gate.command("status", "--json", "--socket", gate.socket).standardOutput
          .contains("\"queued\" : 1")
      })
    #expect(origin.notes.count == 1)
    // Its socket closes with it: that is the reset.
    first?.reset()
    first = nil
    #expect(second.receive(until: "\n") == "hello\n")
  }

  @Test(arguments: ["", ", certificates: certs"])
  func `the policy keeps everybody else out of a stream, even while an authority may look`(
    _ settings: String
  ) throws {
    let origin = Origin { connection, origin in
      origin.note("came")
      connection.send("hello\n")
      _ = connection.receiveAll()
    }
    let port = RawSocket.freePort()
    let gate = try Gate(
      [origin],
      policy: { https in
        """
        version: 1
        management: { from: [127.0.0.7], to: [tcp/22] }
        services:
          web: { listen: [tcp/\(https)], allow: [127.0.0.9] }
          db: { listen: [tcp/\(port)], allow: [127.0.0.9] }
        """
      },
      edit: {
        $0.replacing(
          "listeners:\n",
          with: "listeners:\n  tcp: { bind: \"127.0.0.1:\(port)\", backend: web\(settings) }\n")
      })
    let put = try run(
      "curl",
      [
        "-sS", "--unix-socket", gate.socket, "-X", "PUT", "-H", "Content-Type: application/json",
        "-d", #"{"token": "abc", "body": "abc.def"}"#, "http://gatehouse/v1/challenges/one",
      ])
    #expect(put.standardOutput.contains("errors"))
    let stranger = try RawSocket(port: port, from: "127.0.0.8")
    stranger.send("let me in\n")
    #expect(stranger.receiveAll().isEmpty)
    let shake = try run(
      "bash",
      [
        "-c",
        "echo hi | timeout 5 openssl s_client -quiet -bind 127.0.0.8 -connect 127.0.0.1:\(port) -servername www.test -CAfile \(gate.ca) 2>&1",
      ])
    #expect(!shake.standardOutput.contains("hello"))
    #expect(origin.notes.isEmpty)
    guard settings.isEmpty else { return }
    #expect(try RawSocket(port: port, from: "127.0.0.9").receive(until: "\n") == "hello\n")
  }

  /// Who keeps a listener waiting while its configuration changes gets what it is then, or nothing.
  @Test(arguments: ["gone", "swapped", "listener gone"])
  func `a client that is slow over an apply never reaches another backend`(_ change: String) throws
  {
    let speaker = { (name: String) in
      Origin { connection, origin in
        origin.note("came")
        connection.send("\(name)\n")
        _ = connection.receiveAll()
      }
    }
    let (web, other) = (speaker("web"), speaker("other"))
    let port = RawSocket.freePort()
    let listener =
      "  tcp: { bind: \"127.0.0.1:\(port)\", backend: web, proxy_protocol: { from: 127.0.0.1 } }\n"
    let one = "  other: { servers: [\"127.0.0.1:\(other.port)\"] }\n"
    let gate = try Gate(
      [web],
      edit: {
        $0.replacing("listeners:\n", with: "listeners:\n\(listener)")
          .replacing("backends:\n", with: "backends:\n\(one)")
      })
    let slow = try RawSocket(port: port)
    // It has been let in once another one behind it was served.
    let quick = try RawSocket(port: port)
    quick.send("PROXY UNKNOWN\r\n")
    #expect(quick.receive(until: "\n") == "web\n")
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    var next = text.replacing(change == "listener gone" ? listener : one, with: "")
    if change == "swapped" { next = next.replacing("routes:\n", with: "\(one)routes:\n") }
    try next.write(toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status < 2)
    slow.send("PROXY UNKNOWN\r\n")
    #expect(slow.receive(until: "\n") == (change == "listener gone" ? "" : "web\n"))
    #expect(other.notes.isEmpty)
    #expect(try gate.command("status", "--socket", gate.socket).status < 2, "\(gate.log)")
  }
}
