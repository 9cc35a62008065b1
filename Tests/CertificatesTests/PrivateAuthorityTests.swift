import Foundation
import Testing

@testable import Certificates

/// A private authority, judged by the openssl command.
struct PrivateAuthorityTests {
  let workshop: Workshop
  let authority: PrivateAuthority

  init() throws {
    workshop = try Workshop()
    authority = try PrivateAuthority.create("staff", in: workshop.path("ca"))
  }

  private func deliver(
    _ names: String..., isForServers: Bool = false, request: String? = nil, to folder: String
  ) throws -> PrivateAuthority.Delivery {
    try authority.deliver(
      try CertificateHolder(names, isForServers: isForServers),
      requestPath: request.map(workshop.path), to: workshop.path(folder))
  }

  private func verify(_ file: String, _ more: String...) throws -> Workshop.Ended {
    try workshop.openssl(
      ["verify", "-x509_strict", "-crl_check", "-CAfile", "ca/staff/ca.pem"]
        + ["-CRLfile", "ca/staff/crl.pem"] + more + [file])
  }

  private func text(_ file: String) throws -> String {
    try workshop.openssl("x509", "-in", file, "-noout", "-text").output
  }

  @Test func `an authority is its own, and its key is nobody else's`() throws {
    let text = try text("ca/staff/ca.pem")
    for part in ["Issuer: CN = staff", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(try workshop.mode("ca/staff") == 0o700)
    #expect(try workshop.mode("ca/staff/ca.key") == 0o600)
    #expect(throws: CertificateError.self) {
      _ = try PrivateAuthority.create("staff", in: workshop.path("ca"))
    }
    #expect(try PrivateAuthority.open("staff", in: workshop.path("ca")).subject == "CN=staff")
  }

  @Test func `a client's certificate says whom it is for, and only that`() throws {
    let made = try deliver("alice@example.com", to: "alice")
    let text = try text("alice/cert.pem")
    for part in [
      "Subject: CN = alice@example.com", "TLS Web Client Authentication",
      "email:alice@example.com", "CA:FALSE", "Digital Signature",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    #expect(!text.contains("Server Authentication"))
    #expect(try verify("alice/cert.pem", "-purpose", "sslclient").status == 0)
    #expect(try verify("alice/cert.pem", "-purpose", "sslserver").status != 0)
    #expect(try workshop.mode("alice/key.pem") == 0o600)
    #expect(made.serial.count == 32)
  }

  @Test func `browsers can import it with the password that was shown`() throws {
    let made = try deliver("Door sensor 7", to: "door")
    let password = try #require(made.password)
    let opened = try workshop.openssl(
      "pkcs12", "-in", "door/client.p12", "-passin", "pass:\(password)", "-nodes")
    #expect(opened.status == 0)
    #expect(opened.output.components(separatedBy: "BEGIN CERTIFICATE").count == 3)
    #expect(opened.output.contains("BEGIN PRIVATE KEY"))
    let wrong = try workshop.openssl(
      "pkcs12", "-in", "door/client.p12", "-passin", "pass:wrong", "-nodes")
    #expect(wrong.status != 0)
    #expect(try workshop.mode("door/client.p12") == 0o600)
  }

  @Test func `a server's certificate is verified for its names, and can be brought in`() throws {
    _ = try deliver("db.internal", "10.0.0.5", isForServers: true, to: "db")
    #expect(
      try verify(
        "db/cert.pem", "-purpose", "sslserver", "-verify_hostname", "db.internal"
      ).status == 0)
    #expect(try verify("db/cert.pem", "-verify_ip", "10.0.0.5").status == 0)
    #expect(!Disk.exists(workshop.path("db/client.p12")))
    let store = CertificateStore(directory: workshop.path("certs"))
    let files = CertificateFiles(
      chainPath: workshop.path("db/cert.pem"), keyPath: workshop.path("db/key.pem"))
    let outcome = try Activation(in: store).bring(files, as: "db.internal")
    #expect(outcome.ending == .current)
    #expect(try store.certificate(named: "db.internal").record()?.source == .private)
    let issuers = [VersionRecord.Source.private: PrivateIssuer(directory: workshop.path("ca"))]
    let rotated = try Rotation(in: store, issuers: issuers).rotate("db.internal")
    #expect(rotated.staged.number == 2)
    #expect(try verify("certs/db.internal/current/fullchain.pem").status == 0)
    let revoked = try Revocation(in: store, issuers: issuers).revoke(
      "db.internal", version: 1, because: .compromise)
    #expect(revoked.answer.isDone)
    #expect(try verify("db/cert.pem").output.contains("certificate revoked"))
    #expect(try verify("certs/db.internal/current/fullchain.pem").status == 0)
  }

