import Foundation
import Testing

@testable import Certificates

struct DevelopmentAuthorityTests {
  let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func issue(_ names: [String]) throws -> IssuedCertificate {
    let authority = try DevelopmentAuthority.open(in: workshop.folder)
    let issued = try authority.issue(for: names.compactMap { ServerName($0) })
    try workshop.write(String(decoding: issued.chainPEM, as: UTF8.self), to: "leaf.pem")
    return issued
  }

  @Test func `openssl verifies what it issues, strictly, for each name`() throws {
    _ = try issue(["localhost", "*.shop.test", "127.0.0.1", "::1"])
    for check in [
      ["-verify_hostname", "localhost"], ["-verify_hostname", "www.shop.test"],
      ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"],
    ] {
      let common = ["verify", "-x509_strict", "-purpose", "sslserver"]
      let ended = try workshop.openssl(
        common + check + ["-CAfile", ".authority/ca.pem", "leaf.pem"])
      #expect(ended.status == 0, "\(ended.output)")
    }
    let wrong = try workshop.openssl(
      "verify", "-verify_hostname", "other.test", "-CAfile", ".authority/ca.pem", "leaf.pem")
    #expect(wrong.status != 0)
  }

  @Test func `openssl prints the extensions a server needs`() throws {
    _ = try issue(["localhost", "192.0.2.7"])
    let text = try workshop.openssl("x509", "-in", "leaf.pem", "-noout", "-text").output
    for part in [
      "Version: 3", "ecdsa-with-SHA256", "NIST CURVE: P-256", "CA:FALSE",
      "TLS Web Server Authentication", "DNS:localhost, IP Address:192.0.2.7",
      "Authority Key Identifier", "Subject Key Identifier",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    let root = try workshop.openssl("x509", "-in", ".authority/ca.pem", "-noout", "-text").output
    #expect(root.contains("CA:TRUE, pathlen:0"))
    #expect(root.contains("Certificate Sign, CRL Sign"))
  }

  @Test func `only the owner reads the authority's key`() throws {
    _ = try issue(["localhost"])
    #expect(try workshop.mode(".authority") == 0o700)
    #expect(try workshop.mode(".authority/ca.key") == 0o600)
  }

  @Test func `it is made once and kept`() throws {
    let none = try DevelopmentAuthority.stored(in: workshop.folder)
    #expect(none?.certificatePath == nil)
    _ = try issue(["localhost"])
    let before = try workshop.bytes(".authority/ca.pem")
    let first = try issue(["localhost"])
    let second = try issue(["localhost"])
    #expect(try workshop.bytes(".authority/ca.pem") == before)
    #expect(first.keyPEM != second.keyPEM)
    #expect(first.chainPEM != second.chainPEM)
  }

  @Test func `no certificate outlives its authority`() throws {
    let authority = try DevelopmentAuthority.open(in: workshop.folder)
    let late = Date() + DevelopmentAuthority.lifetime - 86_400
    let issued = try authority.issue(for: [.dns("a.test")], now: late)
    let read = try CertificateBundle(
      chainPEM: issued.chainPEM, keyPEM: issued.keyPEM, name: "a")
    #expect(read.notAfter.timeIntervalSince(late) <= 86_400)
    #expect(throws: CertificateError.self) {
      _ = try authority.issue(for: [.dns("a.test")], now: late + 2 * 86_400)
    }
  }

  @Test func `a foreign key in its place is an error`() throws {
    _ = try issue(["localhost"])
    try workshop.makeCertificate("other")
    let other = try workshop.bytes("other.key")
    try workshop.write(String(decoding: other, as: UTF8.self), to: ".authority/ca.key")
    #expect(throws: CertificateError.self) {
      _ = try DevelopmentAuthority.open(in: workshop.folder)
    }
  }
}
