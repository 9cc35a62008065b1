import Foundation
import Testing

@testable import Certificates

/// A certificate to make, and the gate that must stop it.
struct BadCertificate: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let gate: CertificateGate
  var outcome = GateResult.Outcome.failed
  var key = Workshop.elliptic
  var extensions = Workshop.good
  var more: [String] = []
  var daysFromNow = 0.0

  static let all: [BadCertificate] = [
    .init(testDescription: "expired", gate: .validity, daysFromNow: 31),
    .init(testDescription: "not valid yet", gate: .validity, daysFromNow: -1),
    .init(testDescription: "five days left", gate: .validity, outcome: .warning, daysFromNow: 25),
    .init(
      testDescription: "without a name", gate: .names,
      extensions: [Workshop.notAuthority, Workshop.forServers]),
    .init(
      testDescription: "only a mail address", gate: .names,
      extensions: [Workshop.notAuthority, Workshop.forServers, "subjectAltName=email:a@shop.test"]),
    .init(
      testDescription: "for clients", gate: .serverAuth,
      extensions: [Workshop.notAuthority, Workshop.named, "extendedKeyUsage=clientAuth"]),
    .init(
      testDescription: "for nothing said", gate: .serverAuth, outcome: .warning,
      extensions: [Workshop.notAuthority, Workshop.named]),
    .init(
      testDescription: "an authority", gate: .notAuthority,
      extensions: ["basicConstraints=critical,CA:TRUE", Workshop.named, Workshop.forServers]),
    .init(
      testDescription: "an authority that may not sign", gate: .notAuthority,
      extensions: [
        "basicConstraints=critical,CA:TRUE", "keyUsage=digitalSignature", Workshop.named,
        Workshop.forServers,
      ]),
    .init(
      testDescription: "a key that may not sign", gate: .keyUsage,
      extensions: Workshop.good + ["keyUsage=critical,keyAgreement"]),
    .init(
      testDescription: "must-staple", gate: .mustStaple,
      extensions: Workshop.good + ["tlsfeature=status_request"]),
    .init(testDescription: "RSA of 1024 bits", gate: .keySize, key: ["-newkey", "rsa:1024"]),
    .init(testDescription: "SHA-1", gate: .signature, more: ["-sha1"]),
    .init(
      testDescription: "RSA with SHA-1", gate: .signature, key: ["-newkey", "rsa:2048"],
      more: ["-sha1"]),
  ]
}

struct CertificateGatesTests {
  let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func check(_ chain: [UInt8], _ key: [UInt8], days: Double = 0) -> GateReport {
    CertificateGates.check(
      chainPEM: chain, keyPEM: key, name: "x", now: Date() + days * 86_400)
  }

  @Test(arguments: BadCertificate.all)
  func `one gate stops a bad certificate, and only that one`(_ bad: BadCertificate) throws {
    try workshop.makeCertificate(
      "bad", key: bad.key, extensions: bad.extensions, more: bad.more)
    let report = check(
      try workshop.bytes("bad.crt"), try workshop.bytes("bad.key"), days: bad.daysFromNow)
    let found = report.results.filter { $0.outcome != .passed }
    #expect(found.map(\.gate) == [bad.gate])
    #expect(found.map(\.outcome) == [bad.outcome])
    #expect(report.results.count == CertificateGate.allCases.count)
    #expect(report.score == (bad.outcome == .failed ? "21/22" : "22/22"))
  }

  @Test(arguments: [["-newkey", "rsa:2048"], Workshop.elliptic])
  func `a good certificate passes all of them`(key: [String]) throws {
    try workshop.makeCertificate("good", key: key)
    let report = check(try workshop.bytes("good.crt"), try workshop.bytes("good.key"))
    #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report.results)")
    #expect(report.score == "22/22")
  }

  @Test(arguments: [
    ["-newkey", "ed25519"], ["-newkey", "ed448"],
    ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
  ])
  func `a key that few clients can check is let through with a warning`(key: [String]) throws {
    try workshop.makeCertificate("rare", key: key)
    let report = check(try workshop.bytes("rare.crt"), try workshop.bytes("rare.key"))
    #expect(report.isGood && report.warnings.map(\.gate) == [.keySize])
  }

  @Test func `another certificate's key is told apart`() throws {
    try workshop.makeCertificate("a")
    try workshop.makeCertificate("b")
    let report = check(try workshop.bytes("a.crt"), try workshop.bytes("b.key"))
    #expect(report.failures.map(\.gate) == [.keyMatches])
  }

  @Test func `two servers' certificates in one file are refused`() throws {
    try workshop.makeCertificate("a")
    try workshop.makeCertificate("b")
    let both = try workshop.bytes("a.crt") + workshop.bytes("b.crt")
    for key in ["a.key", "b.key"] {
      let report = check(both, try workshop.bytes(key))
      #expect(report.failures.map(\.gate) == [.oneLeaf])
    }
  }

  @Test(arguments: ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
  func `what is no certificate stops at the first gate`(_ text: String) throws {
    try workshop.makeCertificate("a")
    let report = check(Array(text.utf8), try workshop.bytes("a.key"))
    #expect(report.results.map(\.gate) == [.readable, .parse])
    #expect(report.score == "1/22")
    #expect(report.bundle == nil)
  }

  @Test func `a key behind a passphrase is refused without a question`() throws {
    try workshop.makeCertificate("a")
    try workshop.openssl(
      "pkcs8", "-topk8", "-in", "a.key", "-out", "locked.key", "-passout", "pass:secret")
    let report = check(try workshop.bytes("a.crt"), try workshop.bytes("locked.key"))
    #expect(report.failures.map(\.gate) == [.keyParse])
    #expect(report.failures.first?.message.contains("passphrase") == true)
  }

  @Test func `a chain without end is refused`() throws {
    try workshop.makeCertificate("a")
    let one = try workshop.bytes("a.crt")
    let many = Array((0..<40).map { _ in one }.joined())
    #expect(check(many, try workshop.bytes("a.key")).failures.map(\.gate) == [.parse])
  }
}
