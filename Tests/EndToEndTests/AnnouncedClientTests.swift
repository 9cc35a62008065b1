import Foundation
import Testing

/// A balancer in front of the gate: 127.0.0.2, in all of these.
@Suite struct AnnouncedClientTests {
  private func gate(_ origin: Origin, policy: ((UInt16) -> String)? = nil) throws -> Gate {
    try Gate(
      [origin], policy: policy,
      edit: {
        $0.replacing("certificates: certs }", with: "certificates: certs, PROXY }")
          .replacing(#/http: \{ bind: ("[^"]*")/#) { "http: { bind: \($0.output.1), PROXY" }
          .replacing("PROXY", with: "proxy_protocol: { from: [127.0.0.2] }")
      })
  }

  private let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

  @Test func `the client is the one that the balancer tells of`() throws {
    let origin = Origin.named("s1")
    let gate = try gate(origin)
    let socket = try RawSocket(port: gate.http, from: "127.0.0.2")
    // A byte at a time, and the request right behind.
    for byte in "PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n" {
      socket.send(String(byte))
      usleep(500)
    }
    socket.send(request)
    #expect(String(decoding: socket.receiveAll(), as: UTF8.self).hasSuffix("s1\n"))
    #expect(origin.notes.last?.contains("X-Forwarded-For: 203.0.113.9\r\n") == true)
    let binary = try RawSocket(port: gate.http, from: "127.0.0.2")
    binary.send(
      Data([
        13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12, 203, 0, 113, 10,
        192, 0, 2, 1, 0x13, 0x88, 0x01, 0xbb,
      ]) + Data(request.utf8))
    #expect(String(decoding: binary.receiveAll(), as: UTF8.self).hasSuffix("s1\n"))
    #expect(origin.notes.last?.contains("X-Forwarded-For: 203.0.113.10\r\n") == true)
  }

  @Test func `curl's header goes before TLS`() throws {
    let origin = Origin.named("s1")
    let gate = try gate(origin)
    let output = try gate.curl("--haproxy-protocol", "--interface", "127.0.0.2")
    #expect(output.standardOutput == "s1\n", "\(output)")
    #expect(origin.notes.last?.contains("X-Forwarded-For: 127.0.0.2\r\n") == true)
  }

  /// A gate in front of a gate: the first tells, the second believes.
  @Test(arguments: ["v1", "v2"], ["", "tls: { verify: false, server_name: www.test }, "])
  func `a server is told of the client`(_ version: String, _ tls: String) throws {
    let origin = Origin.named("s1")
    let behind = try Gate(
      [origin],
      edit: {
        $0.replacing("certificates: certs }", with: "certificates: certs, PROXY }")
          .replacing(#/http: \{ bind: ("[^"]*")/#) { "http: { bind: \($0.output.1), PROXY" }
          .replacing("PROXY", with: "proxy_protocol: { from: [127.0.0.1] }")
      })
    let port = tls.isEmpty ? behind.http : behind.https
    let front = try Gate(
      [],
      edit: {
        $0.replacing(
          "  web:\n    servers:\n",
          with:
            "  web: { \(tls)proxy_protocol: \(version), servers: [ \"127.0.0.1:\(port)\" ] }\n")
      })
    for client in ["127.0.0.5", "127.0.0.6"] {
      #expect(try front.curl("--interface", client).standardOutput == "s1\n")
      #expect(origin.notes.last?.contains("X-Forwarded-For: \(client)\r\n") == true)
    }
  }

  @Test func `the header is believed from nobody else`() throws {
    let origin = Origin.named("s1")
    let gate = try gate(origin)
    let answer = try gate.raw("PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n" + request)
    #expect(answer.hasPrefix("HTTP/1.1 505 "))
    let curl = try gate.curl("--haproxy-protocol")
    #expect(curl.status != 0)
    #expect(origin.notes.isEmpty)
    // Without one he is served as himself.
    #expect(try gate.curl().standardOutput == "s1\n")
    #expect(origin.notes.last?.contains("X-Forwarded-For: 127.0.0.1\r\n") == true)
  }

  @Test func `a balancer that tells of nobody is cut off`() throws {
    let origin = Origin.named("s1")
    let gate = try gate(origin)
    let socket = try RawSocket(port: gate.http, from: "127.0.0.2")
    socket.send(request)
    #expect(socket.receiveAll().isEmpty)
    let curl = try gate.curl("--interface", "127.0.0.2")
    #expect(curl.status != 0)
    #expect(origin.notes.isEmpty)
  }

  @Test func `the policy is asked for the balancer and for the client`() throws {
    let origin = Origin.named("s1")
    let gate = try gate(origin) { port in
      """
      version: 1
      management: { from: [127.0.0.7], to: [tcp/22] }
      services:
        web: { listen: [tcp/\(port)], allow: [127.0.0.2, 203.0.113.0/24] }
      """
    }
    func status(_ client: String) throws -> Int32 {
      try run(
        "python3",
        [
          "-c",
          """
          import socket, ssl
          plain = socket.create_connection(("127.0.0.1", \(gate.https)), 5, ("127.0.0.2", 0))
          plain.sendall(b"PROXY TCP4 \(client) 192.0.2.1 5000 443\\r\\n")
          context = ssl.create_default_context(cafile="\(gate.ca)")
          secured = context.wrap_socket(plain, server_hostname="www.test")
          secured.sendall(b"GET / HTTP/1.1\\r\\nHost: www.test\\r\\nConnection: close\\r\\n\\r\\n")
          assert secured.recv(9999).endswith(b"s1\\n")
          """,
        ]
      ).status
    }
    #expect(try status("203.0.113.9") == 0)
    #expect(try status("198.51.100.1") != 0)
    #expect(origin.notes.count == 1)
  }
}
