import COpenSSL
import Foundation
import Testing

@testable import Certificates

/// The same numbers in every run, so that a failure can be seen again.
struct FixedNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}

struct MutationTests {
  private func issued() throws -> IssuedCertificate {
    let workshop = try Workshop()
    let authority = try DevelopmentAuthority.open(in: workshop.folder)
    return try authority.issue(for: [.dns("*.shop.test"), .address([192, 0, 2, 7])])
  }

  @Test func `changed PEM bytes never trap`() throws {
    let issued = try issued()
    var numbers = FixedNumbers(state: 7)
    for _ in 0..<2_000 {
      var chain = issued.chainPEM
      var key = issued.keyPEM
      for _ in 0..<Int.random(in: 1...4, using: &numbers) {
        let byte = UInt8.random(in: 0...255, using: &numbers)
        chain[Int.random(in: chain.indices, using: &numbers)] = byte
        key[Int.random(in: key.indices, using: &numbers)] = byte
      }
      if Bool.random(using: &numbers) {
        chain.removeLast(Int.random(in: 0...chain.count, using: &numbers))
      }
      let isKeyChanged = Bool.random(using: &numbers)
      let report = CertificateGates.check(
        chainPEM: chain, keyPEM: isKeyChanged ? key : issued.keyPEM, name: "x")
      #expect(!report.results.isEmpty)
    }
  }

  @Test func `changed DER bytes never trap`() throws {
    let issued = try issued()
    let lines = String(decoding: issued.chainPEM, as: UTF8.self).split(separator: "\n")
    let body = lines.filter { !$0.hasPrefix("-") }.joined()
    let der = try #require(Data(base64Encoded: body))
    var numbers = FixedNumbers(state: 11)
    var readable = 0
    for _ in 0..<3_000 {
      var bytes = Array(der)
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
          in: 0...255, using: &numbers)
      }
      let text = Data(bytes).base64EncodedString(options: [.lineLength64Characters])
      let pem = "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
      let report = CertificateGates.check(
        chainPEM: Array(pem.utf8), keyPEM: issued.keyPEM, name: "x")
      readable += report.bundle == nil ? 0 : 1
    }
    // Most changes leave it readable, so the loop does reach what lies behind the parser.
    #expect(readable > 500)
  }

  /// Every reader behind the parser: policies, issuers' addresses, timestamps, odd names, a chain.
  @Test func `a changed chain with everything in it never traps`() throws {
    let workshop = try Workshop()
    let line = try TestLine(
      workshop,
      leafExtensions: [
        (NID_info_access, "caIssuers;URI:http://a.test/i.der"),
        (NID_certificate_policies, "DER:300a3008060667810c010201"),
        (NID_ct_precert_scts, "DER:0404000200ff"),
      ])
    let der = try [line.leaf, line.middle, line.root].map { pem in
      let lines = String(decoding: pem, as: UTF8.self).split(separator: "\n")
      let body = lines.filter { !$0.hasPrefix("-") }.joined()
      return Array(try #require(Data(base64Encoded: body)))
    }
    var context = GateContext()
    context.trust = TrustedRoots(publicPEM: line.root, privatePEM: line.middle)
    context.current = try CertificateBundle(
      chainPEM: line.leaf + line.middle, keyPEM: line.leafKey, name: "x")
    var numbers = FixedNumbers(state: 13)
    var readable = 0
    for _ in 0..<1_500 {
      var pem = ""
      for var bytes in der.shuffled(using: &numbers) {
        for _ in 0..<Int.random(in: 0...2, using: &numbers) {
          bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
            in: 0...255, using: &numbers)
        }
        let text = Data(bytes).base64EncodedString(options: [.lineLength64Characters])
        pem += "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
      }
      let hasKey = Bool.random(using: &numbers)
      let report = CertificateGates.check(
        chainPEM: Array(pem.utf8), keyPEM: hasKey ? line.leafKey : nil, name: "x",
        context: context)
      readable += report.bundle == nil ? 0 : 1
    }
    #expect(readable > 200)
  }

  @Test func `a changed request never traps`() throws {
    let workshop = try Workshop()
    let authority = try PrivateAuthority.create("a", in: workshop.path("ca"))
    let holder = try CertificateHolder(["a@b.test"], isForServers: false)
    try workshop.openssl(
      ["req", "-new", "-config", "empty.cnf", "-nodes", "-subj", "/CN=a"] + Workshop.elliptic
        + ["-keyout", "a.key", "-out", "a.csr"])
    let request = try workshop.bytes("a.csr")
    #expect(throws: Never.self) { _ = try authority.sign(holder, requestPEM: request) }
    var numbers = FixedNumbers(state: 17)
    var refused = 0
    for _ in 0..<500 {
      var bytes = request
      for _ in 0..<Int.random(in: 1...3, using: &numbers) {
        bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
          in: 0...255, using: &numbers)
      }
      do { _ = try authority.sign(holder, requestPEM: bytes) } catch { refused += 1 }
    }
    // A change outside the PEM's own lines is none.
    #expect(refused > 400)
  }

  @Test func `changed descriptions of a version never trap`() throws {
    let workshop = try Workshop()
    let store = CertificateStore(directory: workshop.path("certs"))
    _ = try Rotation(in: store).make([.dns("a.test")], isForced: false)
    _ = try Rotation(in: store).rotate("a.test")
    try store.quarantine(1, of: "a.test", because: "no")
    try store.markCompromised("00", of: "a.test")
    let files = ["a.test/v0001/meta.json", "a.test/v0001.state.json", ".compromised.json"]
    let texts = try files.map { try workshop.bytes("certs/\($0)") }
    var numbers = FixedNumbers(state: 19)
    for _ in 0..<300 {
      for (file, text) in zip(files, texts) {
        var bytes = text
        bytes[Int.random(in: bytes.indices, using: &numbers)] = .random(
          in: 0...255, using: &numbers)
        let path = workshop.path("certs/\(file)")
        Disk.remove(path)
        try Data(bytes).write(to: URL(fileURLWithPath: path))
      }
      let versions = store.versions(of: try store.certificate(named: "a.test"))
      // Whatever its note says now, one in quarantine stays there.
      #expect(versions.first?.state != .retired && versions.last?.state == .current)
      _ = try? store.context()
    }
  }
}
