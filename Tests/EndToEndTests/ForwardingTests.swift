import Foundation
import Testing

@Suite struct ForwardingTests {
  @Test func `ends TLS and spreads requests over both servers in turn`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    var seen: [String] = []
    for _ in 0..<6 { seen.append(try gate.curl().standardOutput) }
    #expect(seen.filter { $0 == "s1\n" }.count == 3)
    #expect(seen.filter { $0 == "s2\n" }.count == 3)
  }

  @Test(arguments: ["1.2", "1.3"])
  func `speaks TLS`(_ version: String) throws {
    let gate = try Gate([.named("s1")])
    let output = try gate.curl("--tlsv\(version)", "--tls-max", version)
    #expect(output.standardOutput == "s1\n")
  }

  @Test func `refuses TLS 1_1`() throws {
    let gate = try Gate([.named("s1")])
    let output = try run(
      "openssl",
      [
        "s_client", "-connect", "127.0.0.1:\(gate.https)", "-servername", "www.test", "-tls1_1",
        "-cipher", "DEFAULT@SECLEVEL=0",
      ], input: Data())
    #expect(output.status != 0)
  }

  @Test func `tells the server who asked, and drops what the client claims`() throws {
    let origin = Origin.named("s1")
    let gate = try Gate([origin])
    _ = try gate.curl(
      "-H", "X-Forwarded-For: 6.6.6.6", "-H", "Forwarded: for=6.6.6.6", "-H", "X_Fake: 1", "-H",
      "Connection: X-Secret", "-H", "X-Secret: 1", path: "/a?b=c")
    let head = try #require(origin.notes.first).lowercased()
    #expect(head.hasPrefix("get /a?b=c http/1.1\r\n"))
    #expect(head.contains("\r\nhost: www.test:\(gate.https)\r\n"))
    #expect(head.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"))
    #expect(head.contains("\r\nx-forwarded-proto: https\r\n"))
    #expect(head.contains("\r\nx-request-id: "))
    for gone in ["6.6.6.6", "x_fake", "x-secret", "forwarded: for"] {
      #expect(!head.contains(gone))
    }
  }

  @Test func `carries a large body up and down unchanged`() throws {
    let gate = try Gate([.named("s1")])
    let body = Data((0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) })
    let file = gate.folder.url.appendingPathComponent("body")
    try body.write(to: file)
    let answer = gate.folder.url.appendingPathComponent("answer")
    _ = try gate.curl("--data-binary", "@\(file.path)", "-o", answer.path)
    #expect(try Data(contentsOf: answer) == Data("s1\n".utf8) + body)
  }

  @Test func `carries a chunked upload with curl, and the wait for 100 Continue`() throws {
    let origin = Origin { connection, origin in
      let head = connection.receive(until: "\r\n\r\n")
      origin.note(head)
      connection.send("HTTP/1.1 100 Continue\r\n\r\n")
      let body = connection.receive(until: "0\r\n\r\n")
      origin.note(body)
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }
    let gate = try Gate([origin])
    let output = try gate.curl(
      "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "--data-binary", "hello")
    #expect(output.standardOutput == "ok")
    #expect(origin.notes.first?.lowercased().contains("expect: 100-continue") == true)
    #expect(origin.notes.last == "5\r\nhello\r\n0\r\n\r\n")
  }

  @Test func `says 100 Continue itself when the server does not`() throws {
    let origin = Origin.named("s1")
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    socket.send(
      "POST / HTTP/1.1\r\nHost: www.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    #expect(socket.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 "))
    socket.send("hello")
    #expect(socket.receive(until: "hello").contains("s1\nhello"))
  }

  @Test func `answers HEAD without a body and keeps the connection`() throws {
    let gate = try Gate([.named("s1")])
    let socket = try RawSocket(port: gate.http)
    socket.send("HEAD / HTTP/1.1\r\nHost: www.test\r\n\r\n")
    let head = socket.receive(until: "\r\n\r\n")
    #expect(head.contains("Content-Length: 3") && head.hasSuffix("\r\n\r\n"))
    socket.send("GET / HTTP/1.1\r\nHost: www.test\r\n\r\n")
    #expect(socket.receive(until: "s1\n").hasSuffix("s1\n"))
  }

  @Test func `answers pipelined requests in order`() throws {
    let gate = try Gate([.named("s1")])
    let text = try gate.raw(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none"
        + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo"
        + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree")
    let bodies = text.components(separatedBy: "s1\n").dropFirst().map { $0.prefix(3) }
    #expect(bodies == ["one", "two", "thr"])
  }

  @Test func `takes the chunks off for an HTTP 1_0 client, and closes`() throws {
    let gate = try Gate([
      .scripted(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    ])
    let text = try gate.raw("GET / HTTP/1.0\r\n\r\n")
    #expect(!text.lowercased().contains("transfer-encoding"))
    #expect(text.hasSuffix("\r\n\r\nabcde"))
  }

  @Test func `passes on early hints and trailers that the client asked for`() throws {
    let gate = try Gate([
      .scripted(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
          + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
          + "3\r\nabc\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\n\r\n")
    ])
    let text = try gate.raw(
      "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n")
    #expect(text.contains("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n"))
    #expect(text.contains("3\r\nabc\r\n0\r\n"))
    #expect(!text.contains("Content-Length: 4"))
  }

  @Test func `delivers a response that ends with the connection, in chunks`() throws {
    let gate = try Gate([.scripted("HTTP/1.1 200 OK\r\n\r\nuntil the end")])
    let output = try gate.curl()
    #expect(output.status == 0)
    #expect(output.standardOutput == "until the end")
  }

  @Test func `delivers an early answer to an upload that the server does not read`() throws {
    let gate = try Gate([
      .scripted(
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
    ])
    let body = gate.folder.url.appendingPathComponent("body")
    try Data(repeating: 7, count: 3 << 20).write(to: body)
    let output = try gate.curl(
      "-w", "%{http_code}", "-H", "Expect:", "--data-binary", "@\(body.path)")
    #expect(output.standardOutput.hasSuffix("413"))
  }

  @Test func `turns an upgraded connection into a tunnel both ways`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      connection.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi")
      while true {
        let piece = connection.receive()
        if piece.isEmpty { return }
        connection.send(Data("<".utf8) + piece + Data(">".utf8))
      }
    }
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    socket.send(
      "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    let head = socket.receive(until: "hi")
    #expect(head.hasPrefix("HTTP/1.1 101 "))
    for word in ["one", "two"] {
      socket.send(word)
      #expect(socket.receive(until: ">") == "<\(word)>")
    }
    socket.finishSending()
    #expect(socket.receiveAll().isEmpty)
  }

  @Test func `answers a client that has ended its own direction`() throws {
    let gate = try Gate([.named("s1")])
    let socket = try RawSocket(port: gate.http)
    socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    socket.finishSending()
    #expect(String(decoding: socket.receiveAll(), as: UTF8.self).hasSuffix("s1\n"))
  }

  @Test func `drops the server's connection when the client goes away`() throws {
    let origin = Origin { connection, origin in
      _ = connection.receive(until: "\r\n\r\n")
      origin.note("asked")
      origin.note(connection.receive().isEmpty ? "left alone" : "more")
    }
    let gate = try Gate([origin])
    let client = Process()
    client.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    client.arguments = ["curl", "-sk", "https://127.0.0.1:\(gate.https)/"]
    try client.run()
    #expect(wait { origin.notes.contains("asked") })
    client.terminate()
    client.waitUntilExit()
    #expect(wait { origin.notes.contains("left alone") })
  }

  @Test func `streams a slow download without holding it in memory`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(64 << 20)\r\n\r\n")
      for _ in 0..<64 { connection.send(Data(repeating: 1, count: 1 << 20)) }
    }
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    var total = socket.receive(atMost: 1000).count
    let before = residentKiB(gate.process.processIdentifier)
    sleep(2)
    #expect(residentKiB(gate.process.processIdentifier) - before < 4096)
    while total < 64 << 20 {
      let piece = socket.receive(atMost: 1 << 20)
      if piece.isEmpty { break }
      total += piece.count
    }
    #expect(total >= 64 << 20)
  }
}

/// Looks every 20 ms, at most 10 s.
func wait(for condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<500 {
    if try condition() { return true }
    usleep(20_000)
  }
  return false
}

func residentKiB(_ pid: Int32) -> Int {
  let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
  return Int(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "") ?? 0
}
