import Testing

@testable import Proxy

struct GRPCProbeTests {
  private static func fields(_ pairs: [(String, String)]) -> [UInt8] {
    pairs.flatMap { HTTP2Frame.literal($0.0, $0.1) }
  }

  private static let settings = HTTP2Frame.encode(.settings, [])
  private static let head = HTTP2Frame.encode(
    .headers, flags: HTTP2Frame.endHeaders, stream: 1, fields([(":status", "200")]))

  private static func trailers(_ status: String) -> [UInt8] {
    HTTP2Frame.encode(
      .headers, flags: HTTP2Frame.endHeaders | HTTP2Frame.endStream, stream: 1,
      fields([("grpc-status", status), ("grpc-message", "why")]))
  }

  private static func answer(_ message: [UInt8]) -> [UInt8] {
    let data = HTTP2Frame.encode(
      .data, stream: 1, [0] + HTTP2Frame.bigEndian(UInt32(message.count)) + message)
    return settings + head + data + trailers("0")
  }

  static let cases: [(bytes: [UInt8], text: String)] = [
    (answer([8, 1]), "SERVING"), (answer([8, 2]), "gRPC: NOT_SERVING"),
    (answer([8, 3]), "gRPC: SERVICE_UNKNOWN"), (answer([]), "gRPC: UNKNOWN"),
    (answer([0x12, 1, 0x41, 8, 1]), "SERVING"),
    (answer([8]), "gRPC: the answer is no HealthCheckResponse"),
    (answer([0x12, 200, 1]), "gRPC: the answer is no HealthCheckResponse"),
    (settings + trailers("5"), "gRPC: grpc-status 5: why"),
    (settings + head + trailers("0"), "gRPC: the answer is no HealthCheckResponse"),
    (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "gRPC: no HTTP/2"),
    (head, "gRPC: no HTTP/2"),
    (
      settings + HTTP2Frame.encode(.reset, stream: 1, [0, 0, 0, 1]),
      "gRPC: the server reset the stream"
    ),
    (
      settings + HTTP2Frame.encode(.goAway, Array(repeating: 0, count: 8)),
      "gRPC: the server goes away"
    ),
    (settings + HTTP2Frame.encode(.goAway, [0]), "gRPC: a malformed GOAWAY"),
    (
      settings + HTTP2Frame.encode(.headers, flags: 0x4, stream: 1, [0xff, 0xff, 0xff, 0xff]),
      "gRPC: malformed headers"
    ),
    (
      settings + HTTP2Frame.encode(.data, flags: 0x8, stream: 1, [9]),
      "gRPC: malformed or too much data"
    ),
  ]

  @Test(arguments: cases.indices)
  func `an answer is judged the same whole and byte by byte`(_ index: Int) {
    let (bytes, text) = Self.cases[index]
    var whole = GRPCProbe(service: "", host: "a", isTLS: false)
    #expect(whole.take(bytes.span)?.text == text)
    var slow = GRPCProbe(service: "a.B", host: "a", isTLS: true)
    var finding: ProbeFinding?
    for byte in bytes where finding == nil { finding = slow.take([byte].span) }
    #expect(finding?.text == text)
  }

  @Test func `any change of an answer's bytes is survived`() {
    var random = SeededGenerator(seed: 5)
    var findings = 0
    for round in 0..<20_000 {
      var bytes = Self.cases[round % Self.cases.count].bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = .random(in: 0...255, using: &random)
      }
      var probe = GRPCProbe(service: "", host: "a", isTLS: false)
      if probe.take(bytes.span) != nil { findings += 1 }
    }
    #expect(findings > 5000)
  }
}
