import Foundation
import Glibc
import Synchronization
import Testing

@testable import Certificates

/// The transaction: what is let in, what is sent back, and what stays as it was.
struct ActivationTests {
  let workshop: Workshop
  let store: CertificateStore

  init() throws {
    workshop = try Workshop()
    store = CertificateStore(directory: workshop.path("certs"))
  }

  private var files: CertificateFiles {
    CertificateFiles(chainPath: workshop.path("new.crt"), keyPath: workshop.path("new.key"))
  }

  private func aim(_ name: String = "shop.test") -> String? {
    Disk.aim(of: workshop.path("certs/\(name)/current"))
  }

  /// A current version that ends before most and began a day ago.
  private func bringFirst() throws {
    try workshop.makeDated("new", from: -1, to: 35)
    let outcome = try Activation(in: store).bring(files, as: "shop.test")
    try #require(outcome.ending == .current)
  }

  @discardableResult
  private func bringAnother(
    _ settings: Activation.Settings = .init(),
    ask: @escaping Activation.Question = { _, _ in .notRunning }
  ) throws -> Activation.Outcome {
    try workshop.makeDated("new", from: 0, to: 90)
    return try Activation(in: store, ask: ask).bring(files, as: "shop.test", settings)
  }

  @Test(arguments: RefusedCertificate.all)
  func `a bad certificate is stopped by its own gate, and what serves stays`(
    _ bad: RefusedCertificate
  ) throws {
    try bringFirst()
    let before = try store.certificate(named: "shop.test").load()
    try bad.make(workshop)
    var settings = Activation.Settings()
    settings.routedNames = [.dns("shop.test")]
    let asked = Mutex(0)
    let outcome = try Activation(
      in: store,
      ask: { _, _ in
        asked.withLock { $0 += 1 }
        return .notRunning
      }
    ).bring(files, as: "shop.test", settings)
    #expect(outcome.ending == .refused)
    let said = outcome.report.failures.first { $0.gate == bad.gate }
    #expect(said?.message.contains(bad.says) == true, "\(outcome.report.problems)")
    #expect(asked.withLock { $0 } == 0)
    #expect(aim() == "v0001")
    let stored = try store.certificate(named: "shop.test")
    #expect(stored.versions == [1])
    #expect(try stored.load() == before)
  }

