import Foundation
import Glibc
import Testing

@testable import Certificates

/// What a server shows, asked over real handshakes.
struct ServedCertificateTests {
  let workshop: Workshop

  init() throws { workshop = try Workshop() }

  @Test func `each kind of key is asked for, and the chain comes as it was sent`() throws {
    let line = try TestLine(workshop)
    try workshop.write(line.leaf, line.leafKey)
    try workshop.write(Data(line.root + line.middle), to: "chain.pem")
    try workshop.makeCertificate("rsa", key: ["-newkey", "rsa:2048"])
    let server = try TestServer(
      workshop,
      ["-cert", "new.crt", "-key", "new.key", "-cert_chain", "chain.pem"]
        + ["-dcert", "rsa.crt", "-dkey", "rsa.key"])
    let elliptic = try fetch(server, .ecdsa)
    #expect(elliptic.chainPEM == line.leaf + line.root + line.middle)
    #expect(elliptic.version == "TLSv1.3")
    var context = GateContext()
    context.requiredNames = [.dns("shop.test")]
    let report = CertificateGates.check(
      chainPEM: elliptic.chainPEM, keyPEM: nil, name: "x", context: context)
    #expect(report.warnings.map(\.gate) == [.chainOrder])
    #expect(report.score == "19/19")
    #expect(try fetch(server, .rsa).chainPEM == workshop.bytes("rsa.crt"))
  }

  @Test func `a server without that kind of key says no`() throws {
    try workshop.makeCertificate("a")
    let server = try TestServer(workshop, ["-cert", "a.crt", "-key", "a.key"])
    #expect(throws: CertificateError.self) { _ = try fetch(server, .rsa) }
  }

  @Test func `where nobody listens, it says so`() throws {
    let error = #expect(throws: CertificateError.self) {
      _ = try ServedCertificate.fetch(host: "127.0.0.1", port: 1, name: "a.test", asking: .ecdsa)
    }
    #expect(error?.description.hasPrefix("127.0.0.1:1: cannot connect: ") == true)
  }

  @Test func `who speaks no TLS is told`() throws {
    let listener = try SilentListener(says: "HTTP/1.1 400 Bad Request\r\n\r\n")
    #expect(throws: CertificateError.self) {
      _ = try ServedCertificate.fetch(
        host: "127.0.0.1", port: listener.port, name: "a.test", asking: .ecdsa)
    }
  }

  @Test func `who never answers is given up on`() throws {
    let listener = try SilentListener(says: nil)
    let began = ContinuousClock.now
    let error = #expect(throws: CertificateError.self) {
      _ = try ServedCertificate.fetch(
        host: "127.0.0.1", port: listener.port, name: "a.test", asking: .ecdsa,
        timeLimit: .milliseconds(200))
    }
    #expect(error?.problem.contains("no answer within") == true)
    #expect(ContinuousClock.now - began < .seconds(5))
  }

  private func fetch(
    _ server: TestServer, _ ask: ServedCertificate.Ask
  ) throws -> ServedCertificate {
    try ServedCertificate.fetch(
      host: "127.0.0.1", port: server.port, name: "shop.test", asking: ask)
  }
}

/// `openssl s_server` on a port of its own.
private final class TestServer {
  let port: UInt16
  private let process = Process()

  init(_ workshop: Workshop, _ arguments: [String]) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www"] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: workshop.folder)
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    // It says "ACCEPT 127.0.0.1:PORT" when it listens.
    var said = ""
    while !said.contains("ACCEPT ") || !said.hasSuffix("\n") {
      let piece = output.fileHandleForReading.availableData
      try #require(!piece.isEmpty, "openssl s_server ended: \(said)")
      said += String(decoding: piece, as: UTF8.self)
    }
    port = try #require(
      said.split(separator: ":").last.flatMap { UInt16($0.trimmingCharacters(in: .newlines)) })
  }

  deinit { process.terminate() }
}

/// Accepts and says one thing, or nothing, whatever comes.
private final class SilentListener {
  let port: UInt16
  private let number: Int32

  init(says text: String?) throws {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let listener = number
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    unsafe withUnsafeMutableBytes(of: &address) {
      let pointer = unsafe $0.baseAddress?.assumingMemoryBound(to: sockaddr.self)
      unsafe bind(listener, pointer, size)
      unsafe getsockname(listener, pointer, &size)
    }
    listen(listener, 4)
    port = UInt16(bigEndian: address.sin_port)
    guard let text else { return }
    Thread.detachNewThread {
      let client = accept(listener, nil, nil)
      guard client >= 0 else { return }
      _ = unsafe send(client, text, text.utf8.count, Int32(MSG_NOSIGNAL))
      close(client)
    }
  }

  deinit { close(number) }
}