  @Test func `a request is signed for whom we say, not for whom it says`() throws {
    try workshop.openssl(
      ["req", "-new", "-config", "empty.cnf", "-nodes", "-subj", "/CN=root@example.com"]
        + Workshop.elliptic + ["-keyout", "bob.key", "-out", "bob.csr"]
        + ["-addext", "subjectAltName=DNS:bank.test"])
    let made = try deliver("bob@example.com", request: "bob.csr", to: "bob")
    #expect(made.keyPath == nil && made.bagPath == nil)
    let text = try text("bob/cert.pem")
    #expect(text.contains("CN = bob@example.com") && !text.contains("bank.test"))
    let own = try workshop.openssl("pkey", "-in", "bob.key", "-pubout").output
    #expect(try workshop.openssl("x509", "-in", "bob/cert.pem", "-noout", "-pubkey").output == own)
  }

  @Test func `a request with a short key or a broken signature is refused`() throws {
    try workshop.openssl(
      ["req", "-new", "-config", "empty.cnf", "-nodes", "-subj", "/CN=a", "-newkey", "rsa:1024"]
        + ["-keyout", "a.key", "-out", "a.csr"])
    #expect(throws: CertificateError.self) {
      _ = try deliver("a@b.test", request: "a.csr", to: "a")
    }
    try workshop.write("no request", to: "b.csr")
    #expect(throws: CertificateError.self) {
      _ = try deliver("a@b.test", request: "b.csr", to: "b")
    }
    #expect(try authority.index().entries.isEmpty)
  }

  @Test func `what is revoked stays so on every later list, each with a higher number`() throws {
    let alice = try deliver("alice@example.com", to: "alice")
    _ = try deliver("bob@example.com", to: "bob")
    #expect(try verify("alice/cert.pem").status == 0)
    let capitals = alice.serial.uppercased()
    let index = try authority.renewList(revoking: capitals, because: .compromise)
    #expect(index.listNumber == 2)
    #expect(try verify("alice/cert.pem").output.contains("certificate revoked"))
    #expect(try verify("bob/cert.pem").status == 0)
    try authority.renewList(revoking: try authority.serial(inFile: workshop.path("bob/cert.pem")))
    try authority.renewList()
    let text = try workshop.openssl("crl", "-in", "ca/staff/crl.pem", "-noout", "-text").output
    #expect(text.components(separatedBy: "Serial Number:").count == 3)
    #expect(text.contains("Key Compromise"))
    #expect(text.contains("X509v3 CRL Number: \n                4\n"))
    let signed = try workshop.openssl(
      "crl", "-in", "ca/staff/crl.pem", "-noout", "-CAfile", "ca/staff/ca.pem")
    #expect(signed.output.contains("verify OK"), "\(signed.output)")
    #expect(throws: CertificateError.self) { try authority.renewList(revoking: "4711") }
  }

  @Test func `an index that is damaged signs nothing`() throws {
    try workshop.write("{", to: "ca/staff/index.json")
    #expect(throws: CertificateError.self) { _ = try deliver("a@b.test", to: "a") }
    #expect(throws: CertificateError.self) { try authority.renewList() }
  }

  @Test func `several who sign at once are all in the index`() async throws {
    let folder = workshop.path("ca")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 {
        group.addTask {
          let authority = try PrivateAuthority.open("staff", in: folder)
          let holder = try CertificateHolder(["user \(number)"], isForServers: false)
          _ = try authority.deliver(holder, requestPath: nil)
          try authority.renewList()
        }
      }
      try await group.waitForAll()
    }
    let index = try authority.index()
    #expect(Set(index.entries.map(\.subject)).count == 4)
    #expect(index.listNumber == 5)
  }

  @Test func `nothing is written over`() throws {
    _ = try deliver("alice@example.com", to: "alice")
    let before = try workshop.bytes("alice/cert.pem")
    #expect(throws: CertificateError.self) { _ = try deliver("bob@example.com", to: "alice") }
    #expect(try workshop.bytes("alice/cert.pem") == before)
    #expect(try authority.index().entries.count == 1)
  }

  @Test(arguments: [
    "a,b@c.test", "@c.test", "a@", "a@b@c.test", "a b@c.test", "a\u{7}", "", "a:b@c.test",
    "a@c..test", String(repeating: "a", count: 65),
  ])
  func `whom nobody can be is refused`(_ text: String) {
    #expect(throws: CertificateError.self) {
      _ = try CertificateHolder([text], isForServers: false)
    }
  }

  @Test(arguments: ["alice@example.com", "a b", "-x"])
  func `a server is visited by names and addresses`(_ text: String) {
    #expect(throws: CertificateError.self) { _ = try CertificateHolder([text], isForServers: true) }
  }

  @Test(arguments: ["", "../x", "A", ".x", "a/b", String(repeating: "a", count: 65)])
  func `an authority's name never leads elsewhere`(_ name: String) {
    #expect(throws: CertificateError.self) {
      _ = try PrivateAuthority.create(name, in: workshop.path("ca"))
    }
  }
}
