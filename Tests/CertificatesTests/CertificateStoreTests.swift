import Foundation
import Testing

@testable import Certificates

struct CertificateStoreTests {
  let workshop: Workshop
  let store: CertificateStore

  init() throws {
    workshop = try Workshop()
    store = CertificateStore(directory: workshop.path("certs"))
  }

  private func make(_ names: String..., isForced: Bool = false) throws -> Activation.Outcome {
    try Rotation(in: store).make(names.compactMap { ServerName($0) }, isForced: isForced)
  }

  private func aim(_ name: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(
      atPath: workshop.path("certs/\(name)/current"))
  }

  @Test func `a version has its three files, and its key is the owner's`() throws {
    let outcome = try make("localhost", "::1")
    #expect(outcome.staged.name == "v0001")
    #expect(outcome.staged.report.score == "22/22")
    #expect(try aim("localhost") == "v0001")
    #expect(try workshop.mode("certs/localhost/v0001/key.pem") == 0o600)
    let record = try #require(try store.certificate(named: "localhost").record())
    #expect(record.names == ["localhost", "::1"])
    #expect(record.source == .development)
    #expect(record.previous == nil)
    #expect(record.leafSHA256 == outcome.staged.report.bundle?.leafSHA256)
  }

  @Test func `rotating swaps to a new key and keeps the old version as it was`() throws {
    _ = try make("localhost", "127.0.0.1")
    let before = try workshop.bytes("certs/localhost/v0001/key.pem")
    let old = try store.certificate(named: "localhost").load()
    let outcome = try Rotation(in: store).rotate("localhost")
    #expect(outcome.staged.name == "v0002")
    #expect(outcome.previous == 1)
    #expect(try aim("localhost") == "v0002")
    #expect(try workshop.bytes("certs/localhost/v0001/key.pem") == before)
    let stored = try store.certificate(named: "localhost")
    let new = try stored.load()
    #expect(stored.versions == [1, 2])
    #expect(new.names == old.names)
    #expect(new.publicKeySHA256 != old.publicKeySHA256)
    #expect(try stored.record()?.previous == 1)
  }

  @Test func `the last five versions are kept`() throws {
    _ = try make("localhost")
    for _ in 2...5 { #expect(try Rotation(in: store).rotate("localhost").removed == []) }
    #expect(try Rotation(in: store).rotate("localhost").removed == [1])
    #expect(try store.certificate(named: "localhost").versions == [2, 3, 4, 5, 6])
  }

  @Test func `what serves and what served before are never removed`() throws {
    _ = try make("localhost")
    for _ in 2...5 { _ = try Rotation(in: store).rotate("localhost") }
    // Somebody went back to the first by hand.
    try Disk.link(workshop.path("certs/localhost/current"), to: "v0001")
    let outcome = try Rotation(in: store).rotate("localhost")
    #expect(outcome.previous == 1)
    #expect(outcome.removed == [2])
    #expect(try store.certificate(named: "localhost").versions == [1, 3, 4, 5, 6])
  }

  @Test func `two at once both get their version`() async throws {
    _ = try make("localhost")
    let store = store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 { group.addTask { _ = try Rotation(in: store).rotate("localhost") } }
      try await group.waitForAll()
    }
    #expect(try store.certificate(named: "localhost").versions == [1, 2, 3, 4])
  }

  @Test func `what a crash left is removed`() throws {
    _ = try make("localhost")
    try FileManager.default.createDirectory(
      atPath: workshop.path("certs/localhost/.v0002.1"), withIntermediateDirectories: true)
    _ = try Rotation(in: store).rotate("localhost")
    let left = try FileManager.default.contentsOfDirectory(
      atPath: workshop.path("certs/localhost"))
    #expect(left.sorted() == ["current", "v0001", "v0002"])
  }

  @Test func `a key that others may read is told`() throws {
    _ = try make("localhost")
    let key = workshop.path("certs/localhost/v0001/key.pem")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
    let report = try store.certificate(named: "localhost").check()
    #expect(report.failures.map(\.gate) == [.keyPrivate])
    #expect(report.failures.first?.message.hasSuffix("chmod 600 \(key)") == true)
  }

  @Test func `a link that leads elsewhere is listed, and what is wrong with it is told`() throws {
    _ = try make("localhost")
    try Disk.link(workshop.path("certs/localhost/current"), to: "/nowhere")
    let stored = try store.certificate(named: "localhost")
    #expect(stored.version == nil)
    #expect(stored.check().failures.map(\.gate) == [.readable])
  }

