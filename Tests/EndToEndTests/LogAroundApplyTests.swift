import Foundation
import Glibc
import Synchronization
import Testing

/// The access log, and what else is told, around an apply.
@Suite struct LogAroundApplyTests {
  /// Answers when it is told to.
  private final class Gatepost: Sendable {
    private let open = Mutex(false)
    func lift() { open.withLock { $0 = true } }
    func wait() {
      for _ in 0..<3000 where !open.withLock({ $0 }) { usleep(10_000) }
    }
  }

  @Test(arguments: ["httplog", "json", "combined"])
  func `a request that is older than the log is told of with what is known`(_ format: String)
    throws
  {
    let post = Gatepost()
    let origin = Origin { connection, origin in
      _ = connection.receive(until: "\r\n\r\n")
      origin.note("asked")
      post.wait()
      connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    }
    let gate = try Gate([origin])
    let client = try RawSocket(port: gate.http)
    client.send("GET /secret?token=x HTTP/1.1\r\nHost: www.test\r\nConnection: close\r\n\r\n")
    #expect(gate.waits { origin.notes.count == 1 })
    try gate.rewrite { $0 + "\nlog: { to: access.log, format: \(format) }\n" }
    #expect(try gate.command("apply", "--socket", gate.socket).status == 0)
    post.lift()
    #expect(client.receive(until: "ok").hasPrefix("HTTP/1.1 200 "))
    #expect(gate.waits { AccessLogTests.lines(gate).count == 1 })
    let line = AccessLogTests.lines(gate).first ?? ""
    guard format == "json" else {
      return #expect(line.contains("\"GET - HTTP/1.1\""), "\(line)")
    }
    let object = try #require(try AccessLogTests.objects([line]).first)
    #expect(object["method"] as? String == "GET" && object["path"] as? String == "-")
    #expect(object["proto"] as? String == "HTTP/1.1" && object["status"] as? Int == 200)
  }

  @Test func `halog reads such a line, too`() throws {
    let line =
      "Nov 27 08:06:53 host gatehouse[1]: 127.0.0.1:1 [27/Nov/2026:08:06:53.001] http web/s1 "
      + "0/0/1/2/3 200 150 - - ---- 1/1/1/1/0 0/0 \"GET - HTTP/1.1\"\n"
    let told = try run("/usr/bin/halog", ["-u"], input: Data(line.utf8))
    #expect(told.standardOutput.hasSuffix(" -\n"), "\(told)")
    #expect(try run("/usr/bin/halog", ["-st"], input: Data(line.utf8)).standardOutput == "200 1\n")
  }

  @Test func `a server that all workers set aside is told of once`() throws {
    let dead = RawSocket.freePort()
    let gate = try Gate(
      [.named("s1")],
      edit: {
        $0.replacing("workers: 1", with: "workers: 4").replacing(
          "  web:\n    servers:\n",
          with: "  web:\n    servers:\n      s9: { address: \"127.0.0.1:\(dead)\" }\n")
      })
    for _ in 0..<60 {
      let answer = try gate.raw("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 200"))
    }
    #expect(gate.waitForLog("server web/s9 is set aside"))
    let began = try #require(
      gate.log.split(separator: "\n").first { $0.contains("web/s9 is set aside") })
    let told = gate.log.components(separatedBy: "server web/s9 is set aside").count - 1
    // A second time is right once the first is over, on a machine that was so slow.
    let seconds = -(try Date(String(began.prefix(20)), strategy: .iso8601).timeIntervalSinceNow)
    #expect(told == 1 || seconds > 9, "\(told) times within \(seconds) s")
  }

  @Test func `events of the last minutes, and maxima in the table for HAProxy's tools`() throws {
    let gate = try Gate([.named("s1")])
    let recent = try gate.command("events", "--since", "10m", "--socket", gate.socket)
    #expect(recent.status == 0 && recent.standardOutput.contains("ready on"))
    let data = try gate.command("events", "--since", "1h", "--json", "--socket", gate.socket)
    #expect(data.standardOutput.contains("\"ready on"))
    for wrong in ["10", "m", "-1m", "9999999999999999999d", "0s"] {
      #expect(try gate.command("events", "--since=\(wrong)", "--socket", gate.socket).status == 2)
    }
    sleep(2)
    let later = try gate.command("events", "--since", "1s", "--socket", gate.socket)
    #expect(later.standardOutput == "no events\n", "\(later)")

    let open = try (0..<30).map { _ in try RawSocket(port: gate.http) }
    func frontend() throws -> [String: String] {
      let text = try gate.command("stat", "--json", "--socket", gate.socket).standardOutput
      let rows = try JSONDecoder().decode([[String: String]].self, from: Data(text.utf8))
      return rows.first { $0["svname"] == "FRONTEND" && $0["pxname"] == "http" } ?? [:]
    }
    #expect(try gate.waits { try frontend()["smax"] == "30" })
    withExtendedLifetime(open) {}
    #expect(try gate.waits { Int(try frontend()["rate_max"] ?? "") ?? 0 > 0 })
    #expect(try frontend()["req_rate_max"] == "0")
  }
}
