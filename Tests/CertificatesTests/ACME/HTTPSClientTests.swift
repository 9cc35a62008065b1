import Foundation
import Testing

@testable import Certificates

/// Against a server that does everything wrong.
struct HTTPSClientTests {
  private let workshop: Workshop
  private let server: Background
  private let port: String
  private let plainPort: String

  init() throws { try self.init(names: "DNS:localhost,IP:127.0.0.1") }

  private init(names: String) throws {
    workshop = try Workshop()
    try workshop.makeCertificate("listener", extensions: ["subjectAltName=\(names)"])
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Stubs/hostile.py").path
    server = try Background("python3", [script, workshop.folder], log: workshop.path("log"))
    let ports = try server.line(with: "ports ").split(separator: " ").map(String.init)
    (port, plainPort) = (ports[1], ports[2])
  }

  private func client(_ limit: Duration = .seconds(10)) -> HTTPSClient {
    let client = HTTPSClient(trustPath: workshop.path("listener.crt"), agent: "gatehouse/test")
    client.exchangeLimit = limit
    return client
  }

  private func url(_ path: String) throws -> SecureURL {
    try SecureURL("https://127.0.0.1:\(port)\(path)")
  }

  @Test(arguments: [
    ("/cut", "before the answer was whole"), ("/short", "ends early"),
    ("/endless", "larger than 1 MiB"), ("/fields", "longer than 32 KiB"),
  ])
  func `an answer that is cut or endless is refused in words`(_ path: String, _ words: String)
    throws
  {
    let error = #expect(throws: ACMEError.self) { try client().get(try url(path)) }
    #expect(error?.problem.contains(words) == true, "\(error as Any)")
  }

  @Test(arguments: ["/stall", "/dribble"])
  func `an answer that does not come to its end has a deadline`(_ path: String) throws {
    let start = ContinuousClock.now
    let error = #expect(throws: ACMEError.self) {
      try client(.milliseconds(600)).get(try url(path))
    }
    #expect(error?.problem == "no answer in time")
    #expect(ContinuousClock.now - start < .seconds(8))
  }

  @Test(arguments: [
    ("DNS:other.test,IP:127.0.0.2", "127.0.0.1", "IP address mismatch"),
    ("DNS:127.0.0.1", "127.0.0.1", "IP address mismatch"),
    ("DNS:other.test,IP:127.0.0.1", "localhost", "hostname mismatch"),
    ("DNS:*", "localhost", "hostname mismatch"),
  ])
  func `a server with another's certificate is not spoken to`(
    _ names: String, _ host: String, _ words: String
  ) throws {
    let other = try HTTPSClientTests(names: names)
    let error = #expect(throws: ACMEError.self) {
      try other.client().get(try SecureURL("https://\(host):\(other.port)/file"))
    }
    #expect(error?.problem.contains(words) == true, "\(error as Any)")
  }

  @Test func `who asks says who he is, and whom he means`() throws {
    try workshop.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", to: "answer")
    _ = try client().get(try SecureURL("https://localhost:\(port)/file"))
    let head = String(decoding: try workshop.bytes("asked"), as: UTF8.self)
    #expect(head.hasPrefix("GET /file HTTP/1.1\r\nHost: localhost:\(port)\r\n"))
    #expect(head.contains("\r\nUser-Agent: gatehouse/test\r\n"), "\(head)")
  }

  @Test func `a server that is silent or speaks no TLS is told apart`() throws {
    let plain = #expect(throws: ACMEError.self) {
      try client().get(try SecureURL("https://127.0.0.1:\(plainPort)/"))
    }
    #expect(plain?.problem.contains("TLS failed") == true, "\(plain as Any)")
    let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(silent) }
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    unsafe withUnsafeMutableBytes(of: &address) {
      let pointer = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      _ = unsafe bind(silent, pointer, size)
      _ = listen(silent, 5)
      _ = unsafe getsockname(silent, pointer, &size)
    }
    let error = #expect(throws: ACMEError.self) {
      let url = try SecureURL("https://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/")
      return try client(.milliseconds(400)).get(url)
    }
    #expect(error?.problem == "no answer in time", "\(error as Any)")
  }

  @Test func `a directory may move three times, and never to plain HTTP`() throws {
    try workshop.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", to: "answer")
    let found = try client().getFollowing(try url("/turn!!/file"))
    #expect(found.status == 200 && found.body == Array("{}".utf8))
    #expect(throws: ACMEError.self) { try client().getFollowing(try url("/turn!!!!/file")) }
    let plain = #expect(throws: ACMEError.self) {
      try client().getFollowing(try url("/turnhttp://127.0.0.1/"))
    }
    #expect(plain?.problem.contains("not an https URL") == true)
  }

  @Test func `whatever an authority says, nothing traps`() throws {
    let seeds = [
      "HTTP/1.1 200 OK\r\nReplay-Nonce: abc\r\nContent-Length: 13\r\n\r\n{\"newNonce\":1",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"n\r\n0\r\n\r\n",
      "HTTP/1.1 429 No\r\nRetry-After: 99999999999999999999\r\n\r\n{\"type\":\"x\",\"detail\":[]}",
    ]
    var numbers = FixedNumbers(state: 5)
    let client = client()
    for seed in seeds {
      for _ in 0..<25 {
        var bytes = Array(seed.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
          bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
            in: 0...255, using: &numbers)
        }
        try Data(bytes).write(to: URL(fileURLWithPath: workshop.path("answer")))
        if let answer = try? client.get(try url("/file")) {
          _ = try? answer.decoded(ACMEDirectory.self, "directory", from: "here")
        }
      }
    }
  }
}
