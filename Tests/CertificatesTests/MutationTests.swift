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
}
