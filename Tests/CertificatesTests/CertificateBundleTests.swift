import Foundation
import Testing

@testable import Certificates

struct CertificateBundleTests {
  let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func bundle(_ name: String) throws -> CertificateBundle {
    try CertificateBundle(
      chainPEM: try workshop.bytes("\(name).crt"), keyPEM: try workshop.bytes("\(name).key"),
      name: name)
  }

  @Test(arguments: [
    (["rsa:2048"], "rsa-2048"), (["rsa:3072"], "rsa-3072"), (["ed25519"], "ed25519"),
    (["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "ecdsa-p256"),
    (["ec", "-pkeyopt", "ec_paramgen_curve:P-384"], "ecdsa-p384"),
  ])
  func `keys are named as people name them`(_ key: [String], _ kind: String) throws {
    try workshop.makeCertificate("a", key: ["-newkey"] + key)
    #expect(try bundle("a").keyType == kind)
  }

  @Test func `the facts are those openssl prints`() throws {
    try workshop.makeCertificate("shop", more: ["-set_serial", "0x1234ABCD"])
    let read = try bundle("shop")
    #expect(read.names == [.dns("shop.test"), .address([192, 0, 2, 7])])
    #expect(read.subject == "CN=shop")
    #expect(read.issuer == "CN=shop")
    #expect(read.serial == "1234abcd")
    #expect(read.notAfter.timeIntervalSince(read.notBefore) == 30 * 86_400)
    #expect(read.keyMatches)
    let printed = try workshop.openssl(
      "x509", "-in", "shop.crt", "-noout", "-fingerprint", "-sha256")
    let fingerprint = printed.output.split(separator: "=").last?
      .replacingOccurrences(of: ":", with: "").trimmingCharacters(in: .newlines).lowercased()
    #expect(read.leafSHA256 == fingerprint)
    try workshop.openssl("pkey", "-in", "shop.key", "-pubout", "-outform", "DER", "-out", "spki")
    let digest = try workshop.openssl("dgst", "-sha256", "-r", "spki").output
    #expect(digest.hasPrefix(read.publicKeySHA256))
  }

  @Test func `control bytes in a subject do not reach the terminal`() throws {
    try workshop.makeCertificate("a", more: ["-subj", "/CN=\u{1b}[31mred\u{7}", "-utf8"])
    let subject = try bundle("a").subject
    #expect(!subject.utf8.contains { $0 < 0x20 }, "\(subject)")
  }

  @Test(arguments: [
    ("localhost", "localhost"), ("Shop.TEST", "shop.test"), ("*.shop.test", "*.shop.test"),
    ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("2001:DB8:0:0::1", "2001:db8::1"),
  ])
  func `names are settled`(_ typed: String, _ settled: String) {
    #expect(ServerName(typed)?.description == settled)
  }

  @Test(arguments: [
    "", ".", "a..b", "a b", "a,DNS:b", "-a.test", "*.", "a.*.test", "1.2.3", "a\0.test", "é.test",
    String(repeating: "a", count: 64), "192.0.2.300", "[::1]", "a.test:443",
  ])
  func `what is no name is refused`(_ typed: String) {
    #expect(ServerName(typed) == nil)
  }
}
