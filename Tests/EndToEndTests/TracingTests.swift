import Foundation
import Glibc
import Testing

@Suite struct TracingTests {
  /// A strict receiver of OTLP, and what it took.
  private final class Collector {
    let folder: TemporaryFolder
    let port: Int
    private let process = Process()

    init(failures: Int = 0) throws {
      folder = try TemporaryFolder()
      let ports = folder.url.appendingPathComponent("port").path
      process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
      process.arguments = [
        Place.root.appendingPathComponent("Tests/EndToEndTests/Oracle/collector.py").path, ports,
        folder.url.appendingPathComponent("spans").path,
        "\(failures)",
      ]
      try process.run()
      for _ in 0..<200 where !FileManager.default.fileExists(atPath: ports) { usleep(50_000) }
      port = Int(try String(contentsOfFile: ports, encoding: .utf8)) ?? 0
    }

    deinit {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }

    var spans: [[String: Any]] {
      let file = folder.url.appendingPathComponent("spans")
      let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
      return text.split(separator: "\n").compactMap {
        try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
    }

    func has(_ count: Int) -> Bool {
      for _ in 0..<200 {
        if spans.count >= count { break }
        usleep(100_000)
      }
      return spans.count == count && spans.allSatisfy { $0["violation"] == nil }
    }
  }

  private func tracing(_ collector: Collector, _ more: String = "") -> String {
    "tracing: { to: \"http://127.0.0.1:\(collector.port)/v1/traces\"\(more) }"
  }

  private func attribute(_ span: [String: Any], _ name: String) -> String? {
    (span["attributes"] as? [String: Any])?[name] as? String
  }

  private func parent(_ head: String) -> String? {
    let lines = head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix("traceparent:") }
    return lines.count == 1 ? String(lines[0].dropFirst(13)) : nil
  }

  @Test func `a trace begins here, whatever a stranger says, and its spans are sent`() throws {
    let collector = try Collector()
    let origin = Origin.named("s1")
    let gate = try Gate([origin], extra: tracing(collector))
    let strange = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _ = try gate.curl(
      "-H", "traceparent: \(strange)", "-H", "tracestate: a=b", path: "/a?b=c")
    let head = try #require(origin.notes.first)
    #expect(!head.contains("tracestate") && !head.contains("0af7651916cd43dd8448eb211c80319c"))
    let parts = try #require(parent(head)).split(separator: "-")
    #expect(collector.has(2), "\(collector.spans)")
    let request = try #require(collector.spans.first { $0["kind"] as? Int == 2 })
    let attempt = try #require(collector.spans.first { $0["kind"] as? Int == 3 })
    #expect(request["traceId"] as? String == String(parts[1]))
    #expect(attempt["traceId"] as? String == String(parts[1]))
    // The server is told of the try as its parent, the try of the request.
    #expect(attempt["spanId"] as? String == String(parts[2]))
    #expect(attempt["parentSpanId"] as? String == request["spanId"] as? String)
    #expect(request["parentSpanId"] == nil)
    #expect(request["name"] as? String == "GET */**")
    #expect(request["service"] as? String == "gatehouse")
    #expect(attribute(request, "http.response.status_code") == "200")
    #expect(attribute(request, "url.path") == "/a")
    #expect(attribute(request, "gatehouse.termination") == "--")
    #expect(attribute(attempt, "gatehouse.server") == "s1")
    #expect(attribute(attempt, "server.address") == "127.0.0.1:\(origin.port)")
  }

  @Test func `a trusted client's trace goes on, and so does his choice not to be followed`() throws
  {
    let collector = try Collector()
    let origin = Origin.named("s1")
    let gate = try Gate([origin], extra: tracing(collector, ", trust: 127.0.0.0/8, sample: 0%"))
    let trace = "0af7651916cd43dd8448eb211c80319c"
    _ = try gate.curl(
      "-H", "traceparent: 00-\(trace)-b7ad6b7169203331-00", "-H", "tracestate: a=b")
    _ = try gate.curl(
      "-H", "traceparent: 00-\(trace)-b7ad6b7169203331-01", "-H", "tracestate: a=b")
    _ = try gate.curl("-H", "traceparent: 00-\(trace)-b7ad6b7169203331-zz")
    // Only the second is sent: the first was not to be, and of those that begin here none is.
    #expect(collector.has(2), "\(collector.spans)")
    let heads = origin.notes
    #expect(heads.count == 3)
    #expect(parent(heads[0])?.contains("00-\(trace)-") == true)
    #expect(parent(heads[0])?.hasSuffix("-00") == true && heads[0].contains("tracestate: a=b"))
    #expect(parent(heads[1])?.hasSuffix("-01") == true && heads[1].contains("tracestate: a=b"))
    #expect(parent(heads[2])?.contains(trace) == false)
    let request = try #require(collector.spans.first { $0["kind"] as? Int == 2 })
    #expect(request["parentSpanId"] as? String == "b7ad6b7169203331")
  }

  @Test func `each try has a span of its own, and the server that answers is told of its own`()
    throws
  {
    let collector = try Collector()
    let origin = Origin.named("s2")
    let closed = RawSocket.freePort()
    let gate = try Gate(
      [origin], extra: tracing(collector),
      edit: {
        $0.replacingOccurrences(
          of: "  servers:\n", with: "  servers:\n      s0: { address: \"127.0.0.1:\(closed)\" }\n")
      })
    #expect(try gate.curl().standardOutput == "s2\n")
    #expect(collector.has(3), "\(collector.spans)")
    let tries = collector.spans.filter { $0["kind"] as? Int == 3 }
    #expect(tries.map { attribute($0, "gatehouse.server") } == ["s0", "s1"])
    #expect((tries[0]["status"] as? [String: Any])?["code"] as? Int == 2)
    #expect(attribute(tries[1], "http.request.resend_count") == "1")
    let told = try #require(origin.notes.first.flatMap(parent))
    #expect(told.contains("-\(tries[1]["spanId"] as? String ?? "?")-"))
  }

  @Test func `a collector that is away for a while loses nothing, and traffic does not wait`()
    throws
  {
    let collector = try Collector(failures: 1)
    let gate = try Gate([.named("s1")], extra: tracing(collector))
    for _ in 0..<3 { #expect(try gate.curl().status == 0) }
    #expect(collector.has(6), "\(collector.spans.count)")
    #expect(try gate.waits { try gate.status().tracing?.exported == 3 })
    #expect(gate.log.contains("does not take spans: status 503"))
  }

  @Test func `without tracing a traceparent passes as it came`() throws {
    let origin = Origin.named("s1")
    let gate = try Gate([origin])
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _ = try gate.curl("-H", "traceparent: \(own)")
    #expect(origin.notes.first.flatMap(parent) == own)
  }

  @Test func `what a stranger invents names no span, and its bytes stay within the JSON`() throws {
    let collector = try Collector()
    let gate = try Gate([.named("s1")], extra: tracing(collector))
    _ = try gate.curl("-X", "INVENTED\u{60}", path: "/%22%7D?\u{22}")
    #expect(collector.has(2), "\(collector.spans)")
    let request = try #require(collector.spans.first { $0["kind"] as? Int == 2 })
    #expect(request["name"] as? String == "HTTP */**")
    #expect(attribute(request, "http.request.method") == "_OTHER")
    #expect(attribute(request, "url.path") == "/%22%7D")
  }
}
