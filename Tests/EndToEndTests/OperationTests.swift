import Foundation
import Glibc
import Testing

@Suite struct OperationTests {
  @Test func `asks the other server when one can't be reached, and sets it aside`() throws {
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: {
        $0.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)1" }
      })
    for _ in 0..<8 { #expect(try gate.curl().standardOutput == "s2\n") }
    let status = try gate.command("status", "--socket", gate.socket)
    #expect(status.status == 1)
    #expect(
      status.standardOutput.contains(
        /^DEGRADED since [0-9:]{5} – backend web 1\/2 up\n  ! .*\(web\/s1 set aside: Connection/))
    #expect(gate.log.contains("web/s1 is set aside: Connection refused"))
  }

  @Test func `answers 503 with Retry-After when a backend has no server left to ask`() throws {
    let gate = try Gate([.named("s1")])
    let set = try gate.command("server", "set", "web/s1", "--weight", "0", "--socket", gate.socket)
    #expect(set.status == 0)
    let output = try gate.curl("-i")
    #expect(output.standardOutput.hasPrefix("HTTP/1.1 503 "))
    #expect(output.standardOutput.lowercased().contains("\r\nretry-after: "))
  }

  @Test func `changes a weight while running`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let output = try gate.command(
      "server", "set", "web/s1", "--weight", "3", "--socket", gate.socket)
    #expect(output.standardOutput.contains("web/s1"))
    var seen: [String: Int] = [:]
    for _ in 0..<8 { seen[try gate.curl().standardOutput, default: 0] += 1 }
    #expect(seen == ["s1\n": 6, "s2\n": 2])
    let wrong = try gate.command(
      "server", "set", "web/s9", "--weight", "3", "--socket", gate.socket)
    #expect(wrong.status == 2)
    #expect(wrong.standardError.contains("there are: s1, s2"))
  }

  @Test func `sends a request again when the server had closed the idle connection`() throws {
    let origin = Origin { connection, origin in
      // One answer per connection, without saying so: the next request finds it closed.
      origin.note(connection.receive(until: "\r\n\r\n"))
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    }
    let gate = try Gate([origin])
    for _ in 0..<20 { #expect(try gate.curl().standardOutput == "ok") }
  }

  @Test func `never sends a POST twice`() throws {
    let origin = Origin { connection, origin in
      let first = connection.receive(until: "\r\n\r\n")
      origin.note(first)
      if first.hasPrefix("GET") {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        // The POST on the same connection is read, and never answered.
        origin.note(connection.receive(until: "hello"))
      }
    }
    let gate = try Gate([origin])
    #expect(try gate.curl().standardOutput == "ok")
    let output = try gate.curl("--data-binary", "hello", "-w", "%{http_code}", "-o", "/dev/null")
    #expect(output.standardOutput == "502")
    #expect(origin.notes.filter { $0.hasPrefix("POST") }.count == 1)
  }

  @Test func `applies a good file on SIGHUP, and of a bad one nothing`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let good = try String(contentsOfFile: gate.path, encoding: .utf8)
    try good.replacing("routes:", with: "rotues:").write(
      toFile: gate.path, atomically: true, encoding: .utf8)
    gate.signal(SIGHUP)
    #expect(gate.waitForLog("did you mean \"routes\""))
    #expect(gate.waitForLog("was not applied"))
    #expect(try gate.curl().standardOutput.hasPrefix("s"))
    #expect(try gate.command("status", "--socket", gate.socket).status == 1)
    try good.replacing(/s2:.*/, with: "").write(
      toFile: gate.path, atomically: true, encoding: .utf8)
    gate.signal(SIGHUP)
    #expect(gate.waitForLog("generation 2"))
    for _ in 0..<4 { #expect(try gate.curl().standardOutput == "s1\n") }
  }

  @Test func `keeps every connection over an apply under load`() throws {
    let gate = try Gate([.named("s1"), .named("s2")])
    let load = Process()
    let result = gate.folder.url.appendingPathComponent("load")
    load.executableURL = URL(fileURLWithPath: "/bin/sh")
    load.arguments = [
      "-c",
      "for i in $(seq 300); do curl -s --max-time 5 --cacert \(gate.ca) https://127.0.0.1:\(gate.https)/ || echo FAILED; done > \(result.path)",
    ]
    try load.run()
    for _ in 0..<10 {
      gate.signal(SIGHUP)
      usleep(100_000)
    }
    load.waitUntilExit()
    let text = try String(contentsOf: result, encoding: .utf8)
    #expect(!text.contains("FAILED"))
    #expect(text.split(separator: "\n").count == 300)
  }

  @Test func `finishes what runs on SIGTERM and takes nothing new`() throws {
    let origin = Origin { connection, _ in
      _ = connection.receive(until: "\r\n\r\n")
      sleep(1)
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
    }
    let gate = try Gate([origin])
    let socket = try RawSocket(port: gate.http)
    socket.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    usleep(200_000)
    gate.signal(SIGTERM)
    #expect(gate.waitForLog("draining"))
    usleep(100_000)
    #expect(throws: (any Error).self) { try RawSocket(port: gate.http) }
    let answer = String(decoding: socket.receiveAll(), as: UTF8.self)
    #expect(answer.lowercased().contains("connection: close"))
    #expect(answer.hasSuffix("slow"))
    gate.process.waitUntilExit()
    #expect(gate.process.terminationStatus == 0)
  }

  @Test func `says plainly that nothing runs, and what to type`() throws {
    let output = try run(Place.gatehouse, ["status", "--socket", "/nonexistent/admin.sock"])
    #expect(output.status == 2)
    #expect(output.standardError.contains("gatehouse run -c FILE"))
  }

  @Test func `talks to a server over TLS only when its certificate is right`() throws {
    let behind = try Gate([.named("s1")])
    func front(_ tls: String) throws -> Gate {
      try Gate(
        [],
        edit: {
          $0.replacing(
            "    servers:\n",
            with: "    tls: \(tls)\n    servers: [ \"127.0.0.1:\(behind.https)\" ]\n")
        })
    }
    let right = try front("{ ca: \(behind.ca), server_name: www.test }")
    #expect(try right.curl("-H", "Host: www.test").standardOutput == "s1\n")
    let wrongName = try front("{ ca: \(behind.ca), server_name: other.test }")
    #expect(
      try wrongName.curl("-w", "%{http_code}", "-o", "/dev/null").standardOutput.hasPrefix("50"))
    let unknown = try front("{ server_name: www.test }")
    #expect(
      try unknown.curl("-w", "%{http_code}", "-o", "/dev/null").standardOutput.hasPrefix("50"))
  }

  @Test func `a broken file still says where the running process answers`() throws {
    let gate = try Gate([.named("s1")])
    let file = try String(contentsOfFile: gate.path, encoding: .utf8)
    try (file + "lisseners: 1\n").write(toFile: gate.path, atomically: true, encoding: .utf8)
    let status = try gate.command("status", "-c", gate.path)
    #expect(status.status == 0 && status.standardOutput.hasPrefix("OK since "))
    let apply = try gate.command("apply", "-c", gate.path)
    #expect(apply.status == 2)
    #expect(apply.standardError.contains("unknown key \"lisseners\"; did you mean"))
    #expect(try gate.command("status", "-c", gate.path).status == 1)
  }

  @Test func `a second one on the same address, or the same socket, is refused`() throws {
    let gate = try Gate([.named("s1")], edit: { $0.replacing("workers: 1", with: "workers: 2") })
    let second = try run(Place.gatehouse, ["run", "-c", gate.path], seconds: 10)
    #expect(second.status == 2)
    #expect(second.standardError.contains("127.0.0.1:\(gate.https): Address already in use; see"))
    let file = try String(contentsOfFile: gate.path, encoding: .utf8)
      .replacing("\(gate.http)", with: "\(RawSocket.freePort())")
      .replacing("\(gate.https)", with: "\(RawSocket.freePort())")
    let other = try gate.folder.write("other.yaml", file)
    let third = try run(Place.gatehouse, ["run", "-c", other], seconds: 10)
    #expect(third.status == 2)
    #expect(third.standardError.contains("admin.sock: Address already in use"))
    #expect(try gate.command("status", "--socket", gate.socket).status == 0)
    // Killed, it leaves its socket behind, and the next one takes it over.
    gate.signal(SIGKILL)
    gate.process.waitUntilExit()
    let next = Process()
    next.executableURL = URL(fileURLWithPath: Place.gatehouse)
    next.arguments = ["run", "-c", gate.path]
    try next.run()
    #expect(try wait { try gate.command("status", "--socket", gate.socket).status == 0 })
    kill(next.processIdentifier, SIGKILL)
    next.waitUntilExit()
  }

  @Test func `closes an address outside the policy before TLS`() throws {
    let gate = try Gate(
      [.named("s1")],
      policy: { port in
        """
        version: 1
        management: { from: [127.0.0.7], to: [tcp/22] }
        groups:
          friends: [127.0.0.2, 127.0.0.3]
        services:
          web: { listen: [tcp/\(port)], allow: [friends], deny: [127.0.0.3] }
        """
      })
    #expect(try gate.curl("--interface", "127.0.0.2").standardOutput == "s1\n")
    for address in ["127.0.0.1", "127.0.0.3", "127.0.0.7", "127.0.0.9"] {
      let output = try gate.curl("--interface", address)
      #expect(output.status != 0 && output.standardOutput.isEmpty, "\(address)")
    }
    let status = try gate.command("status", "--json", "--socket", gate.socket)
    #expect(status.standardOutput.contains("\"refused_by_policy\" : 4"))
  }
}
