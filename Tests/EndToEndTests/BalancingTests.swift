import Foundation
import Glibc
import Testing

/// Choosing a server, seen by real clients.
@Suite struct BalancingTests {
  private static func backend(_ settings: String) -> (String) -> String {
    {
      $0.replacing(
        "  web:\n",
        with: "  web:\n\(settings.split(separator: "\n").map { "    \($0)\n" }.joined())")
    }
  }

  @Test func `a sticky cookie keeps a client with his server until that one drains`() throws {
    let gate = try Gate([.named("s1"), .named("s2")], edit: Self.backend("sticky: SERVERID"))
    let jar = gate.folder.url.appendingPathComponent("jar").path
    let first = try gate.curl("-i", "-c", jar, "-b", jar).standardOutput
    let cookie = try #require(
      first.firstMatch(
        of: /Set-Cookie: SERVERID=([0-9a-f]{16}); Path=\/; HttpOnly; SameSite=Lax; Secure/))
    #expect(first.contains("Cache-Control: private"))
    let name = first.hasSuffix("s1\n") ? "s1" : "s2"
    for _ in 0..<6 {
      let next = try gate.curl("-i", "-c", jar, "-b", jar).standardOutput
      #expect(next.hasSuffix("\(name)\n") && !next.contains("Set-Cookie"))
    }
    // What is none of ours says nothing.
    let forged = try gate.curl("-i", "-H", "Cookie: SERVERID=0000000000000000").standardOutput
    #expect(forged.contains("Set-Cookie: SERVERID="))
    let set = try gate.command(
      "server", "set", "web/\(name)", "--weight", "0", "--socket", gate.socket)
    #expect(set.status == 0)
    let moved = try gate.curl("-i", "-c", jar, "-b", jar).standardOutput
    #expect(!moved.hasSuffix("\(name)\n") && moved.contains("Set-Cookie: SERVERID="))
    #expect(!moved.contains(cookie.1))
  }

  @Test func `a hash of a header sends one key to one server`() throws {
    let gate = try Gate(
      [.named("s1"), .named("s2"), .named("s3")],
      edit: Self.backend("balance: { hash: header X-User }"))
    var places: Set<String> = []
    for user in 0..<12 {
      let answers = try (0..<3).map { _ in
        try gate.curl("-H", "X-User: \(user)").standardOutput
      }
      #expect(Set(answers).count == 1)
      places.formUnion(answers)
    }
    #expect(places.count == 3)
  }

  @Test
  func `a full server makes requests wait, in their order, and more than may wait are refused`()
    throws
  {
    let release = Release()
    let origin = Origin { connection, origin in
      while true {
        let head = connection.receive(until: "\r\n\r\n")
        guard !head.isEmpty else { return }
        origin.note(String(head.prefix { $0 != "\r\n" }))
        release.wait()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
    }
    let gate = try Gate(
      [origin],
      edit: Self.backend("limit: { connections: 1, queue: 2, wait: 20s }"))
    var clients: [RawSocket] = []
    for number in 1...3 {
      let client = try RawSocket(port: gate.http)
      client.send("GET /\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
      clients.append(client)
      try #require(
        wait {
          let status = try gate.command("status", "--json", "--socket", gate.socket).standardOutput
          return status.contains("\"requests\" : 1") && Self.queued(status) == number - 1
        })
    }
    #expect(origin.notes == ["GET /1 HTTP/1.1"])
    let refused = try gate.raw("GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("too many wait"))
    for number in 1...3 {
      release.one()
      #expect(clients[number - 1].receive(until: "ok").hasSuffix("ok"))
    }
    #expect(origin.notes.count == 3)
  }

  @Test func `a limit holds over all workers, and nobody who waits is forgotten`() throws {
    let busy = Gauge()
    let origin = Origin { connection, _ in
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        busy.enter()
        usleep(5000)
        busy.leave()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
    }
    let gate = try Gate(
      [origin],
      edit: {
        Self.backend("limit: { connections: 2, wait: 20s }")(
          $0.replacing("workers: 1", with: "workers: 4"))
      })
    let answered = Counter()
    let port = gate.http
    let threads = DispatchGroup()
    for _ in 0..<12 {
      // Threads of their own: a queue would run as many as there are cores.
      threads.enter()
      Thread.detachNewThread {
        defer { threads.leave() }
        for _ in 0..<25 {
          guard let client = try? RawSocket(port: port) else { return }
          client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
          if client.receive(until: "ok").hasSuffix("ok") { answered.add() }
        }
      }
    }
    #expect(threads.wait(timeout: .now() + 60) == .success)
    #expect(answered.count == 300)
    #expect(busy.most == 2)
  }

  private static func queued(_ status: String) -> Int {
    status.firstMatch(of: /"queued" : (\d+)/).flatMap { Int($0.1) } ?? -1
  }

  @Test func `who waits longer than he may is told so, and one who goes away makes room`() throws {
    let origin = Origin { connection, origin in
      origin.note(connection.receive(until: "\r\n\r\n"))
      _ = connection.receive()
    }
    let gate = try Gate(
      [origin], edit: Self.backend("limit: { connections: 1, queue: 1, wait: 300ms }"))
    let first = try RawSocket(port: gate.http)
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    try #require(wait { origin.notes.count == 1 })
    let late = try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    #expect(late.hasPrefix("HTTP/1.1 503 ") && late.contains("no server had room in time"))
    #expect(
      try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").contains("in time"))
    #expect(origin.notes.count == 1)
  }

  @Test func `a server that answers 500 is ejected, and its clients get the other`() throws {
    let bad = Origin { connection, origin in
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        connection.send("HTTP/1.1 500 No\r\nContent-Length: 4\r\n\r\nbad\n")
      }
    }
    let gate = try Gate(
      [bad, .named("s2")], edit: Self.backend("health: { passive: { failures: 3, at_most: 50% } }"))
    let answers = try (0..<20).map { _ in try gate.curl().standardOutput }
    #expect(answers.filter { $0 == "bad\n" }.count == 3)
    #expect(gate.waitForLog("3 failures in a row: status 500"))
  }

  @Test func `a server that is taken down ends no exchange that it still answers`() throws {
    let release = Release()
    let fails = Counter()
    let slow = Origin { connection, _ in
      while true {
        let head = connection.receive(until: "\r\n\r\n")
        guard !head.isEmpty else { return }
        guard head.hasPrefix("GET /slow") else {
          let status = fails.count > 0 ? "503 No" : "200 OK"
          connection.send("HTTP/1.1 \(status)\r\nContent-Length: 3\r\n\r\ns1\n")
          continue
        }
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        release.wait()
        connection.send(" half")
      }
    }
    let gate = try Gate(
      [slow, .named("s2")],
      edit: Self.backend(
        "health: { http: /healthz, interval: 200ms, fast_interval: 100ms, fall: 2 }"))
    let client = try RawSocket(port: gate.http)
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
    try #require(client.receive(until: "first").hasSuffix("first"))
    fails.add()
    try #require(gate.waitForLog("server web/s1 is down: status 503"))
    for _ in 0..<4 { #expect(try gate.curl(path: "/other").standardOutput == "s2\n") }
    release.one()
    #expect(client.receive(until: "half").hasSuffix(" half"))
  }

  @Test func `an apply keeps the connections to servers that stay`() throws {
    let origin = Origin.named("s1")
    let connections = Counter()
    let counting = Origin { connection, _ in
      connections.add()
      while !connection.receive(until: "\r\n\r\n").isEmpty {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
      }
    }
    let gate = try Gate([counting, origin])
    for _ in 0..<4 { _ = try gate.curl() }
    #expect(connections.count == 1)
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    try text.replacing(/\ +s2:.*\n/, with: "").write(
      toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    for _ in 0..<4 { #expect(try gate.curl().standardOutput == "ok") }
    #expect(connections.count == 1)
  }

  @Test func `a standby takes over when the first tier is gone`() throws {
    let gate = try Gate(
      [.named("s1"), .named("s2")],
      edit: { $0.replacing(/(s2: \{)/) { "\($0.output.1) tier: 1," } })
    for _ in 0..<4 { #expect(try gate.curl().standardOutput == "s1\n") }
    let text = try String(contentsOfFile: gate.path, encoding: .utf8)
    try text.replacing(/(s1: \{ address: "127.0.0.1:)\d+/) { "\($0.output.1)1" }.write(
      toFile: gate.path, atomically: true, encoding: .utf8)
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    for _ in 0..<4 { #expect(try gate.curl().standardOutput == "s2\n") }
  }
}

/// Lets threads of an origin go on, one at a time.
private final class Release: @unchecked Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  func wait() { _ = semaphore.wait(timeout: .now() + 30) }
  func one() { semaphore.signal() }
}

/// How many are within at a time, at most.
private final class Gauge: @unchecked Sendable {
  private let lock = NSLock()
  private var now = 0
  private(set) var most = 0
  func enter() {
    lock.withLock {
      now += 1
      most = max(most, now)
    }
  }
  func leave() { lock.withLock { now -= 1 } }
}

final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var number = 0
  func add() { lock.withLock { number += 1 } }
  var count: Int { lock.withLock { number } }
}
