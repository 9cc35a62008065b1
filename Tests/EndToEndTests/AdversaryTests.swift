import Foundation
import Glibc
import Testing

/// Clients and servers that do what none should, each of which once got the better of the proxy.
@Suite struct AdversaryTests {
  /// Answers each request on a connection with a body of `size` bytes.
  private func answering(_ size: Int) -> Origin {
    let answer = Data(
      ("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"
        + String(repeating: "x", count: size)).utf8)
    return Origin { connection, _ in
      while connection.receive(until: "\r\n\r\n").hasSuffix("\r\n\r\n") { connection.send(answer) }
    }
  }

  private func count(_ text: String, in data: Data) -> Int {
    String(decoding: data, as: UTF8.self).components(separatedBy: text).count - 1
  }

  /// Resident memory of the process, in KiB.
  private func memory(of gate: Gate) throws -> Int {
    let status = try String(
      contentsOfFile: "/proc/\(gate.process.processIdentifier)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    return try #require(Int(line.filter(\.isNumber)))
  }

  /// Every thread of it.
  private func isStopped(_ gate: Gate) -> Bool {
    let tasks = "/proc/\(gate.process.processIdentifier)/task"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
    return names.allSatisfy {
      (try? String(contentsOfFile: "\(tasks)/\($0)/stat", encoding: .utf8))?.contains(") T ")
        == true
    }
  }

  @Test func `a client that asks and never reads fills no memory, and loses nothing`() throws {
    let gate = try Gate([answering(100_000)])
    let before = try memory(of: gate)
    let socket = try RawSocket(port: gate.http)
    socket.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000))
    sleep(2)
    #expect(try memory(of: gate) - before < 20_000)
    socket.finishSending()
    let all = socket.receiveAll()
    #expect(count("HTTP/1.1 200 OK", in: all) == 1000)
    #expect(all.count > 100_000_000)
  }

  @Test func `thousands of pipelined requests that are answered at once are all answered`() throws {
    let gate = try Gate([.named("s1")], redirects: true)
    let socket = try RawSocket(port: gate.http)
    let path = String(repeating: "a", count: 100)
    let sender = Thread {
      socket.send(String(repeating: "GET /\(path) HTTP/1.1\r\nHost: a.test\r\n\r\n", count: 9000))
      socket.finishSending()
    }
    sender.start()
    #expect(count("HTTP/1.1 308 ", in: socket.receiveAll()) == 9000)
  }

  @Test func `a request on a stale connection goes once more to the only server`() throws {
    let origin = Origin { connection, origin in
      origin.note(connection.receive(until: "\r\n\r\n"))
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      // The second request on the connection is read, and the connection closed.
      origin.note(connection.receive(until: "\r\n\r\n"))
    }
    let gate = try Gate([origin])
    for _ in 0..<4 { #expect(try gate.curl().standardOutput == "ok") }
    // 1, then 2 and again 2, then 3 and again 3, then 4 and again 4.
    #expect(wait { origin.notes.count == 7 })
  }

  @Test func `a request that kills every connection it comes over is given up`() throws {
    let origin = Origin { connection, origin in
      while true {
        let head = connection.receive(until: "\r\n\r\n")
        guard head.hasSuffix("\r\n\r\n") else { return }
        origin.note(head)
        if head.hasPrefix("GET /poison") { return }
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
    }
    let gate = try Gate([origin])
    // Several idle connections wait for it.
    let all = try run(
      "curl",
      [
        "-sk", "--parallel", "--parallel-immediate", "--parallel-max", "20",
        "https://127.0.0.1:\(gate.https)/[1-20]",
      ])
    #expect(all.status == 0)
    let output = try gate.curl("-o", "/dev/null", "-w", "%{http_code}", path: "/poison")
    #expect(output.standardOutput == "502")
    #expect(origin.notes.count { $0.hasPrefix("GET /poison") } <= 2)
  }

  @Test func `the last answer is not lost to what the client sends meanwhile`() throws {
    let gate = try Gate([answering(3_000_000)], extra: "limits: { requests_per_connection: 1 }")
    let socket = try RawSocket(port: gate.http)
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    socket.send(request)
    var all = Data()
    while true {
      let piece = socket.receive()
      if piece.isEmpty { break }
      all += piece
      if all.count < 1_000_000 {
        socket.send(request)
        usleep(5000)
      }
    }
    #expect(all.count > 3_000_000)
  }

  @Test func `a request is not repeated after an interim response`() throws {
    let origin = Origin { connection, origin in
      origin.note(connection.receive(until: "\r\n\r\n"))
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      origin.note(connection.receive(until: "\r\n\r\n"))
      connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    }
    let gate = try Gate([origin])
    #expect(try gate.curl().standardOutput == "ok")
    let second = try gate.curl("-o", "/dev/null", "-w", "%{http_code}")
    #expect(second.standardOutput == "502")
    #expect(origin.notes.count == 2)
  }

  @Test func `what an answer says of its own connection goes no further`() throws {
    let gate = try Gate([
      .scripted(
        "HTTP/1.1 200 OK\r\nConnection: x-private, content-length\r\nX-Private: 1\r\n"
          + "X-Request-ID: theirs\r\nX-Public: 2\r\nContent-Length: 2\r\n\r\nok")
    ])
    let output = try gate.curl("-i").standardOutput.lowercased()
    #expect(output.hasSuffix("\r\n\r\nok") && output.contains("x-public: 2"))
    #expect(output.contains("content-length: 2"))
    #expect(!output.contains("x-private") && !output.contains("theirs"))
  }

  @Test func `the limit of a body counts chunks, too`() throws {
    let gate = try Gate([.named("s1")], extra: "limits: { body: 1KiB }")
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    let chunk = "200\r\n\(String(repeating: "x", count: 512))\r\n"
    let large = try gate.raw(head + chunk + chunk + chunk + "0\r\n\r\n")
    #expect(large.hasPrefix("HTTP/1.1 413 "))
    let socket = try RawSocket(port: gate.http)
    socket.send(head + chunk + chunk + "0\r\n\r\n")
    #expect(socket.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
  }

  @Test func `a route's limit of a body stands for that of all`() throws {
    let gate = try Gate(
      [.named("s1")], extra: "limits: { body: 1KiB }",
      edit: {
        $0.replacing(
          "  - { backend: web }",
          with: "  - { backend: web }\n  - { path: /up/**, backend: web, body: 10KiB }")
      })
    func status(_ path: String, _ more: String...) throws -> String {
      let body = String(repeating: "x", count: 2000)
      return try run(
        "curl",
        ["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-d", body] + more
          + ["https://127.0.0.1:\(gate.https)\(path)"]
      ).standardOutput
    }
    #expect(try status("/") == "413")
    #expect(try status("/up/a") == "200")
    #expect(try status("/", "-H", "Transfer-Encoding: chunked") == "413")
  }

  @Test func `a server that never stops to say 1xx is given up`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      for _ in 0..<10_000 { connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }
    }
    let gate = try Gate([origin])
    let output = try gate.curl("-o", "/dev/null", "-w", "%{http_code}")
    #expect(output.standardOutput == "502")
  }

  @Test func `a server that speaks first gets no request`() throws {
    let origin = Origin { connection, origin in
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
      origin.note(connection.receive(until: "\r\n\r\n"))
    }
    let gate = try Gate([origin, .named("s2")])
    for _ in 0..<4 {
      let output = try gate.curl()
      // Bytes that come after the request are its answer; nobody can tell them apart.
      #expect(output.standardOutput == "s2\n" || !origin.notes.isEmpty)
    }
  }

  @Test func `bytes behind an answer are never the next client's answer`() throws {
    let origin = Origin { connection, _ in
      while connection.receive(until: "\r\n\r\n").hasSuffix("\r\n\r\n") {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        usleep(100_000)
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray")
      }
    }
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    for _ in 0..<3 {
      socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(socket.receive(until: "\r\n\r\nok").hasSuffix("ok"))
      // Asleep, it finds the next request and the stray bytes at once, the request first.
      gate.signal(SIGSTOP)
      #expect(wait { isStopped(gate) })
      socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      usleep(500_000)
      gate.signal(SIGCONT)
      #expect(socket.receive(until: "\r\n\r\nok").hasSuffix("ok"))
      usleep(500_000)
    }
  }

  @Test func `a drain ends when its time is over, whatever is open`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      connection.send("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
      _ = connection.receiveAll()
    }
    let gate = try Gate([origin], extra: "timeouts: { drain: 1s }")
    let tunnel = try RawSocket(port: gate.http)
    tunnel.send(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    #expect(tunnel.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
    gate.signal(SIGTERM)
    #expect(wait { !gate.process.isRunning })
  }

  @Test func `a drain ends with the last answer, even one that promised to go on`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl")
      sleep(1)
      connection.send("ow")
      _ = connection.receiveAll()
    }
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(!socket.receive(until: "sl").lowercased().contains("connection: close"))
    gate.signal(SIGTERM)
    #expect(String(decoding: socket.receiveAll(), as: UTF8.self).hasSuffix("ow"))
    #expect(wait { !gate.process.isRunning })
  }

  @Test func `a limit of connections that is raised counts at once`() throws {
    let gate = try Gate([.named("s1")], extra: "limits: { connections: 1 }")
    let first = try RawSocket(port: gate.http)
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(first.receive(until: "s1\n").hasSuffix("s1\n"))
    let second = try RawSocket(port: gate.http)
    second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    usleep(300_000)
    let file = try String(contentsOfFile: gate.path, encoding: .utf8)
    try file.replacing("connections: 1 ", with: "connections: 9 ")
      .write(toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    #expect(second.receive(until: "s1\n").hasSuffix("s1\n"))
    _ = first
  }

  /// Over TLS, an end that was announced is whole, and one that was not is a truncation.
  @Test(arguments: [true, false])
  func `a server's end over TLS counts when it is announced`(_ isAnnounced: Bool) throws {
    let site = try TemporaryFolder()
    try Gate.makeCertificate(in: site)
    let port = RawSocket.freePort()
    let server = Process()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    server.arguments = [
      "python3", "-c",
      """
      import socket, ssl, sys, time
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain("\(site.url.path)/site.crt", "\(site.url.path)/site.key")
      listener = socket.create_server(("127.0.0.1", \(port)))
      while True:
          plain, _ = listener.accept()
          try: secured = context.wrap_socket(plain, server_side=True)
          except OSError: continue
          secured.recv(65536)
          secured.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nhello")
          if \(isAnnounced ? "True" : "False"):
              secured.setblocking(False)
              try: secured.unwrap()
              except ssl.SSLWantReadError: pass
              keep = secured
          else:
              secured.close()
      """,
    ]
    try server.run()
    defer { kill(server.processIdentifier, SIGKILL) }
    #expect(wait { (try? RawSocket(port: port)) != nil })
    let gate = try Gate(
      [],
      edit: {
        $0.replacing(
          "    servers:\n",
          with: """
                tls: { ca: \(site.url.path)/site.crt, server_name: www.test }
                servers: [ "127.0.0.1:\(port)" ]

            """)
      })
    let output = try gate.curl(seconds: 8)
    #expect((output.status == 0) == isAnnounced, "\(output) \(gate.log)")
    #expect(output.standardOutput == "hello")
  }
}