  @Test func `a staged version does not serve until it is activated`() throws {
    _ = try make("localhost")
    let authority = try DevelopmentAuthority.open(in: store.directory)
    let issued = try authority.issue(for: [.dns("localhost")])
    let staged = try store.stage(issued, as: "localhost", source: .development)
    #expect(try aim("localhost") == "v0001")
    try store.activate(staged)
    #expect(try aim("localhost") == "v0002")
    let left = try FileManager.default.contentsOfDirectory(
      atPath: workshop.path("certs/localhost"))
    #expect(left.sorted() == ["current", "v0001", "v0002"])
  }

  @Test func `what fails a gate is not written`() throws {
    try workshop.makeCertificate("bad", extensions: [Workshop.notAuthority])
    let issued = IssuedCertificate(
      chainPEM: try workshop.bytes("bad.crt"), keyPEM: try workshop.bytes("bad.key"))
    let error = #expect(throws: CertificateError.self) {
      _ = try store.stage(issued, as: "bad", source: .import)
    }
    #expect(error?.problem.contains("names:") == true)
    #expect(try store.list().isEmpty)
  }

  @Test func `the second dev of a name needs force`() throws {
    _ = try make("shop.test")
    #expect(throws: CertificateError.self) { _ = try make("shop.test", "api.test") }
    let outcome = try make("shop.test", "api.test", isForced: true)
    #expect(outcome.staged.name == "v0002")
    #expect(try store.certificate(named: "shop.test").load().names.count == 2)
  }

  @Test func `each kind of key has its own versions, and needs force by itself`() throws {
    let rotation = Rotation(in: store)
    for kind in [KeyKind.ecdsaP384, .rsa2048] {
      let made = try rotation.make([.dns("shop.test")], key: kind, isForced: false)
      #expect(made.report.bundle?.keyType == kind.rawValue)
      #expect(throws: CertificateError.self) {
        _ = try rotation.make([.dns("shop.test")], key: kind, isForced: false)
      }
      let name = made.staged.certificate
      #expect(try rotation.rotate(name).report.bundle?.keyType == kind.rawValue)
    }
    #expect(try store.list().map(\.name) == ["shop.test", "shop.test.rsa"])
    #expect(try store.list().map(\.versions) == [[1, 2], [1, 2]])
  }

  @Test func `files of other tools are listed beside versions`() throws {
    _ = try make("localhost")
    try workshop.makeCertificate("certs/pair")
    try workshop.makeCertificate("one")
    let both = try workshop.bytes("one.crt") + workshop.bytes("one.key")
    try workshop.write(String(decoding: both, as: UTF8.self), to: "certs/one.pem")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o600], ofItemAtPath: workshop.path("certs/one.pem"))
    try workshop.write("", to: "certs/README.md")
    let all = try store.list()
    #expect(all.map(\.name) == ["localhost", "one", "pair"])
    #expect(all.map(\.version) == [1, nil, nil])
    #expect(all.allSatisfy { $0.check().failures.isEmpty })
  }

  @Test func `what was made elsewhere is refused, with what to do`() throws {
    try FileManager.default.createDirectory(
      atPath: store.directory, withIntermediateDirectories: true)
    try workshop.makeCertificate("certs/pair")
    let error = #expect(throws: CertificateError.self) {
      _ = try Rotation(in: store).rotate("pair")
    }
    #expect(error?.problem.contains("gatehouse cert import") == true)
    #expect(throws: CertificateError.self) { _ = try Rotation(in: store).rotate("missing") }
  }

  @Test func `without its authority a certificate is not rotated`() throws {
    _ = try make("localhost")
    try FileManager.default.removeItem(atPath: workshop.path("certs/.authority"))
    let error = #expect(throws: CertificateError.self) {
      _ = try Rotation(in: store).rotate("localhost")
    }
    #expect(error?.problem.contains("--force") == true)
  }

  @Test(arguments: [
    ("*.shop.test", "wildcard_.shop.test"), ("../../etc", "_._.._etc"), ("::1", "__1"),
    (".authority", "_authority"), ("a/b", "a_b"),
  ])
  func `a folder's name never leads elsewhere`(_ name: String, _ folder: String) {
    let made = CertificateStore.folderName(for: name)
    #expect(!made.hasPrefix(".") && !made.contains("/"))
    if !name.hasPrefix("..") { #expect(made == folder) }
  }
}
