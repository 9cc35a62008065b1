import Foundation
import Testing

/// Each way in which an exchange can end is counted once, under its own letters.
@Suite struct AccountTests {
  @Test func `what is answered is counted by listener, route and server`() throws {
    let gate = try Gate([.named("s1")])
    for _ in 0..<3 { _ = try gate.curl() }
    let status = try gate.status()
    let listener = try #require(status.listeners.first { $0.name == "https" })
    #expect(listener.traffic.accepted == 3)
    #expect(listener.traffic.handshakes == 3)
    #expect(listener.traffic.responses["2xx"] == 3)
    #expect(listener.traffic.bytesIn > 100 && listener.traffic.bytesOut > 100)
    let route = try #require(status.routes.first)
    #expect(route.name == "*/**" && route.backend == "web" && route.listener == "https")
    #expect(route.responses["2xx"] == 3)
    let server = try #require(status.backends.first?.servers.first)
    #expect(server.traffic.requests == 3)
    #expect(server.traffic.responses["2xx"] == 3)
    #expect(server.traffic.bytesOut == listener.traffic.bytesOut)
    #expect(status.traffic.terminations == ["--": 3])
  }

  @Test func `counters go on over an apply, also of routes that were moved`() throws {
    let gate = try Gate([.named("s1")])
    _ = try gate.curl()
    let more = "routes:\n  - { host: old.test, redirect: \"https://www.test{path}\" }\n"
    try gate.rewrite { $0.replacingOccurrences(of: "routes:\n", with: more) }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    _ = try gate.curl()
    let status = try gate.status()
    #expect(status.routes.first { $0.name == "*/**" }?.responses["2xx"] == 2)
    #expect(status.backends.first?.servers.first?.traffic.responses["2xx"] == 2)
    #expect(status.listeners.first { $0.name == "https" }?.traffic.accepted == 2)
  }

  @Test func `what the proxy refuses ends with PR, what it answers with LR`() throws {
    let gate = try Gate([.named("s1")], redirects: true)
    _ = try gate.raw("GET / HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n")
    #expect(try gate.status().traffic.terminations == ["LR": 1])
    _ = try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    #expect(try gate.status().traffic.terminations == ["LR": 1, "PR": 1])
  }

  @Test(arguments: [
    ("closes before it answers", "SH", "server closes"),
    ("answers no HTTP", "PH", "nonsense\r\n\r\n"),
    (
      "closes in the middle of its response", "SD",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    ),
  ])
  func `a server that`(_ does: String, _ state: String, _ answer: String) throws {
    let server = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      if answer != "server closes" { connection.send(answer) }
    }
    let gate = try Gate([server])
    _ = try gate.curl()
    #expect(try gate.status().traffic.terminations == [state: 1], "\(does)")
  }

  @Test func `no server that listens is SC, with the tries counted`() throws {
    let port = RawSocket.freePort()
    let gate = try Gate(
      [],
      edit: {
        $0.replacingOccurrences(of: "servers:\n", with: "servers: [\"127.0.0.1:\(port)\"]\n")
      })
    #expect(try gate.curl("-o", "/dev/null", "-w", "%{http_code}").standardOutput == "503")
    let status = try gate.status()
    #expect(status.traffic.terminations == ["SC": 1])
    #expect(status.backends.first?.servers.first?.traffic.connectFailures == 1)
  }

  @Test func `a client that leaves in the middle of a head is CR, of a refused one PR`() throws {
    let gate = try Gate([.named("s1")])
    do {
      let half = try RawSocket(port: gate.http)
      half.send("GET / HTTP/1.1\r\nHost:")
      usleep(200_000)
    }
    #expect(try gate.waits { try gate.status().traffic.terminations == ["CR": 1] })
    for _ in 0..<5 {
      let bad = try RawSocket(port: gate.http)
      bad.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    }
    #expect(try gate.waits { try gate.status().traffic.terminations["PR"] == 5 })
    #expect(try gate.status().traffic.terminations["CR"] == 1)
  }

  @Test func `a client that leaves while the server thinks is CH, in the data CD`() throws {
    let server = Origin { connection, _ in
      let head = connection.receive(until: "\r\n\r\n")
      if head.contains("/data") {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
      }
      _ = connection.receiveAll()
    }
    let gate = try Gate([server])
    _ = try gate.curl("--max-time", "1", path: "/wait", seconds: 5)
    #expect(try gate.waits { try gate.status().traffic.terminations == ["CH": 1] })
    _ = try gate.curl("--max-time", "1", path: "/data", seconds: 5)
    #expect(try gate.waits { try gate.status().traffic.terminations == ["CH": 1, "CD": 1] })
  }
}