  @Test func `there are at least twenty bad ones, no two alike`() {
    let names = RefusedCertificate.all.map(\.testDescription)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 20)
    #expect(Set(RefusedCertificate.all.map(\.gate)).count >= 18)
  }

  @Test func `a shuffled chain is put in order, what is of no use left out`() throws {
    let line = try TestLine(workshop)
    let other = try TestLine(workshop)
    try workshop.write(other.root + line.middle + line.root + line.leaf, line.leafKey)
    let outcome = try Activation(in: store).bring(files, as: "shop.test")
    #expect(outcome.ending == .current)
    #expect(outcome.report.warnings.map(\.gate) == [.chainOrder])
    #expect(outcome.report.warnings.first?.message.contains("puts right") == true)
    #expect(outcome.report.warnings.first?.message.contains("left out") == true)
    #expect(
      try workshop.bytes("certs/shop.test/v0001/fullchain.pem") == line.leaf + line.middle
        + line.root)
    let verified = try workshop.openssl(
      "verify", "-purpose", "sslserver", "-CAfile", "certs/shop.test/current/fullchain.pem",
      "-untrusted", "certs/shop.test/current/fullchain.pem",
      "certs/shop.test/current/fullchain.pem")
    #expect(verified.status == 0, "\(verified.output)")
  }

  @Test func `the running process is asked for the new leaf, and keeps it`() throws {
    try bringFirst()
    let asked = Mutex<[String]>([])
    let outcome = try bringAnother { name, leaf in
      asked.withLock { $0.append("\(name) \(leaf)") }
      return .served(workers: 2)
    }
    #expect(outcome.ending == .current)
    #expect(outcome.answer == .served(workers: 2))
    #expect(outcome.previous == 1)
    #expect(aim() == "v0002")
    let leaf = try store.certificate(named: "shop.test").load().leafSHA256
    #expect(asked.withLock { $0 } == ["shop.test \(leaf)"])
  }

  @Test func `what the process does not serve is sent back, and stays in quarantine`() throws {
    try bringFirst()
    let asked = Mutex<[String?]>([])
    let link = workshop.path("certs/shop.test/current")
    let outcome = try bringAnother { _, _ in
      asked.withLock { $0.append(Disk.aim(of: link)) }
      return .rejected(["https: names: no"])
    }
    #expect(outcome.ending == .sentBack(["https: names: no"]))
    // Once for the new one, and once more for the old one that is current again.
    #expect(asked.withLock { $0 } == ["v0002", "v0001"])
    #expect(aim() == "v0001")
    let versions = store.versions(of: try store.certificate(named: "shop.test"))
    #expect(versions.map(\.state) == [.current, .quarantined("https: names: no")])
    let error = #expect(throws: CertificateError.self) {
      _ = try Activation(in: store).rollBack("shop.test", to: 2)
    }
    #expect(error?.problem.contains("--force") == true)
    let forced = try Activation(in: store).rollBack("shop.test", to: 2, isForced: true)
    #expect(forced.ending == .current)
    #expect(
      store.versions(of: try store.certificate(named: "shop.test")).map(\.state) == [
        .retired, .current,
      ])
  }

  @Test func `a first version that is sent back leaves nothing current`() throws {
    try workshop.makeDated("new", from: -1, to: 35)
    let outcome = try Activation(in: store, ask: { _, _ in .rejected(["no"]) })
      .bring(files, as: "shop.test")
    #expect(outcome.ending == .sentBack(["no"]))
    #expect(aim() == nil)
    let listed = try store.list()
    #expect(listed.map(\.isServing) == [false])
  }

  @Test func `a link that another tool made is put back as it was`() throws {
    try bringFirst()
    try Disk.link(workshop.path("certs/shop.test/current"), to: "../elsewhere")
    #expect(try bringAnother { _, _ in .rejected(["no"]) }.ending == .sentBack(["no"]))
    #expect(aim() == "../elsewhere")
  }

  @Test(arguments: [(6.0, 2.0, true), (6.0, 5.5, false), (90.0, 84.0, false), (90.0, 80.0, true)])
  func `when an end is near depends on how long it was`(
    _ days: Double, _ gone: Double, _ isQuiet: Bool
  ) throws {
    try workshop.makeDated("new", from: -gone, to: days - gone)
    let report = files.check(in: GateContext())
    #expect(report.warnings.contains { $0.gate == .validity } != isQuiet)
  }

  @Test func `a rollback goes to the version that served before, and back again`() throws {
    try bringFirst()
    try bringAnother()
    try bringAnother()
    #expect(try Activation(in: store).rollBack("shop.test").staged.number == 2)
    #expect(aim() == "v0002")
    #expect(try Activation(in: store).rollBack("shop.test").staged.number == 1)
    #expect(try Activation(in: store).rollBack("shop.test", to: 3).staged.number == 3)
    let error = #expect(throws: CertificateError.self) {
      _ = try Activation(in: store).rollBack("shop.test", to: 9)
    }
    #expect(error?.problem == "no version 9; there are: v0001, v0002, v0003")
  }

  @Test func `a rollback to one that has expired needs force`() throws {
    try bringFirst()
    try bringAnother()
    let later = Date() + 40 * 86_400
    let error = #expect(throws: CertificateError.self) {
      _ = try Activation(in: store).rollBack("shop.test", now: later)
    }
    #expect(error?.problem.contains("validity: ") == true)
    #expect(error?.problem.hasSuffix("or --force") == true)
    #expect(aim() == "v0002")
    _ = try Activation(in: store).rollBack("shop.test", isForced: true, now: later)
    #expect(aim() == "v0001")
  }

  @Test func `a compromised key never serves again, forced or not`() throws {
    try bringFirst()
    try bringAnother()
    let revoked = try Revocation(in: store).revoke("shop.test", version: 1, because: .compromise)
    #expect(revoked.isKeyMarked && !revoked.isCurrent && !revoked.answer.isDone)
    #expect(revoked.answer.lines.first?.contains("revoke serial \(revoked.serial)") == true)
    for isForced in [false, true] {
      #expect(throws: CertificateError.self) {
        _ = try Activation(in: store).rollBack("shop.test", to: 1, isForced: isForced)
      }
    }
    #expect(aim() == "v0002")
  }

  @Test func `a damaged list of compromised keys lets nothing in`() throws {
    try bringFirst()
    try workshop.write("[{", to: "certs/.compromised.json")
    #expect(throws: CertificateError.self) { try bringAnother() }
    #expect(aim() == "v0001")
  }

  @Test func `what is current already is not brought in twice`() throws {
    try bringFirst()
    let outcome = try Activation(in: store).bring(files, as: "shop.test")
    #expect(outcome.ending == .unchanged)
    #expect(outcome.staged.number == 1)
    #expect(try store.certificate(named: "shop.test").versions == [1])
  }

  @Test func `a dry run writes nothing, and a staged version does not serve`() throws {
    var settings = Activation.Settings()
    settings.isDryRun = true
    #expect(try bringAnother(settings).ending == .dryRun)
    #expect(try store.list().isEmpty)
    settings.isDryRun = false
    settings.activates = false
    #expect(try bringAnother(settings).ending == .staged)
    #expect(aim() == nil)
    #expect(try Activation(in: store).rollBack("shop.test", to: 1).ending == .current)
    #expect(aim() == "v0001")
  }

  @Test func `an RSA certificate is kept beside the other`() throws {
    try bringFirst()
    try workshop.makeCertificate("new", key: ["-newkey", "rsa:2048"])
    let outcome = try Activation(in: store).bring(files, as: "shop.test")
    #expect(outcome.staged.certificate == "shop.test.rsa")
    #expect(try store.list().map(\.name) == ["shop.test", "shop.test.rsa"])
    #expect(aim() == "v0001" && aim("shop.test.rsa") == "v0001")
  }

  @Test func `a plain file of the name goes aside, and comes back with a refusal`() throws {
    try workshop.makeDated("new", from: -1, to: 35)
    try FileManager.default.createDirectory(
      atPath: store.directory, withIntermediateDirectories: true)
    try workshop.write(
      Data(try workshop.bytes("new.crt") + workshop.bytes("new.key")), to: "certs/shop.test.pem")
    unsafe chmod(workshop.path("certs/shop.test.pem"), 0o600)
    let refused = try bringAnother { _, _ in .rejected(["no"]) }
    #expect(refused.ending == .sentBack(["no"]))
    #expect(
      try store.list().filter(\.isServing).map(\.chainPath) == [
        workshop.path("certs/shop.test.pem")
      ])
    let outcome = try bringAnother()
    #expect(outcome.moved == [workshop.path("certs/shop.test.pem")])
    #expect(try store.list().map(\.version) == [2])
    #expect(Disk.exists(workshop.path("certs/shop.test/.before/shop.test.pem")))
  }

  @Test(arguments: ["", "shop.pem", "Shop.CRT", "a.key", String(repeating: "a", count: 201)])
  func `a name that could not be kept is refused`(_ name: String) throws {
    try workshop.makeDated("new", from: -1, to: 35)
    #expect(throws: CertificateError.self) { try Activation(in: store).bring(files, as: name) }
    #expect(try store.list().isEmpty)
  }

  @Test func `what a crash left is removed by who holds the lock next`() throws {
    try bringFirst()
    for litter in ["certs/.new.1", "certs/shop.test/.new.1"] {
      try workshop.write("half", to: litter)
    }
    symlinkLitter()
    try bringAnother()
    #expect(!Disk.exists(workshop.path("certs/.new.1")))
    let left = try FileManager.default.contentsOfDirectory(
      atPath: workshop.path("certs/shop.test"))
    #expect(left.sorted() == ["current", "v0001", "v0002"])
  }

  private func symlinkLitter() {
    _ = unsafe symlink("v0001", workshop.path("certs/shop.test/current.1.new"))
  }

  @Test func `a key of another user is refused`() throws {
    try workshop.makeCertificate("new")
    let others = KeyFile(path: "certs/a/key.pem", mode: 0o600, owner: 4_711, allowedOwners: [0, 1])
    let report = CertificateGates.check(
      chainPEM: try workshop.bytes("new.crt"), keyPEM: try workshop.bytes("new.key"), name: "x",
      keyFile: others)
    #expect(report.failures.map(\.gate) == [.keyPrivate])
    #expect(
      report.failures.first?.message.hasSuffix("chown --reference=certs/a certs/a/key.pem") == true)
  }
}
